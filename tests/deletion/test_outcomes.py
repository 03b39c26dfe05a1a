"""What becomes of a target is recorded whoever decides it."""

from datetime import timedelta

import pytest

from deletion import actions
from deletion.models import Run, Share
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.deletion.builders import DORA, make_request, plan_and_approve, raw
from tests.lineage.builders import make_dataset, recorded

pytestmark = pytest.mark.django_db

ARTICLE = "GDPR Art. 17(3)(e)"


@pytest.fixture
def alice(tmp_path):
    """ALICE's request beside BOB's; one run has begun for both."""
    make_dataset(tmp_path)
    opened = make_request(raw(ALICE))
    plan_and_approve(opened, make_request(raw(BOB), key="key-2"))
    actions.start_erasure(
        obligation_ids=list(Share.objects.values_list("obligation", flat=True)),
        because="a test",
        actor=OFFICER,
        now=MONDAY,
    )
    return opened.request.pk


def told(request_id):
    return [
        (entry["facts"]["target"], entry["facts"]["outcome"], entry["facts"]["note"])
        for entry in recorded("OutcomeDecided")
        if entry["facts"]["request_id"] == str(request_id)
    ]


def test_a_hold_and_its_release_are_recorded_for_every_open_target(alice):
    actions.place_hold(request_id=alice, article=ARTICLE, reason="", actor=OFFICER, now=MONDAY)
    assert told(alice) == [("store/patients", "held", ARTICLE)]

    actions.release_hold(request_id=alice, actor=DORA, now=MONDAY)

    assert told(alice)[1:] == [("store/patients", "", "")]
    assert len(recorded("OutcomeDecided")) == 2


def test_targets_behind_a_stuck_run_and_its_retry_are_recorded(alice):
    run = Run.objects.get()
    taken = actions.claim_run(
        run_id=run.pk,
        owner="a worker",
        length=timedelta(minutes=1),
        most_attempts=1,
        actor=OFFICER,
        now=MONDAY,
    )
    assert taken is not None
    actions.fail_run(
        run_id=run.pk,
        token=taken.token,
        error="PartCorrupt",
        most_attempts=1,
        actor=OFFICER,
        now=MONDAY,
    )
    assert told(alice) == [("store/patients", "unreachable", "PartCorrupt")]

    actions.retry_run(run_id=run.pk, actor=OFFICER, now=MONDAY)

    assert told(alice)[1:] == [("store/patients", "", "")]
    assert not Share.objects.exclude(outcome="").exists()
