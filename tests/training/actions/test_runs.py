from datetime import timedelta

import pytest

from audits.models import Alert
from lineage.errors import LeaseLost
from lineage.models import DatasetVersion
from tests.cast import ALICE, MONDAY, OFFICER
from tests.lineage.builders import make_node, make_version, recorded
from tests.training.builders import (
    artefact_folder,
    drive_until,
    make_model,
    make_patients,
    make_trained_model,
    remove,
    start,
    train,
    version_of,
)
from training import actions, queries, tasks
from training.actions.moves import move
from training.driving import Step
from training.errors import DataRefused, ModelUnknown, MoveNotAllowed, RunUnknown
from training.gates import Gate, Verdict, refused
from training.models import ShardFit, Snapshot, TrainingRun
from training.states import RunState
from training.tasks import steps

pytestmark = pytest.mark.django_db

LENGTH = timedelta(seconds=60)
LATER = MONDAY + LENGTH
CONTENT = Verdict(gate=Gate.SOURCE, passed=True, reason="as registered")


@pytest.fixture
def model(tmp_path):
    return make_model(make_patients(tmp_path / "patients").family)


def claim(run_id, *, step=Step.CHECK, now=MONDAY, owner="host:1"):
    return actions.claim_run(
        run_id=run_id,
        step=step,
        most_attempts=3,
        owner=owner,
        length=LENGTH,
        actor=OFFICER,
        now=now,
    )


def verdicts(run_id, token, *said, plan=None):
    return actions.record_verdicts(
        run_id=run_id, token=token, verdicts=said, plan=plan, actor=OFFICER, now=MONDAY
    )


def test_a_run_begins_and_is_recorded(model):
    run_id = start(model)

    run = TrainingRun.objects.get()
    assert (run.pk, run.state, run.forced) == (run_id, "waiting", False)
    (entry,) = recorded("TrainingStarted")
    assert entry["about"] == "model/triage"
    assert entry["facts"]["source"] == "dataset version patients 1"


def test_the_open_run_of_a_model_is_returned(model):
    first = start(model)

    assert start(model) == first
    assert len(recorded("TrainingStarted")) == 1


def test_what_no_trainer_learns_from_is_refused(model, tmp_path):
    other = make_patients(tmp_path / "others", name="others")

    for node in (make_node().pk, other.node_id):
        with pytest.raises(DataRefused):
            start(model, source=node)
    model.trainer = "release-centroids"
    model.save(update_fields=["trainer"])
    with pytest.raises(DataRefused, match="release-centroids learns from release"):
        start(model, source=DatasetVersion.objects.earliest("pk").node_id)


def test_an_unknown_model_or_run_is_refused(model):
    model.pk = 0
    with pytest.raises(ModelUnknown):
        start(model, source=1)
    with pytest.raises(RunUnknown):
        claim("00000000-0000-0000-0000-000000000000")


def test_a_deletion_forces_the_open_run(model):
    run_id = start(model)

    assert start(model, forced=True) == run_id
    assert start(model, forced=True) == run_id

    assert TrainingRun.objects.get().forced
    assert len(recorded("TrainingForced")) == 1


def test_a_forced_run_follows_the_newer_source(model, tmp_path):
    run_id = start(model)
    remove(ALICE, tmp_path / "patients")
    newest = make_version(model.family)

    assert start(model, forced=True, source=newest.node_id) == run_id

    assert TrainingRun.objects.get().source_id == newest.node_id
    (entry,) = recorded("TrainingRestarted")
    assert entry["about"] == f"training/{run_id}"
    assert entry["facts"]["source"] == "dataset version patients 2"


def test_a_second_deletion_takes_the_forced_run_to_newer_data(model, tmp_path):
    run_id = start(model, forced=True)
    remove(ALICE, tmp_path / "patients")
    newest = make_version(model.family)

    assert start(model, forced=True) == run_id

    assert TrainingRun.objects.get().source_id == newest.node_id
    assert recorded("TrainingForced") == []


def test_a_deletion_takes_a_run_that_destroys_back_to_its_beginning(tmp_path):
    model = make_trained_model(tmp_path / "patients")
    run_id = start(model, forced=True)
    drive_until(run_id, RunState.DESTROYING)
    assert version_of(model, 2).state == "released"
    remove(ALICE, tmp_path / "patients")
    assert model.family
    newest = make_version(model.family)

    assert start(model, forced=True) == run_id
    assert version_of(model, 2).state == "released"
    assert tasks.drive(run_id) is RunState.SUCCEEDED

    assert version_of(model, 3).dataset_version == newest
    assert {version_of(model, number).state for number in (1, 2)} == {"destroyed"}


def test_a_version_whose_run_fails_is_doomed(tmp_path):
    model = make_trained_model(tmp_path)
    run_id = start(model)
    drive_until(run_id, RunState.JUDGING)
    for turn in range(3):
        claim(run_id, step=Step.JUDGE, now=MONDAY + turn * LENGTH)

    actions.give_up(run_id=run_id, most_attempts=3, actor=OFFICER, now=MONDAY + 3 * LENGTH)

    assert version_of(model, 1).state == "released"
    second = version_of(model, 2)
    assert second.state == "withdrawn"
    assert second.doomed_at is not None
    assert recorded("VersionWithdrawn")[0]["facts"]["because"] == "its run failed"


def test_one_worker_has_a_step_at_a_time(model):
    run_id = start(model)

    lease = claim(run_id)

    assert lease is not None
    assert (lease.token, lease.until) == (1, LATER)
    assert claim(run_id, owner="host:2") is None
    assert claim(run_id, step=Step.JUDGE) is None
    again = claim(run_id, now=LATER)
    assert again is not None
    assert again.token == 2
    run = TrainingRun.objects.get()
    assert (run.state, run.attempts, run.started_at) == ("checking", 2, MONDAY)
    assert [entry["facts"]["step"] for entry in recorded("StepClaimed")] == ["checking"] * 2


def test_a_worker_that_lost_its_lease_cannot_report(model):
    run_id = start(model)
    late = claim(run_id)
    claim(run_id, now=LATER)

    with pytest.raises(LeaseLost):
        verdicts(run_id, late.token, refused(Gate.SOURCE, "late"))
    with pytest.raises(LeaseLost):
        actions.fail_step(
            run_id=run_id,
            token=late.token,
            error="late",
            most_attempts=3,
            actor=OFFICER,
            now=LATER,
        )


def test_a_living_worker_keeps_its_lease(model):
    run_id = start(model)
    lease = claim(run_id)

    assert actions.keep_run(run_id=run_id, token=lease.token, length=LENGTH, now=LATER)
    assert not actions.keep_run(run_id=run_id, token=lease.token + 1, length=LENGTH, now=LATER)
    assert claim(run_id, now=LATER) is None
    assert claim(run_id, now=LATER + LENGTH) is not None


def test_nothing_is_claimed_under_a_stop(model):
    run_id = start(model)
    actions.stop(scope="everything", reason="r", actor=OFFICER, now=MONDAY)

    assert claim(run_id) is None
    assert queries.steps_due(most_attempts=3, now=MONDAY) == []


def test_attempts_end(model):
    run_id = start(model)
    for turn in range(3):
        assert claim(run_id, now=MONDAY + turn * LENGTH)
    dead = MONDAY + 3 * LENGTH

    assert claim(run_id, now=dead) is None
    (step,) = queries.steps_due(most_attempts=3, now=dead)
    assert step.step is Step.GIVE_UP
    assert actions.give_up(run_id=run_id, most_attempts=3, actor=OFFICER, now=dead) == "failed"

    run = queries.run_summary(run_id)
    assert (run.state, run.reason) == (RunState.FAILED, "its worker died")
    (entry,) = recorded("TrainingFinished")
    assert entry["facts"]["state"] == "failed"
    assert Alert.objects.get().kind == "training-failed"
    assert actions.give_up(run_id=run_id, most_attempts=3, actor=OFFICER, now=dead) == "failed"


def test_nobody_gives_up_a_run_that_somebody_works_on(model):
    run_id = start(model)
    for turn in range(3):
        claim(run_id, now=MONDAY + turn * LENGTH)

    state = actions.give_up(run_id=run_id, most_attempts=3, actor=OFFICER, now=MONDAY + 2 * LENGTH)

    assert state == RunState.CHECKING


def test_a_failed_attempt_backs_off_and_the_last_one_ends_the_run(model):
    run_id = start(model)
    waits = []
    now = MONDAY
    for _ in range(3):
        lease = claim(run_id, now=now)
        state = actions.fail_step(
            run_id=run_id,
            token=lease.token,
            error="StoreUnreadable: gone",
            most_attempts=3,
            actor=OFFICER,
            now=now,
        )
        run = TrainingRun.objects.get()
        waits.append(state)
        now = run.not_before or now

    assert waits == [RunState.CHECKING, RunState.CHECKING, RunState.FAILED]
    assert [entry["facts"]["attempts"] for entry in recorded("StepFailed")] == [1, 2, 3]
    assert queries.run_summary(run_id).reason == "StoreUnreadable: gone"


def test_a_refusal_of_a_gate_ends_the_run_and_leaves_what_serves(tmp_path):
    model = make_trained_model(tmp_path)
    run_id = start(model)
    lease = claim(run_id)

    state = verdicts(run_id, lease.token, CONTENT, refused(Gate.DUPLICATES, "part b is part a"))
    ended = tasks.drive(run_id)

    assert (state, ended) == (RunState.DESTROYING, RunState.REFUSED)
    assert version_of(model, 1).state == "released"
    assert queries.run_summary(run_id).reason == "duplicates: part b is part a"
    checked = recorded("DataChecked")[-1]["facts"]
    assert checked["verdicts"] == {"source": True, "duplicates": False}
    assert checked["reasons"] == {"source": CONTENT.reason, "duplicates": "part b is part a"}
    alert = Alert.objects.get(resolved_at=None)
    assert (alert.kind, alert.about) == ("training-refused", "model/triage")
    assert "part b is part a" in str(alert.detail)


def test_a_refusal_in_a_forced_run_takes_what_serves_with_it(tmp_path):
    model = make_trained_model(tmp_path)
    run_id = start(model, forced=True)
    lease = claim(run_id)

    verdicts(run_id, lease.token, refused(Gate.DUPLICATES, "part b is part a"))
    ended = tasks.drive(run_id)

    assert ended is RunState.REFUSED
    assert version_of(model, 1).state == "destroyed"
    assert not Snapshot.objects.filter(destroyed_at=None).exists()
    kinds = set(Alert.objects.filter(resolved_at=None).values_list("kind", flat=True))
    assert kinds == {"training-refused", "no-version-serves"}
    alert = Alert.objects.get(kind="no-version-serves")
    assert alert.detail == {"fallback": {"label": "well"}}
    assert [entry["facts"]["version"] for entry in recorded("VersionDestroyed")] == [1]


def test_a_forced_run_of_a_model_without_versions_warns_of_the_refusal_only(model):
    run_id = start(model, forced=True)
    lease = claim(run_id)

    verdicts(run_id, lease.token, refused(Gate.SOURCE, "gone"))

    assert tasks.drive(run_id) is RunState.REFUSED
    assert Alert.objects.get().kind == "training-refused"


def test_a_run_follows_data_that_was_replaced_while_it_waited(model, tmp_path):
    run_id = start(model)
    remove(ALICE, tmp_path / "patients")
    newest = make_version(model.family)

    assert tasks.drive(run_id) is RunState.SUCCEEDED

    assert TrainingRun.objects.get().source_id == newest.node_id
    assert version_of(model, 1).dataset_version == newest
    assert len(recorded("TrainingRestarted")) == 1


def test_a_shard_that_was_fitted_with_somebody_who_left_goes_before_the_run_ends(model, tmp_path):
    run_id = start(model)
    drive_until(run_id, RunState.JUDGING)
    remove(ALICE, tmp_path / "patients")
    make_version(model.family)
    start(model, forced=True)

    drive_until(run_id, RunState.FITTING)

    (hers,) = Snapshot.objects.filter(model=model).exclude(doomed_at=None)
    file = artefact_folder() / hers.file
    assert file.exists()
    assert steps.destroy_doomed(model.pk)
    assert not file.exists()
    assert Snapshot.objects.filter(destroyed_at=None).count() == 3


def test_a_run_whose_data_is_clear_follows_nothing(model):
    run_id = start(model)

    assert not actions.follow_source(run_id=run_id, actor=OFFICER, now=MONDAY)


def test_a_run_that_has_ended_follows_nothing(model, tmp_path):
    run_id = start(model)
    tasks.drive(run_id)
    remove(ALICE, tmp_path / "patients")
    make_version(model.family)

    assert not actions.follow_source(run_id=run_id, actor=OFFICER, now=MONDAY)


def test_a_run_is_not_finished_before_everything_doomed_is_gone(tmp_path):
    model = make_trained_model(tmp_path)
    run_id = start(model, forced=True)
    lease = claim(run_id)
    verdicts(run_id, lease.token, refused(Gate.SOURCE, "gone"))

    early = actions.finish_run(run_id=run_id, actor=OFFICER, now=MONDAY)
    steps.destroy_doomed(model.pk)
    twice = actions.finish_run(run_id=run_id, actor=OFFICER, now=MONDAY)

    assert early is RunState.DESTROYING
    assert twice is RunState.REFUSED
    assert len(recorded("TrainingFinished")) == 2  # of the first training and of this one


def test_a_shard_whose_people_stayed_is_not_fitted_again(tmp_path):
    model = make_trained_model(tmp_path)
    first = version_of(model, 1)

    again = train(model)

    assert (again.shards_hit, again.shards_total) == (0, 4)
    assert ShardFit.objects.filter(reused=True).count() == 4
    second = version_of(model, 2)
    assert set(second.snapshots.all()) == set(first.snapshots.all())
    assert second.artefact_digest == first.artefact_digest
    assert recorded("DataChecked")[-1]["facts"]["reused"] == 4


def test_a_state_that_cannot_be_left_so_is_refused(model):
    run_id = start(model)
    lease = claim(run_id)
    verdicts(run_id, lease.token, refused(Gate.SOURCE, "gone"))
    run = TrainingRun.objects.get()

    with pytest.raises(MoveNotAllowed):
        move(run, RunState.JUDGING)
