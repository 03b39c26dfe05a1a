"""Alerts about dates and stuck runs: raised while somebody can act, closed when it is over."""

from datetime import timedelta

import pytest

from audits.actions import resolve_alert
from audits.models import Alert
from deletion import actions, tasks
from deletion.models import DeletionRequest, Run
from deletion.outlook import Alarm, Danger
from deletion.queries.deadlines import still_near
from deletion.states import RequestState
from deletion.urgency import Urgency, urgency_of
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.deletion.builders import (
    DORA,
    events,
    make_due,
    make_request,
    plan_and_approve,
    raw,
    right_now,
    state,
    work_off,
)
from tests.lineage.builders import make_dataset, make_namespace

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
CLAIMS = "GDPR Art. 17(3)(e)"


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


def follow(now):
    actions.follow_dates(actor=OFFICER, now=now)


def shown(kind):
    """Return what the alerts of a kind are about, and how they were closed."""
    return list(Alert.objects.filter(kind=kind).order_by("pk").values_list("about", "resolution"))


def about(opened):
    return f"request/{opened.request.pk}"


def test_a_request_that_nobody_works_on_is_alerted_once_when_its_date_draws_near():
    make_namespace()
    opened = make_request()
    due_at = opened.request.erase_by
    part = (due_at - MONDAY) / 5

    follow(due_at - part - DAY)
    assert shown("deadline-near") == []

    for days in range(3):
        follow(due_at - part + days * DAY)

    assert shown("deadline-near") == [(about(opened), "")]
    assert Alert.objects.get().detail == {
        "clock": "data erased",
        "due_at": due_at.isoformat(),
        "state": "received",
    }
    assert events(about(opened)).count("AlertRaised") == 1


def test_what_somebody_answered_is_not_asked_again_for_the_same_date():
    make_namespace()
    opened = make_request()
    due_at = opened.request.erase_by
    follow(due_at)
    resolve_alert(alert_id=Alert.objects.get().pk, resolution="we wait", actor=OFFICER, now=due_at)

    follow(due_at + timedelta(hours=1))
    assert len(shown("deadline-near")) == 1

    follow(opened.request.models_by)
    assert shown("deadline-near") == [(about(opened), "we wait"), (about(opened), "")]


@pytest.mark.parametrize("how", ["planned", "held"])
def test_planned_and_held_requests_are_alerted_as_well(how, tmp_path):
    make_dataset(tmp_path)
    opened = make_request()
    actions.plan_batch(request_ids=[opened.request.pk], actor=OFFICER, now=MONDAY)
    if how == "held":
        actions.place_hold(
            request_id=opened.request.pk, article=CLAIMS, reason="", actor=OFFICER, now=MONDAY
        )

    follow(opened.request.erase_by + DAY)

    assert state(opened) == how
    assert shown("deadline-near") == [(about(opened), "")]


def test_the_database_calls_near_what_the_pages_call_near():
    make_namespace()
    request = make_request().request

    for hours in range(0, 40 * 24, 5):
        now = MONDAY + timedelta(hours=hours)
        urgency = urgency_of(since=MONDAY, due_at=request.erase_by, ended_at=None, now=now)
        is_near = urgency in {Urgency.NEAR, Urgency.OVERDUE}
        assert (still_near([request.pk], now=now) == {request.pk}) is is_near


def test_the_alert_is_closed_when_work_begins_or_the_request_ends(tmp_path):
    make_dataset(tmp_path)
    alice, bob = make_request(raw(ALICE), key="k1"), make_request(raw(BOB), key="k2")
    late = alice.request.erase_by
    follow(late)
    plan_and_approve(alice)
    actions.cancel(request_id=bob.request.pk, actor=OFFICER, now=late)

    follow(late)

    assert set(shown("deadline-near")) == {
        (about(alice), "its targets are at work"),
        (about(bob), "the request is cancelled"),
    }
    assert events(about(bob))[-1] == "AlertResolved"


def test_the_alert_is_closed_when_the_date_was_kept_after_all():
    make_namespace()
    opened = make_request()
    due_at = opened.request.erase_by
    DeletionRequest.objects.update(models_by=due_at + 365 * DAY)
    follow(due_at)
    DeletionRequest.objects.update(erased_at=due_at)

    follow(due_at)

    assert shown("deadline-near") == [(about(opened), "the date was kept")]


def test_a_request_whose_targets_have_ended_and_that_cannot_be_completed_is_alerted(tmp_path):
    make_dataset(tmp_path)
    opened = make_request(now=right_now())
    tasks.sweep()
    work_off()
    assert state(opened) == "in progress"

    follow(opened.request.models_by)

    assert shown("deadline-near") == [(about(opened), "")]
    assert Alert.objects.get().detail["clock"] == "models clean"


def test_an_alert_about_a_target_is_closed_when_all_have_ended_that_waited_then(tmp_path):
    make_dataset(tmp_path)
    first = make_request(raw(ALICE), key="k1", now=right_now())
    tasks.sweep()
    alarm = Alarm(
        danger=Danger.WILL_BE_LATE,
        target="store/patients",
        due_at=first.request.erase_by,
        expected_at=None,
    )
    for _ in range(3):
        actions.warn_of(alarm=alarm, actor=OFFICER, now=right_now())
    follow(right_now())
    assert shown("deadline-will-be-late") == [("store/patients", "")]

    work_off()
    plan_and_approve(make_request(raw(BOB), key="k2", now=right_now()), now=right_now())
    tasks.sweep()

    (alert,) = shown("deadline-will-be-late")
    assert alert == ("store/patients", "nothing that waited for it then is open")
    assert state(first) == "complete"


def test_an_alert_about_a_target_is_closed_when_nobody_waits_but_the_held(tmp_path):
    make_dataset(tmp_path)
    opened = make_request(now=right_now())
    plan_and_approve(opened, now=right_now())
    alarm = Alarm(
        danger=Danger.WILL_BE_LATE, target="store/patients", due_at=MONDAY, expected_at=None
    )
    actions.warn_of(alarm=alarm, actor=OFFICER, now=right_now())
    actions.place_hold(
        request_id=opened.request.pk, article=CLAIMS, reason="", actor=OFFICER, now=right_now()
    )

    follow(opened.request.erase_by)

    (alert,) = shown("deadline-will-be-late")
    assert alert[1] == "nothing that waited for it then is open"
    assert shown("deadline-near") == [(about(opened), "")]  # its own clock goes on


def make_stuck(tmp_path, settings):
    settings.ATTEMPTS = 1
    make_dataset(tmp_path / "data")
    opened = make_request(now=right_now())
    (tmp_path / "data").rename(tmp_path / "moved")
    for _ in range(2):
        tasks.sweep()
        work_off()
        make_due()
    run = Run.objects.get()
    assert run.state == "stuck"
    return opened, run


def test_a_stuck_runs_alert_is_closed_when_it_is_tried_again_and_raised_anew(tmp_path, settings):
    opened, run = make_stuck(tmp_path, settings)
    assert shown("run-stuck") == [(f"run/{run.pk}", "")]

    actions.retry_run(run_id=run.pk, actor=DORA, now=right_now())

    assert shown("run-stuck") == [(f"run/{run.pk}", "it is tried again")]
    assert Alert.objects.get(kind="run-stuck").resolved_by == DORA
    for _ in range(2):
        tasks.sweep()
        work_off()
        make_due()
    assert [why for _, why in shown("run-stuck")] == ["it is tried again", ""]

    (tmp_path / "moved").rename(tmp_path / "data")
    actions.retry_run(run_id=run.pk, actor=DORA, now=right_now())
    tasks.sweep()
    work_off()
    tasks.sweep()
    assert state(opened) == RequestState.COMPLETE
    assert not Alert.objects.filter(kind="run-stuck", resolved_at=None).exists()


def test_a_merged_request_is_alerted_although_the_clocks_of_the_other_stand_still():
    make_namespace()
    first = make_request(key="k1", regime="uk-gdpr")
    second = make_request(key="k2", regime="uk-gdpr")
    actions.pause(
        request_id=first.request.pk,
        article="UK GDPR Art. 12A(2)(b)",
        asked_at=MONDAY,
        actor=OFFICER,
        now=MONDAY,
    )

    follow(DeletionRequest.objects.get(pk=second.request.pk).erase_by)

    assert state(second) == "merged"
    assert shown("deadline-near") == [(about(second), "")]
