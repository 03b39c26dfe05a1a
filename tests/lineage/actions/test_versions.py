from dataclasses import replace
from datetime import timedelta

import pytest
from django import conf
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audits.models import Alert
from lineage import actions
from lineage.actions import register_version
from lineage.errors import NodeUnknown, ScanOutdated
from lineage.graph import NodeKind, VersionState
from lineage.models import DatasetVersion, Membership, Pseudonym, Subject, Suppression
from lineage.queries import member_shards, memberships_of
from lineage.stores.protocol import Part
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.lineage.builders import (
    PATIENT_ID,
    PEOPLE,
    forget,
    make_family,
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
def family(tmp_path):
    return make_family(make_store(tmp_path))


def parts(**digests: str) -> tuple[Part, ...]:
    return tuple(
        Part(name=name, digest=digest, rows=1, size_bytes=1) for name, digest in digests.items()
    )


def states(family) -> list[str]:
    return list(family.versions.order_by("seq").values_list("state", flat=True))


def test_the_first_version_holds_everybody_whom_the_scan_found(family):
    found = scanned(PEOPLE)

    version = make_version(family, found)

    assert (version.seq, version.state) == (1, VersionState.CLEAR)
    assert (version.row_count, version.member_count) == (5, 5)
    assert version.member_digest == found.member_digest
    assert member_shards(version_id=version.pk) == dict(found.members())
    assert (version.node.kind, version.node.name, version.node.version) == (
        NodeKind.DATASET_VERSION,
        "patients",
        "1",
    )
    assert found.parts_digest(key=conf.settings.PSEUDONYM_KEY) != found.parts_digest(key=bytes(32))
    (entry,) = recorded("DatasetVersionRegistered")
    assert entry["about"] == "dataset/patients"
    assert entry["facts"] == {
        "family": "patients",
        "seq": 1,
        "state": "clear",
        "rows": 5,
        "members": 5,
        "member_digest": found.member_digest,
        "parts": 1,
        "parts_digest": found.parts_digest(key=conf.settings.PSEUDONYM_KEY),
        "joined": 5,
        "left": 0,
        "suppressed": 0,
    }


def test_the_same_content_again_is_the_same_version(family):
    first = make_version(family, scanned(PEOPLE))

    again = make_version(family, scanned(PEOPLE))

    assert first == again
    assert len(recorded("DatasetVersionRegistered")) == 1
    assert Membership.objects.count() == len(PEOPLE)


def test_who_left_is_closed_who_came_is_opened_and_who_stayed_is_not_written(family):
    make_version(family, scanned([ALICE, BOB]))
    bobs_stay = Membership.objects.filter(subject=subject(BOB)).values().get()

    second = make_version(family, scanned([BOB, "carol"]))

    assert [(p.from_seq, p.to_seq) for p in memberships_of([subject(ALICE)])] == [(1, 1)]
    assert [(p.from_seq, p.to_seq) for p in memberships_of([subject("carol")])] == [(2, None)]
    assert Membership.objects.filter(subject=subject(BOB)).values().get() == bobs_stay
    assert set(member_shards(version_id=second.pk)) == {pseudonym(BOB), pseudonym("carol")}
    facts = recorded("DatasetVersionRegistered")[-1]["facts"]
    assert (facts["joined"], facts["left"]) == (1, 1)


def test_who_comes_back_gets_a_second_interval_in_the_same_shard(family):
    for people in ([ALICE, BOB], [BOB], [ALICE, BOB]):
        make_version(family, scanned(people))

    first, second = memberships_of([subject(ALICE)])
    assert (first.from_seq, first.to_seq) == (1, 1)
    assert (second.from_seq, second.to_seq) == (3, None)
    assert first.shard == second.shard


def test_a_person_of_two_families_is_one_subject(family, tmp_path):
    other = make_family(make_store(tmp_path / "other", name="other"), name="other")
    make_version(family, scanned([ALICE, BOB]))

    make_version(other, scanned([ALICE], family="other"))

    assert Subject.objects.count() == Pseudonym.objects.count() == 2
    assert {p.family_id for p in memberships_of([subject(ALICE)])} == {family.pk, other.pk}


def test_known_people_do_not_use_up_numbers(family):
    make_version(family, scanned([ALICE, BOB]))
    for _ in range(3):
        make_version(family, scanned([ALICE]))
        make_version(family, scanned([ALICE, BOB]))

    make_version(family, scanned([ALICE, BOB, "carol"]))

    assert subject("carol") == max(subject(ALICE), subject(BOB)) + 1


def test_a_family_without_anybody_is_a_version_too(family):
    make_version(family, scanned([ALICE]))

    empty = make_version(family, scanned([]))

    assert (empty.seq, empty.member_count, empty.row_count) == (2, 0, 0)
    assert member_shards(version_id=empty.pk) == {}


def test_a_version_of_an_unknown_family_is_refused(db):
    with pytest.raises(NodeUnknown):
        register_version(
            family_id=404, scanned=scanned([ALICE]), since=0, actor=OFFICER, now=MONDAY
        )

    assert not DatasetVersion.objects.exists()


def test_versions_whose_files_were_rewritten_are_superseded(family):
    found = scanned([ALICE, BOB])
    make_version(family, replace(found, parts=parts(a="1", b="1")))

    make_version(family, replace(found, parts=parts(a="1", b="2")))

    assert states(family) == [VersionState.SUPERSEDED, VersionState.CLEAR]
    (entry,) = recorded("DatasetVersionsRetired")
    assert entry["facts"] == {
        "family": "patients",
        "state": "superseded",
        "versions": [1],
        "because_of": 2,
    }


def test_a_version_whose_files_are_all_still_there_stays_usable(family):
    found = scanned([ALICE, BOB])
    make_version(family, replace(found, parts=parts(a="1")))

    make_version(family, replace(found, parts=parts(a="1", b="1")))

    assert states(family) == [VersionState.CLEAR, VersionState.CLEAR]
    assert recorded("DatasetVersionsRetired") == []


def test_a_version_one_of_whose_files_is_gone_is_superseded(family):
    found = scanned([ALICE, BOB])
    make_version(family, replace(found, parts=parts(a="1", b="1")))

    make_version(family, replace(found, parts=parts(a="1")))

    assert states(family) == [VersionState.SUPERSEDED, VersionState.CLEAR]


def test_a_family_remembers_the_most_parts_that_it_ever_had(family):
    found = scanned([ALICE, BOB])
    for there in (parts(a="1"), parts(a="1", b="1", c="1"), parts(a="1")):
        make_version(family, replace(found, parts=there))

    family.refresh_from_db()
    assert family.expected_parts == 3


def test_a_version_with_a_forgotten_person_is_quarantined_and_alerts(family):
    make_version(family, scanned([ALICE, BOB]))
    make_version(family, scanned([BOB]))
    forget(ALICE)
    assert not Alert.objects.exists()

    version = make_version(family, scanned([ALICE.upper(), BOB]))

    assert version.state == VersionState.QUARANTINED
    alert = Alert.objects.get()
    assert (alert.kind, alert.about) == ("suppressed-person-returned", "dataset/patients")
    assert alert.detail == {"version": 3, "people": 1}
    assert recorded("DatasetVersionRegistered")[-1]["facts"]["suppressed"] == 1
    assert states(family) == [
        VersionState.SUPERSEDED,
        VersionState.SUPERSEDED,
        VersionState.QUARANTINED,
    ]
    assert version.member_count == 2  # she is counted
    assert set(member_shards(version_id=version.pk)) == {pseudonym(BOB)}  # and not known again
    assert not Pseudonym.objects.filter(pk=pseudonym(ALICE)).exists()
    assert Subject.objects.count() == 1


def test_a_quarantine_and_its_alert_end_with_the_first_clean_scan(family):
    make_version(family, scanned([ALICE, BOB]))
    forget(ALICE)
    make_version(family, scanned([ALICE, BOB]))
    assert states(family) == [VersionState.QUARANTINED, VersionState.QUARANTINED]

    clean = make_version(family, replace(scanned([BOB]), parts=parts(a="2")))

    assert clean.state == VersionState.CLEAR
    assert states(family)[:2] == [VersionState.SUPERSEDED, VersionState.SUPERSEDED]
    alert = Alert.objects.get()
    assert alert.resolution == "version 3 holds nobody who was forgotten"
    assert [entry["about"] for entry in recorded("AlertResolved")] == ["dataset/patients"]
    assert set(member_shards(version_id=clean.pk)) == {pseudonym(BOB)}


def test_a_forgotten_person_whom_another_request_still_needs_stays_in_the_index(family):
    make_version(family, scanned([ALICE, BOB]))
    number = subject(ALICE)
    actions.forget_subjects(
        subjects=[], tags=[(PATIENT_ID, suppression_tag(ALICE))], actor=OFFICER, now=MONDAY
    )

    version = make_version(family, scanned([ALICE, BOB, "carol"]))

    assert version.state == VersionState.QUARANTINED
    assert subject(ALICE) == number
    assert pseudonym(ALICE) in member_shards(version_id=version.pk)


def test_a_slow_scan_does_not_undo_a_faster_one(family):
    make_version(family, scanned([ALICE, BOB]))
    slow = scanned([ALICE, BOB, "carol"])
    make_version(family, scanned([BOB]))
    members = list(Membership.objects.values())

    with pytest.raises(ScanOutdated, match="patients"):
        register_version(family_id=family.pk, scanned=slow, since=1, actor=OFFICER, now=MONDAY)

    assert list(Membership.objects.values()) == members
    assert family.versions.count() == 2


def test_two_scans_that_found_the_same_are_one_version(family):
    make_version(family, scanned([ALICE]))
    second = make_version(family, scanned([BOB]))

    again = register_version(
        family_id=family.pk, scanned=scanned([BOB]), since=1, actor=OFFICER, now=MONDAY
    )

    assert again == second


def test_a_bystander_who_was_never_forgotten_quarantines_nothing(family):
    forget("nobody-canary-00d1")

    version = make_version(family, scanned([ALICE, BOB]))

    assert version.state == VersionState.CLEAR
    assert not Alert.objects.exists()


def test_registering_a_quarantined_content_again_changes_nothing(family):
    forget(ALICE)
    first = make_version(family, scanned([ALICE]))

    again = make_version(family, scanned([ALICE]))

    assert first == again
    assert Alert.objects.count() == 1
    assert len(recorded("DatasetVersionRegistered")) == 1


def test_files_that_still_hold_a_forgotten_person_quarantine_the_version_made_of_them(family):
    make_version(family, scanned([ALICE, BOB]))
    forget(ALICE)

    make_version(family, scanned([ALICE, BOB]))

    assert states(family) == [VersionState.QUARANTINED, VersionState.QUARANTINED]
    assert recorded("DatasetVersionsRetired")[0]["facts"]["state"] == "quarantined"


def test_a_mark_that_has_expired_quarantines_nothing(family):
    forget(ALICE)
    quarantined = make_version(family, scanned([ALICE]))
    Suppression.objects.update(expires_at=MONDAY + timedelta(days=1))
    assert make_version(family, scanned([ALICE])) == quarantined

    later = register_version(
        family_id=family.pk,
        scanned=scanned([ALICE]),
        since=1,
        actor=OFFICER,
        now=MONDAY + timedelta(days=1),
    )

    assert (later.seq, later.state) == (2, VersionState.CLEAR)


histories = st.lists(st.sets(st.sampled_from("abcdef")), min_size=1, max_size=6)


@given(histories, st.sampled_from([0, 300]))
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_intervals_agree_with_plain_sets_after_any_joins_leaves_and_rejoins(
    tmp_path, history, hold_out_permille
):
    with transaction.atomic():
        family = make_family(make_store(tmp_path), hold_out_permille=hold_out_permille)
        oracle: list[set[str]] = []
        for people in history:
            make_version(family, scanned(sorted(people), hold_out_permille=hold_out_permille))
            if not oracle or people != oracle[-1]:
                oracle.append(people)

        versions = family.versions.order_by("seq")
        assert [version.seq for version in versions] == [n + 1 for n in range(len(oracle))]
        for version, people in zip(versions, oracle, strict=True):
            found = scanned(sorted(people), hold_out_permille=hold_out_permille)
            assert member_shards(version_id=version.pk) == dict(found.members())
            assert (version.member_count, version.member_digest) == (
                len(people),
                found.member_digest,
            )
        for person in set().union(*oracle):
            stays = memberships_of([subject(person)])
            held = [seq for seq, people in enumerate(oracle, start=1) if person in people]
            assert held == [
                seq
                for stay in stays
                for seq in range(stay.from_seq, (stay.to_seq or len(oracle)) + 1)
            ]
        transaction.set_rollback(True)


def test_a_family_of_very_many_files_fits_into_the_trail(family):
    many = {f"day={n}/part.parquet": f"{n:064x}" for n in range(5000)}

    version = make_version(family, replace(scanned([ALICE]), parts=parts(**many)))

    assert len(version.parts) == 5000
    assert recorded("DatasetVersionRegistered")[0]["facts"]["parts"] == 5000
