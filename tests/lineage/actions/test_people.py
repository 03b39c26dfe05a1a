from datetime import timedelta

import pytest

from lineage.actions import forget_subjects, let_expired_go, lift_suppression, look_up
from lineage.errors import IdentifierMalformed, NamespaceUnknown, NotSuppressed
from lineage.graph import EdgeKind, VersionState
from lineage.models import Membership, Pseudonym, Subject, Suppression
from lineage.queries import member_shards, resolve
from lineage.suppression import LiftReason
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.lineage.builders import (
    PATIENT_ID,
    PEOPLE,
    forget,
    make_family,
    make_namespace,
    make_node,
    make_store,
    make_version,
    pseudonym,
    recorded,
    scanned,
    subject,
    suppression_tag,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(tmp_path):
    return make_version(make_family(make_store(tmp_path)), scanned(PEOPLE))


def test_a_forgotten_person_is_nowhere_in_the_index_and_the_bystander_is_untouched(version):
    alice, bob = subject(ALICE), subject(BOB)
    bobs_stay = Membership.objects.filter(subject=bob).values().get()
    assert Membership.objects.filter(subject=alice).exists()
    assert pseudonym(ALICE) in member_shards(version_id=version.pk)

    gone = forget(ALICE)

    assert gone == 1
    assert not Subject.objects.filter(pk=alice).exists()
    assert not Pseudonym.objects.filter(pk=pseudonym(ALICE)).exists()
    assert not Membership.objects.filter(subject=alice).exists()
    assert pseudonym(ALICE) not in member_shards(version_id=version.pk)
    assert subject(BOB) == bob
    assert Membership.objects.filter(subject=bob).values().get() == bobs_stay


def test_a_forgotten_person_stays_recognisable_under_the_other_key_only(version):
    forget(ALICE)

    listed = Suppression.objects.get()
    assert listed.pk == suppression_tag(ALICE) != pseudonym(ALICE)
    assert (listed.namespace_id, listed.suppressed_at) == (PATIENT_ID, MONDAY)
    (entry,) = recorded("SubjectsForgotten")
    assert entry["facts"] == {"subjects": 1, "tags": 1}
    assert str(suppression_tag(ALICE)) not in str(entry)


def test_somebody_who_was_never_here_is_suppressed_all_the_same(version):
    gone = forget("nobody-canary-00d1")

    assert gone == 0
    assert Suppression.objects.count() == 1
    assert Subject.objects.count() == len(PEOPLE)
    assert recorded("SubjectsForgotten")[0]["facts"] == {"subjects": 0, "tags": 1}


def test_forgetting_twice_records_once(version):
    forget(ALICE)
    forget(ALICE)

    assert len(recorded("SubjectsForgotten")) == 1


def test_an_expired_mark_counts_again_when_the_person_is_forgotten_again(version):
    forget(ALICE)
    Suppression.objects.update(suppressed_at=MONDAY - timedelta(days=9), expires_at=MONDAY)

    forget(ALICE)

    listed = Suppression.objects.get()
    assert (listed.suppressed_at, listed.expires_at) == (MONDAY, None)
    assert len(recorded("SubjectsForgotten")) == 2


def test_numbers_of_forgotten_people_are_never_used_again(version):
    alice = subject(ALICE)
    forget(ALICE)
    lift_suppression(
        namespace=PATIENT_ID, value=ALICE, because=LiftReason.CONSENT, actor=OFFICER, now=MONDAY
    )

    make_version(version.family, scanned(PEOPLE))

    assert subject(ALICE) > alice
    assert subject(ALICE) > max(subject(person) for person in PEOPLE[1:])


def test_who_consents_anew_is_lifted_and_the_next_scan_knows_them_again(version):
    forget(ALICE)
    forget(BOB)
    held = make_version(version.family, scanned(PEOPLE))
    assert held.state == VersionState.QUARANTINED
    assert Suppression.objects.count() == 2

    for person in (ALICE, BOB):
        lift_suppression(
            namespace=PATIENT_ID,
            value=person.upper(),
            because=LiftReason.CONSENT,
            actor=OFFICER,
            now=MONDAY,
        )
    again = make_version(version.family, scanned(PEOPLE))

    assert again.state == VersionState.CLEAR
    assert not Suppression.objects.exists()
    assert pseudonym(ALICE) in member_shards(version_id=again.pk)
    entries = recorded("SuppressionLifted")
    assert [entry["facts"] for entry in entries] == [
        {"namespace": PATIENT_ID, "because": "consented anew"}
    ] * 2
    assert ALICE not in str(entries)


def test_the_list_lets_people_go_when_their_time_is_over_and_nobody_else(version, settings):
    settings.SUPPRESSION_DAYS = 30
    forget(ALICE)
    settings.SUPPRESSION_DAYS = 0
    forget(BOB)
    assert {row.expires_at for row in Suppression.objects.all()} == {
        MONDAY + timedelta(days=30),
        None,
    }

    early = let_expired_go(actor=OFFICER, now=MONDAY + timedelta(days=30, seconds=-1))
    on_time = let_expired_go(actor=OFFICER, now=MONDAY + timedelta(days=30))
    again = let_expired_go(actor=OFFICER, now=MONDAY + timedelta(days=31))

    assert (early, on_time, again) == (0, 1, 0)
    assert Suppression.objects.get().pk == suppression_tag(BOB)
    assert [entry["facts"] for entry in recorded("SuppressionsExpired")] == [{"tags": 1}]


def test_lifting_what_is_not_listed_is_refused_and_a_bystander_stays_listed(version):
    forget(BOB)

    with pytest.raises(NotSuppressed):
        lift_suppression(
            namespace=PATIENT_ID, value=ALICE, because=LiftReason.MISTAKE, actor=OFFICER, now=MONDAY
        )

    assert Suppression.objects.get().pk == suppression_tag(BOB)
    assert recorded("SuppressionLifted") == []


def test_a_mark_of_an_unknown_namespace_forgets_nobody(version):
    alice = subject(ALICE)

    with pytest.raises(NamespaceUnknown, match="phone"):
        forget_subjects(
            subjects=[alice],
            tags=[("phone", suppression_tag(ALICE))],
            actor=OFFICER,
            now=MONDAY,
        )

    assert subject(ALICE) == alice
    assert recorded("SubjectsForgotten") == []


def test_a_look_up_finds_a_person_in_any_spelling_and_records_who_asked(version):
    model = make_node(sources=[(version.node_id, EdgeKind.TRAINED_ON)])

    found = look_up(namespace=PATIENT_ID, value=f" {ALICE.upper()}", actor=OFFICER, now=MONDAY)

    (stay,) = found.stays
    assert (stay.store, stay.family, stay.first, stay.last) == ("patients", "patients", 1, None)
    assert found.reach.tainted() == {model.pk}
    assert not found.forgotten
    (entry,) = recorded("PersonLookedUp")
    assert (entry["actor"], entry["about"]) == (OFFICER, "namespace/patient_id")
    assert entry["facts"] == {"namespace": PATIENT_ID, "known": True}
    assert str(pseudonym(ALICE)) not in str(entry)


def test_looking_up_a_stranger_finds_nothing_and_is_recorded_too(version):
    found = look_up(namespace=PATIENT_ID, value="nobody-canary-00d1", actor=OFFICER, now=MONDAY)

    assert (found.stays, found.forgotten) == ((), False)
    assert recorded("PersonLookedUp")[0]["facts"]["known"] is False


def test_looking_up_a_forgotten_person_says_that_they_are_forgotten(version):
    forget(ALICE)

    found = look_up(namespace=PATIENT_ID, value=ALICE, actor=OFFICER, now=MONDAY)

    assert (found.stays, found.forgotten) == ((), True)


def test_a_look_up_names_the_stores_about_which_nothing_is_known(version, tmp_path):
    make_family(make_store(tmp_path / "new", name="never scanned"), name="new")

    found = look_up(namespace=PATIENT_ID, value=BOB, actor=OFFICER, now=MONDAY)

    assert found.unscanned == ("never scanned",)


def test_a_look_up_by_an_unknown_namespace_or_a_malformed_value_is_refused():
    make_namespace()

    with pytest.raises(NamespaceUnknown):
        look_up(namespace="phone", value=ALICE, actor=OFFICER, now=MONDAY)
    with pytest.raises(IdentifierMalformed):
        look_up(namespace=PATIENT_ID, value="", actor=OFFICER, now=MONDAY)

    assert recorded("PersonLookedUp") == []
    assert resolve([]) == {}
