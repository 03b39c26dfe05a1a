"""People who ask twice: merged, made to wait, told apart, and always answered."""

from datetime import timedelta

import pytest

from config.traces import tables_naming
from deletion import actions, tasks
from deletion.errors import MoveNotAllowed, RequestAlreadyOpen
from deletion.models import Certificate, DeletionRequest, Obligation, RequestIdentifier, Share
from deletion.queries.merging import answered_by
from lineage.identifiers import IdentifierKind
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.deletion.builders import (
    DORA,
    INTAKE,
    events,
    make_request,
    plan_and_approve,
    raw,
    right_now,
    state,
    statement_of,
    walk,
)
from tests.lineage.builders import PATIENT_ID, make_dataset, make_namespace, pseudonym

pytestmark = pytest.mark.django_db

LATER = MONDAY + timedelta(days=2)


@pytest.fixture
def patients(tmp_path):
    make_dataset(tmp_path)


def row(opened):
    return DeletionRequest.objects.get(pk=opened.request.pk)


def again(*identifiers, key="k2", **changes):
    return make_request(*identifiers, key=key, caller="user:8", **{"now": LATER, **changes})


def cancel(opened):
    actions.cancel(request_id=opened.request.pk, actor=OFFICER, now=LATER)


def undo(opened):
    return actions.undo_merge(request_id=opened.request.pk, actor=OFFICER, now=LATER)


def sweep_turns():
    tasks.steps.take_turns()


def test_who_asks_twice_is_merged_with_a_receipt_and_clocks_of_their_own():
    make_namespace(PATIENT_ID)
    first = make_request(key="k1")

    second = again(raw(f"  {ALICE.upper()} "))

    merged = row(second)
    assert (merged.state, answered_by(merged)) == ("merged", first.request.pk)
    assert merged.received_at == LATER
    assert second.receipt.commitment_key != first.receipt.commitment_key
    assert events(f"request/{merged.pk}") == ["DeletionRequested", "RequestMerged"]
    assert again(raw(f"  {ALICE.upper()} ")).request.pk == merged.pk  # the same key again


def test_one_work_answers_both_with_a_certificate_each(patients, settings):
    settings.COALESCE = settings.COALESCE * 0
    now = right_now()
    first = make_request(key="k1", now=now - timedelta(days=3))
    second = again(now=now - timedelta(days=2))
    bob = make_request(raw(BOB), key="bob", now=now)
    actions.cancel(request_id=bob.request.pk, actor=OFFICER, now=now)
    assert tables_naming(str(pseudonym(ALICE))) >= {"deletion_requestidentifier"}  # presence

    walk()

    assert [state(first), state(second)] == ["complete", "complete"]
    mine, other = (
        statement_of(Certificate.objects.get(request=one.request))["predicate"]
        for one in (first, second)
    )
    assert other["targets"] == mine["targets"] != []
    assert other["merged_into"] == str(first.request.pk)
    assert "merged_into" not in mine
    assert other["commitments"] == [one for _, one in second.receipt.commitments]
    assert other["data"]["erased_at"] == mine["data"]["erased_at"]
    assert set(Share.objects.values_list("request", flat=True)) == {first.request.pk}
    assert events(f"request/{second.request.pk}")[-1] == "RequestCompleted"
    assert "DataErased" in events(f"request/{second.request.pk}")
    assert row(second).wrapped_key is None
    assert tables_naming(str(pseudonym(ALICE))) == set()
    assert tables_naming(str(pseudonym(BOB))) != set()


def test_a_withdrawn_request_leaves_the_merged_one_as_an_ordinary_one_with_its_own_clock():
    make_namespace(PATIENT_ID)
    first = make_request(key="k1")
    second = again()
    third = again(key="k3", now=LATER + timedelta(hours=1))
    due = (row(second).erase_by, row(second).models_by)

    cancel(first)
    sweep_turns()

    assert (row(second).state, row(second).behind_id) == ("received", None)
    assert (row(second).erase_by, row(second).models_by) == due
    assert answered_by(row(third)) == second.request.pk
    assert RequestIdentifier.objects.get(leads=True).request_id == second.request.pk
    assert events(f"request/{second.request.pk}")[-1] == "RequestUnmerged"
    assert events(f"request/{third.request.pk}")[-2:] == ["RequestUnmerged", "RequestMerged"]


def test_the_merged_one_may_be_withdrawn_and_the_other_goes_on():
    make_namespace(PATIENT_ID)
    first = make_request(key="k1")
    second = again()

    cancel(second)

    assert [state(first), state(second)] == ["received", "cancelled"]
    assert RequestIdentifier.objects.get().request_id == first.request.pk


def test_who_names_more_or_comes_after_the_work_began_waits_for_the_end(patients):
    make_namespace("email")
    first = make_request(key="k1")
    more = again(raw(), raw("alice@example.org", "email"), key="more")
    plan_and_approve(first)
    Share.objects.update(outcome="erased")
    late = again(key="late")

    for opened in (more, late):
        assert (row(opened).state, row(opened).behind_id) == ("received", first.request.pk)
        assert answered_by(row(opened)) is None
        assert events(f"request/{opened.request.pk}")[-1] == "RequestQueued"
    actions.plan_batch(request_ids=[more.request.pk, late.request.pk], actor=OFFICER, now=LATER)
    assert [state(more), state(late)] == ["received", "received"]


def test_who_waited_is_planned_by_themselves_when_the_other_has_ended():
    make_namespace(PATIENT_ID)
    make_namespace("email")
    first = make_request(key="k1")
    second = again(raw(), raw("alice@example.org", "email"))

    cancel(first)
    sweep_turns()

    assert row(second).behind_id is None
    assert RequestIdentifier.objects.filter(leads=True).count() == 2
    assert events(f"request/{second.request.pk}")[-1] == "RequestUnqueued"


def test_an_officer_undoes_a_merge_and_the_request_waits_instead():
    make_namespace(PATIENT_ID)
    first = make_request(key="k1")
    second = again()

    undo(second)

    assert (row(second).state, row(second).behind_id) == ("received", first.request.pk)
    assert events(f"request/{second.request.pk}")[-2:] == ["RequestUnmerged", "RequestQueued"]
    with pytest.raises(MoveNotAllowed):
        undo(second)
    with pytest.raises(MoveNotAllowed):
        actions.place_hold(
            request_id=second.request.pk,
            article="GDPR Art. 17(3)(e)",
            reason="",
            actor=OFFICER,
            now=LATER,
        )


def test_a_merge_lets_no_clock_be_later_and_the_work_is_due_for_the_earlier(patients):
    first = make_request(key="k1", regime="ccpa")
    plan_and_approve(first)
    before = {one.pk: one.due_at for one in Obligation.objects.all()}
    dates = (row(first).erase_by, row(first).models_by)

    second = again(regime="lgpd", now=MONDAY)

    assert row(second).state == "merged"
    assert row(second).models_by < dates[1]
    assert (row(first).erase_by, row(first).models_by) == dates
    for one in Obligation.objects.all():
        assert one.due_at <= before[one.pk]
        assert one.due_at <= (
            row(second).erase_by if one.kind == "erase" else row(second).models_by
        )


def test_a_plan_is_due_for_the_earlier_of_those_it_answers(patients):
    first = make_request(key="k1", regime="ccpa")
    second = again(regime="lgpd", now=MONDAY)

    plan_and_approve(first)

    assert {one.due_at for one in Obligation.objects.filter(kind="erase")} == {row(second).erase_by}


@pytest.mark.parametrize("verification", ["email-code", "account-login"])
def test_no_code_is_sent_to_somebody_of_whom_a_request_is_open(verification, settings):
    settings.EMAIL_HOST = "mail.example.org"
    make_namespace("email", kind=IdentifierKind.EMAIL)
    address = raw("alice@example.org", "email")
    make_request(address, key="k1", verification=verification)

    with pytest.raises(RequestAlreadyOpen):
        again(address, verification="email-code")

    assert DeletionRequest.objects.count() == 1


def test_who_has_shown_who_they_are_goes_before_who_has_not(settings):
    settings.EMAIL_HOST = "mail.example.org"
    make_namespace("email", kind=IdentifierKind.EMAIL)
    make_namespace(PATIENT_ID)
    address = raw("alice@example.org", "email")
    stranger = make_request(address, key="k1", verification="email-code")
    bystander = make_request(raw("bob@example.org", "email"), key="k2", verification="email-code")

    proven = row(again(address))

    assert (proven.state, proven.behind_id) == ("received", None)
    assert (row(stranger).state, row(stranger).behind_id) == ("unverified", proven.pk)
    assert (row(bystander).state, row(bystander).behind_id) == ("unverified", None)
    assert events(f"request/{stranger.request.pk}")[-1] == "RequestQueued"
    assert [one.request_id for one in RequestIdentifier.objects.filter(leads=False)] == [
        stranger.request.pk
    ]

    letter = actions.make_code(request_id=stranger.request.pk, actor=INTAKE, now=LATER)
    assert letter is not None
    actions.confirm_code(request_id=stranger.request.pk, code=letter.code, actor=INTAKE, now=LATER)
    assert (row(stranger).state, row(stranger).behind_id) == ("received", proven.pk)
    actions.cancel(request_id=proven.pk, actor=OFFICER, now=LATER)
    sweep_turns()
    assert (row(stranger).state, row(stranger).behind_id) == ("received", None)


def test_of_two_who_are_unverified_the_one_whose_turn_comes_goes_before_when_they_confirm(settings):
    settings.EMAIL_HOST = "mail.example.org"
    make_namespace("email", kind=IdentifierKind.EMAIL)
    address = raw("alice@example.org", "email")
    waiting = make_request(address, key="k1", verification="email-code")
    proven = again(address)
    cancel(proven)
    stranger = make_request(address, key="k3", verification="email-code")  # before the sweep

    sweep_turns()

    assert (row(waiting).state, row(waiting).behind_id) == ("unverified", stranger.request.pk)
    assert (row(stranger).state, row(stranger).behind_id) == ("unverified", None)

    letter = actions.make_code(request_id=waiting.request.pk, actor=INTAKE, now=LATER)
    assert letter is not None
    actions.confirm_code(request_id=waiting.request.pk, code=letter.code, actor=INTAKE, now=LATER)

    assert (row(waiting).state, row(waiting).behind_id) == ("received", None)  # now they do
    assert (row(stranger).state, row(stranger).behind_id) == ("unverified", waiting.request.pk)
    assert [one.request_id for one in RequestIdentifier.objects.filter(leads=True)] == [
        waiting.request.pk
    ]
    assert events(f"request/{waiting.request.pk}")[-2:] == ["RequestVerified", "RequestUnqueued"]


def test_nobody_takes_their_turn_before_the_other_has_ended():
    make_namespace(PATIENT_ID)
    make_request(key="k1")
    second = again()

    actions.take_turn(request_id=second.request.pk, actor=INTAKE, now=LATER)

    assert state(second) == "merged"  # it is not its turn


def test_who_is_unverified_keeps_nobody_from_their_turn_and_waits_behind_them(settings):
    settings.EMAIL_HOST = "mail.example.org"
    make_namespace(PATIENT_ID)
    make_namespace("email", kind=IdentifierKind.EMAIL)
    address = raw("alice@example.org", "email")
    first = make_request(raw(ALICE), key="k1")
    second = again(raw(ALICE), address)
    stranger = make_request(address, key="k3", verification="email-code")

    cancel(first)
    sweep_turns()

    assert (row(second).state, row(second).behind_id) == ("received", None)
    assert (row(stranger).state, row(stranger).behind_id) == ("unverified", row(second).pk)
    leading = RequestIdentifier.objects.filter(leads=True)
    assert set(leading.values_list("request", flat=True)) == {row(second).pk}
    assert events(f"request/{stranger.request.pk}")[-1] == "RequestQueued"

    cancel(second)
    sweep_turns()

    assert (row(stranger).state, row(stranger).behind_id) == ("unverified", None)
    assert RequestIdentifier.objects.get(leads=True).request_id == row(stranger).pk


@pytest.mark.parametrize("how", ["cancel", "deny"])
def test_a_hold_does_not_end_with_its_request_while_others_wait_for_the_person(how, patients):
    first = make_request(key="k1")
    actions.place_hold(
        request_id=first.request.pk,
        article="GDPR Art. 17(3)(e)",
        reason="a claim",
        actor=OFFICER,
        now=MONDAY,
    )
    second = again()

    def end():
        if how == "cancel":
            return cancel(first)
        return actions.deny(
            request_id=first.request.pk,
            article="GDPR Art. 12(5)(b)",
            told_at=LATER,
            actor=OFFICER,
            now=LATER,
        )

    with pytest.raises(MoveNotAllowed, match="release the hold"):
        end()
    sweep_turns()

    assert [state(first), state(second)] == ["held", "received"]
    assert row(second).behind_id == first.request.pk

    actions.release_hold(request_id=first.request.pk, actor=DORA, now=LATER)
    end()
    sweep_turns()

    assert state(first) in {"cancelled", "denied"}
    assert row(second).behind_id is None
