from datetime import datetime, timedelta

import pytest

from audits.models import Alert
from config.traces import tables_naming
from deletion import actions
from deletion.errors import MoveNotAllowed, PauseNotAllowed, PauseUnknown, PlanOutdated
from deletion.models import Batch, Certificate, DeletionRequest, Pause
from deletion.queries.pauses import lawful_until, paused_for
from deletion.queries.plans import awaiting_plan
from deletion.queries.requests import may_be_extended, requests_seen_by
from deletion.queries.waiting import waits_for
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.deletion.builders import (
    INTAKE,
    events,
    make_request,
    plan_and_approve,
    raw,
    right_now,
    statement_of,
    walk,
)
from tests.lineage.builders import make_dataset, pseudonym, recorded

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
IDENTITY = "UK GDPR Art. 12A(2)(b)"
FEE = "UK GDPR Art. 12A(2)(c)"
SILENT = "person-does-not-answer"


@pytest.fixture(autouse=True)
def patients(settings, tmp_path):
    settings.COALESCE = settings.COALESCE * 0
    return make_dataset(tmp_path / "patients", [ALICE, BOB])


@pytest.fixture
def opened():
    return make_request(raw(ALICE), regime="uk-gdpr")


def pause(opened, *, article=IDENTITY, asked_at=MONDAY + DAY, now=None):
    return actions.pause(
        request_id=opened.request.pk,
        article=article,
        asked_at=asked_at,
        actor=OFFICER,
        now=now or asked_at + timedelta(hours=1),
    )


def answer(opened, *, answered_at, now=None):
    return actions.end_pause(
        request_id=opened.request.pk,
        answered_at=answered_at,
        actor=OFFICER,
        now=now or answered_at + timedelta(hours=1),
    )


def row(opened):
    return DeletionRequest.objects.get(pk=opened.request.pk)


def test_the_dates_move_by_exactly_the_time_from_the_question_to_the_answer(opened):
    before = opened.request
    lawful_before = lawful_until(before)
    pause(opened)
    assert (row(opened).state, row(opened).paused_since) == ("paused", MONDAY + DAY)
    assert waits_for(row(opened), now=MONDAY).startswith("The person was asked")

    took = timedelta(days=3, hours=5, milliseconds=7)
    after = answer(opened, answered_at=MONDAY + DAY + took, now=MONDAY + 9 * DAY)

    assert (after.state, after.paused_since) == ("received", None)
    assert (after.erase_by, after.models_by) == (before.erase_by + took, before.models_by + took)
    assert after.acknowledge_by == before.acknowledge_by
    assert paused_for(after) == took
    assert lawful_until(after) == lawful_before + took
    assert events(f"request/{before.pk}") == ["DeletionRequested", "RequestPaused", "PauseEnded"]
    (entry,) = recorded("PauseEnded")
    assert datetime.fromisoformat(entry["facts"]["models_by"]) == after.models_by


def test_several_pauses_add_up(opened):
    for day, article in ((1, IDENTITY), (5, FEE), (9, IDENTITY)):
        pause(opened, article=article, asked_at=MONDAY + day * DAY)
        answer(opened, answered_at=MONDAY + (day + 2) * DAY)

    assert row(opened).models_by == opened.request.models_by + 6 * DAY
    assert Pause.objects.count() == 3


@pytest.mark.parametrize("first", ["pause", "extend"])
def test_a_pause_and_an_extension_lead_to_the_same_dates_in_any_order(opened, first):
    def lengthen(now):
        return actions.extend(
            request_id=opened.request.pk,
            reason="the request is complex",
            told_at=now,
            actor=OFFICER,
            now=now,
        )

    if first == "extend":
        lengthen(MONDAY)
    pause(opened)
    if first == "pause":
        lengthen(MONDAY + 2 * DAY)  # even while it is paused
    answer(opened, answered_at=MONDAY + 4 * DAY)

    after = row(opened)
    # One month, two more, and the three days.
    assert lawful_until(after) == MONDAY.replace(month=4) + 3 * DAY
    assert after.models_by == opened.request.models_by + timedelta(days=59 + 3)
    assert after.erase_by == opened.request.erase_by + timedelta(days=59 + 3)


def test_the_time_to_extend_stands_still_as_well(opened):
    first_date = lawful_until(opened.request)
    pause(opened)
    assert may_be_extended(row(opened), now=first_date + DAY)

    answer(opened, answered_at=MONDAY + 11 * DAY)

    assert may_be_extended(row(opened), now=first_date + 10 * DAY)
    assert not may_be_extended(row(opened), now=first_date + 11 * DAY)


def test_a_planned_request_leaves_its_plan_and_nobody_is_lost(opened):
    bob = make_request(raw(BOB), regime="uk-gdpr", key="key-2")
    batch = actions.plan_batch(
        request_ids=[opened.request.pk, bob.request.pk], actor=INTAKE, now=MONDAY
    )
    assert batch is not None

    pause(opened)

    with pytest.raises(PlanOutdated):
        actions.approve_plan(
            batch_id=batch.pk, seen_digest=batch.digest, actor=INTAKE, now=MONDAY + DAY
        )
    actions.dissolve_plan(batch_id=batch.pk, actor=INTAKE, now=MONDAY + DAY)
    assert awaiting_plan(limit=9, now=MONDAY) == [bob.request.pk]
    answer(opened, answered_at=MONDAY + 2 * DAY)
    assert set(awaiting_plan(limit=9, now=MONDAY)) == {opened.request.pk, bob.request.pk}
    assert Batch.objects.get().approved_at is None


def test_a_paused_request_is_not_worked_on_and_completes_after_the_answer_with_its_own_dates():
    asked = right_now() - 3 * DAY
    opened = make_request(raw(ALICE), regime="uk-gdpr", now=asked - DAY)
    pause(opened, asked_at=asked)

    walk()
    assert row(opened).state == "paused"
    assert tables_naming(str(pseudonym(ALICE)))

    answer(opened, answered_at=asked + 2 * DAY)
    walk()

    assert row(opened).state == "complete"
    assert tables_naming(str(pseudonym(ALICE))) == set()
    assert tables_naming(str(pseudonym(BOB)))
    said = statement_of(Certificate.objects.get())["predicate"]
    assert said["models"]["due_at"] == row(opened).models_by.isoformat()
    assert said["moved"] == [
        {
            "article": IDENTITY,
            "reason": Pause.objects.get().reason,
            "told_at": asked.isoformat(),
            "answered_at": (asked + 2 * DAY).isoformat(),
        }
    ]


def test_a_clock_that_stands_still_makes_nothing_late(opened):
    late = opened.request.models_by + 100 * DAY
    pause(opened)
    assert not requests_seen_by(caller=None, overdue=True, now=late).exists()

    answer(opened, answered_at=MONDAY + 2 * DAY)
    assert requests_seen_by(caller=None, overdue=True, now=late).exists()


def test_a_date_that_had_passed_before_the_question_stays_missed(opened):
    asked = opened.request.erase_by + DAY
    pause(opened, asked_at=asked)

    assert requests_seen_by(caller=None, overdue=True, now=asked + DAY).exists()


@pytest.mark.parametrize(
    "said",
    [
        {"article": "GDPR Art. 12(6)"},
        {"asked_at": MONDAY - DAY},
        {"asked_at": MONDAY + 3 * DAY, "now": MONDAY + 2 * DAY},
        {"asked_at": MONDAY + 60 * DAY},
    ],
)
def test_what_the_law_does_not_allow_stops_nothing(opened, said):
    with pytest.raises(PauseNotAllowed):
        pause(opened, **said)

    assert row(opened).state == "received"
    assert events(f"request/{opened.request.pk}") == ["DeletionRequested"]


def test_most_laws_stop_no_clock():
    with pytest.raises(PauseNotAllowed, match="stops no clock"):
        pause(make_request(raw(ALICE), regime="ccpa"))


def test_pauses_do_not_overlap_and_an_answer_follows_its_question(opened):
    with pytest.raises(PauseUnknown):
        answer(opened, answered_at=MONDAY + DAY)
    pause(opened)
    with pytest.raises(MoveNotAllowed):
        pause(opened)
    for wrong in (MONDAY, MONDAY + 5 * DAY):
        with pytest.raises(PauseNotAllowed):
            answer(opened, answered_at=wrong, now=MONDAY + 4 * DAY)
    answer(opened, answered_at=MONDAY + 3 * DAY)

    with pytest.raises(PauseNotAllowed, match="earlier pause"):
        pause(opened, asked_at=MONDAY + 2 * DAY, now=MONDAY + 4 * DAY)
    assert row(opened).models_by == opened.request.models_by + 2 * DAY


def test_work_that_has_begun_is_not_paused(opened):
    plan_and_approve(opened)

    with pytest.raises(MoveNotAllowed):
        pause(opened)


def test_who_does_not_answer_is_asked_about_once(opened):
    def follow(days):
        actions.follow_pauses(actor=OFFICER, now=MONDAY + days * DAY)
        return list(Alert.objects.filter(kind=SILENT).values_list("about", "resolved_at"))

    pause(opened)
    about = f"request/{opened.request.pk}"
    assert follow(14) == []
    assert follow(15) == follow(16) == [(about, None)]

    answer(opened, answered_at=MONDAY + 16 * DAY)
    assert follow(17) == [(about, MONDAY + 17 * DAY)]

    pause(opened, asked_at=MONDAY + 18 * DAY)
    assert len(follow(40)) == 2, "another question is another silence"


def test_a_silence_that_somebody_has_answered_is_not_asked_about_again(opened):
    pause(opened)
    actions.follow_pauses(actor=OFFICER, now=MONDAY + 15 * DAY)
    Alert.objects.update(resolved_at=MONDAY + 15 * DAY)

    actions.follow_pauses(actor=OFFICER, now=MONDAY + 16 * DAY)

    assert Alert.objects.filter(kind=SILENT).count() == 1


def test_a_paused_request_can_be_cancelled_and_its_pause_ends(opened):
    pause(opened)

    actions.cancel(request_id=opened.request.pk, actor=OFFICER, now=MONDAY + 2 * DAY)

    left = Pause.objects.get()
    assert (left.ended_at, left.answered_at) == (MONDAY + 2 * DAY, None)
    assert (row(opened).paused_since, row(opened).wrapped_key) == (None, None)
    with pytest.raises(PauseUnknown):
        answer(opened, answered_at=MONDAY + 3 * DAY)
