from datetime import timedelta

import pytest

from audits.models import Alert
from lineage.errors import LeaseLost
from tests.cast import MONDAY, OFFICER
from tests.lineage.builders import recorded
from tests.training.builders import artefact_folder, make_model, make_patients, start
from training import actions, queries, tasks
from training.models import ShardFit, Snapshot, TrainingRun
from training.states import RunState

pytestmark = pytest.mark.django_db

LENGTH = timedelta(seconds=60)
LATER = MONDAY + LENGTH


@pytest.fixture
def fit(tmp_path):
    """Return the first shard of a run whose data has been checked."""
    run_id = start(make_model(make_patients(tmp_path / "patients").family))
    tasks.check.run(str(run_id))
    return ShardFit.objects.order_by("shard")[0]


@pytest.fixture(autouse=True)
def no_messages(monkeypatch):
    """Let tasks send nothing: what they would send is asked of `steps_due`."""
    monkeypatch.setattr(tasks, "_send", lambda _steps: None)


def claim(fit, *, now=MONDAY):
    return actions.claim_fit(
        fit_id=fit.pk, most_attempts=3, owner="host:1", length=LENGTH, actor=OFFICER, now=now
    )


def finish(fit, token, *, file="a.json"):
    return actions.finish_fit(
        fit_id=fit.pk, token=token, file=file, digest="d" * 64, actor=OFFICER, now=MONDAY
    )


def fail(fit, token, *, now=MONDAY):
    return actions.fail_fit(
        fit_id=fit.pk,
        token=token,
        error="MemoryError",
        most_attempts=3,
        actor=OFFICER,
        now=now,
    )


def test_one_worker_has_a_shard_at_a_time(fit):
    lease = claim(fit)

    assert lease is not None
    assert claim(fit) is None
    assert claim(fit, now=LATER).token == 2
    assert [entry["facts"]["token"] for entry in recorded("FitClaimed")] == [1, 2]


def test_a_fitted_shard_has_a_snapshot_and_is_not_claimed_again(fit):
    lease = claim(fit)

    snapshot = finish(fit, lease.token)

    fit.refresh_from_db()
    assert fit.snapshot == snapshot
    assert (snapshot.key, snapshot.shard) == (fit.key, fit.shard)
    (entry,) = recorded("ShardFitted")
    assert entry["facts"]["snapshot"] == "d" * 64
    assert entry["about"] == f"training/{fit.run_id}"
    assert claim(fit, now=LATER) is None
    with pytest.raises(LeaseLost):
        finish(fit, lease.token)


def test_a_worker_that_lost_its_lease_leaves_no_snapshot(fit):
    late = claim(fit)
    claim(fit, now=LATER)

    with pytest.raises(LeaseLost):
        finish(fit, late.token)
    with pytest.raises(LeaseLost):
        fail(fit, late.token)

    assert not Snapshot.objects.exists()


def test_a_living_worker_keeps_its_lease(fit):
    lease = claim(fit)

    assert actions.keep_fit(fit_id=fit.pk, token=lease.token, length=LENGTH, now=LATER)
    assert claim(fit, now=LATER) is None
    finish(fit, lease.token)
    assert not actions.keep_fit(fit_id=fit.pk, token=lease.token, length=LENGTH, now=LATER)
    assert not actions.keep_fit(fit_id=0, token=lease.token, length=LENGTH, now=LATER)


def test_nothing_is_claimed_under_a_stop_or_that_is_not_there(fit):
    assert (
        actions.claim_fit(
            fit_id=0, most_attempts=3, owner="o", length=LENGTH, actor=OFFICER, now=MONDAY
        )
        is None
    )
    actions.stop(scope="model/triage", reason="r", actor=OFFICER, now=MONDAY)

    assert claim(fit) is None


def test_a_failed_attempt_backs_off(fit):
    lease = claim(fit)

    assert fail(fit, lease.token) is RunState.FITTING

    fit.refresh_from_db()
    assert (fit.last_error, fit.attempts, fit.lease_until) == ("MemoryError", 1, None)
    assert fit.not_before > MONDAY
    assert claim(fit) is None
    assert claim(fit, now=fit.not_before) is not None
    (entry,) = recorded("FitFailed")
    assert entry["facts"]["error"] == "MemoryError"


def test_the_last_attempt_at_one_shard_ends_the_run(fit):
    now = MONDAY
    states = []
    for _ in range(3):
        lease = claim(fit, now=now)
        states.append(fail(fit, lease.token, now=now))
        fit.refresh_from_db()
        now = fit.not_before

    assert states[-1] is RunState.FAILED
    assert Alert.objects.get().kind == "training-failed"
    assert queries.run_summary(fit.run_id).reason == "MemoryError"
    assert recorded("TrainingFinished")[0]["facts"]["state"] == "failed"


def test_a_shard_fitted_after_its_run_has_ended_is_not_kept(fit):
    other = ShardFit.objects.order_by("shard")[1]
    lease = claim(other)
    for turn in range(3):
        claim(fit, now=MONDAY + turn * LENGTH)
    dead = MONDAY + 3 * LENGTH
    actions.give_up(run_id=fit.run_id, most_attempts=3, actor=OFFICER, now=dead)

    with pytest.raises(LeaseLost):
        finish(other, lease.token)

    assert not Snapshot.objects.exists()


def test_what_a_failed_run_has_fitted_is_doomed(fit):
    finish(fit, claim(fit).token)
    other = ShardFit.objects.order_by("shard")[1]
    for turn in range(3):
        claim(other, now=MONDAY + turn * LENGTH)

    actions.give_up(run_id=fit.run_id, most_attempts=3, actor=OFFICER, now=MONDAY + 3 * LENGTH)

    assert Snapshot.objects.get().doomed_at is not None
    assert recorded("SnapshotsDoomed")[0]["facts"]["snapshots"] == 1
    assert queries.doomed_models(now=MONDAY) == [fit.run.model_id]


def test_a_damaged_snapshot_is_fitted_again(fit):
    for one in ShardFit.objects.order_by("shard"):
        tasks.fit.run(one.pk)
    snapshot = Snapshot.objects.get(shardfit=fit)
    (artefact_folder() / snapshot.file).write_bytes(b"{}")

    assert tasks.drive(fit.run_id) is RunState.SUCCEEDED

    (entry,) = recorded("SnapshotsRefused")
    assert entry["facts"]["shards"] == [fit.shard]
    assert Alert.objects.get(resolved_at=None).kind == "artefact-damaged"
    snapshot.refresh_from_db()
    assert snapshot.destroyed_at is not None
    fit.refresh_from_db()
    assert fit.snapshot != snapshot
    assert queries.run_summary(fit.run_id).shards_hit == 4


def test_a_damaged_snapshot_of_an_earlier_run_counts_as_fitted_again(fit):
    tasks.drive(fit.run_id)
    (artefact_folder() / Snapshot.objects.earliest("pk").file).unlink()
    model = fit.run.model

    run_id = start(model)
    tasks.drive(run_id)

    summary = queries.run_summary(run_id)
    assert (summary.state, summary.shards_hit) == (RunState.SUCCEEDED, 1)
    assert TrainingRun.objects.count() == 2
