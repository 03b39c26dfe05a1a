"""What an open request waits for is said in words, with the moment where it is known."""

import re
from datetime import timedelta

import pytest

from deletion import actions, tasks
from deletion.models import DeletionRequest, Run, RunPart
from deletion.queries import work
from deletion.queries.requests import targets_of
from deletion.queries.waiting import waits_for
from tests.cast import ALICE, BOB, OFFICER
from tests.deletion.builders import make_request, raw, right_now, state, work_off
from tests.lineage.builders import make_dataset, make_namespace
from tests.training.builders import make_trained_model
from training.actions import stop

pytestmark = pytest.mark.django_db

MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


def whole(opened):
    return waits_for(DeletionRequest.objects.get(pk=opened.request.pk), now=right_now())


def by_target(opened):
    row = DeletionRequest.objects.get(pk=opened.request.pk)
    return {one.target: one.waits_for for one in targets_of(row, now=right_now())}


def test_before_work_begins_it_waits_for_a_place_a_plan_or_an_approval(tmp_path, settings):
    settings.APPROVE_UP_TO = 0
    make_namespace("shoe_size")
    lost = make_request(raw("44", "shoe_size"), key="k1", now=right_now())
    make_dataset(tmp_path)
    opened = make_request(raw(ALICE), key="k2", now=right_now())

    assert whole(lost) == "It waits for a store that can be searched for such a person."
    assert whole(opened) == "It waits to be planned."
    tasks.sweep()
    assert whole(opened) == "Its plan, for 1 person, waits for an officer to approve it."


def test_a_hold_is_named_with_its_article_and_since_when(tmp_path):
    make_dataset(tmp_path)
    opened = make_request(raw(ALICE), now=right_now())
    actions.place_hold(
        request_id=opened.request.pk,
        article="GDPR Art. 17(3)(e)",
        reason="a claim",
        actor=OFFICER,
        now=right_now(),
    )

    assert re.search(rf"since {MOMENT}.*GDPR Art\. 17\(3\)\(e\)", whole(opened))


def test_work_waits_for_a_stop_a_feeder_or_its_latest_safe_start(tmp_path, settings):
    settings.COALESCE = timedelta(days=1)
    make_trained_model(tmp_path)
    opened = make_request(raw(ALICE), now=right_now())
    tasks.sweep()

    waits = by_target(opened)
    assert re.match(rf"its start until {MOMENT}: ", waits["store/patients"])
    assert "waits for store/patients" in waits["model/triage"]
    stop(scope="everything", reason="a doubt", actor=OFFICER, now=right_now())
    assert "a stop is down" in by_target(opened)["store/patients"]


def test_a_run_waits_for_a_worker_a_lease_a_backoff_and_then_for_a_person(tmp_path, settings):
    settings.ATTEMPTS = 2
    make_dataset(tmp_path)
    opened = make_request(raw(ALICE), now=right_now())
    tasks.sweep()
    assert by_target(opened) == {"store/patients": "a free worker"}
    (run,) = work.waiting_runs(now=right_now(), limit=1)
    tasks.close_run(str(run))
    (part,) = work.waiting_parts(now=right_now(), limit=1)
    lease = actions.claim_part(
        part_id=part,
        owner="w",
        length=timedelta(minutes=2),
        most_attempts=2,
        actor=OFFICER,
        now=right_now(),
    )
    assert lease is not None
    assert re.search(
        f"0 of 1 parts are done: heard of until {MOMENT}", by_target(opened).popitem()[1]
    )

    def fail():
        actions.fail_part(
            part_id=part,
            token=lease.token,
            error="PartCorrupt: x",
            most_attempts=2,
            actor=OFFICER,
            now=right_now(),
        )

    fail()
    assert re.fullmatch(
        f"another attempt, not before {MOMENT}, after PartCorrupt: x",
        by_target(opened).popitem()[1],
    )
    RunPart.objects.update(attempts=2)
    fail()
    assert Run.objects.get().state == "stuck"
    assert by_target(opened) == {"store/patients": "a person to look: PartCorrupt: x"}
    assert whole(opened) == "store/patients waits for a person to look: PartCorrupt: x."


def test_when_every_target_has_ended_it_waits_for_its_certificate(tmp_path):
    make_dataset(tmp_path)
    opened = make_request(raw(ALICE), now=right_now())
    make_request(raw(BOB), key="k2", now=right_now())
    tasks.sweep()
    work_off()

    assert whole(opened) == "Every target has ended: it waits for its certificate."
    tasks.sweep()
    assert (state(opened), whole(opened)) == ("complete", "")
