import time
from datetime import timedelta
from threading import Event

import pytest
from django.db import InterfaceError, OperationalError

from audits.models import Alert
from lineage.errors import LeaseLost
from tests.cast import ALICE, MONDAY
from tests.deaths import dies
from tests.lineage.builders import make_version, recorded
from tests.training.builders import (
    artefact_files,
    artefact_folder,
    files_holding,
    make_model,
    make_patients,
    make_trained_model,
    remove,
    right_now,
    start,
    train,
    version_of,
)
from training import actions, artefacts, queries, tasks
from training.checking import check_people
from training.driving import Step
from training.errors import AttemptFailed
from training.models import ShardFit, Snapshot, TrainingRun
from training.states import RUN_OPEN, RunState
from training.tasks import steps

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(monkeypatch):
    """Collect what would be sent to workers."""
    messages = []
    for name in ("check", "fit", "assemble", "judge", "destroy", "give_up"):
        task = getattr(tasks, name)
        monkeypatch.setattr(
            task, "delay", lambda argument, name=name: messages.append((name, argument))
        )
    return messages


def taken(sent):
    """Take the messages out, and run each as a worker would."""
    waiting, sent[:] = list(sent), []
    for name, argument in waiting:
        getattr(tasks, name).run(argument)
    return sorted({name for name, _ in waiting})


def test_workers_take_a_run_from_message_to_message(tmp_path, sent):
    model = make_model(make_patients(tmp_path).family)
    run_id = start(model)

    tasks.sweep.run()
    rounds = []
    while sent:
        rounds.append(taken(sent))

    assert rounds == [["check"], ["fit"], ["assemble"], ["judge"], ["destroy"]]
    assert queries.run_summary(run_id).state is RunState.SUCCEEDED


def test_a_lost_message_costs_one_sweep(tmp_path, sent):
    run_id = start(make_model(make_patients(tmp_path).family))

    turns = 0
    while queries.run_summary(run_id).state in RUN_OPEN:
        tasks.sweep.run()
        waiting, sent[:] = list(sent), []
        for name, argument in waiting:
            getattr(tasks, name).run(argument)
        sent.clear()  # everything that the tasks sent on is lost
        turns += 1

    assert turns == 5


def test_a_message_that_comes_twice_does_its_work_once(tmp_path, sent):
    run_id = start(make_model(make_patients(tmp_path).family))

    tasks.sweep.run()
    while sent:
        sent.extend(list(sent))
        taken(sent)

    assert queries.run_summary(run_id).state is RunState.SUCCEEDED
    assert Snapshot.objects.count() == 4
    assert len(recorded("VersionTrained")) == 1


def doom(model):
    """Leave the model's versions as a run does that was killed before it destroyed them."""
    model.versions.update(state="withdrawn", withdrawn_at=MONDAY, doomed_at=MONDAY)
    model.snapshots.update(doomed_at=MONDAY)


def test_a_sweep_sends_what_others_doomed(tmp_path, sent):
    model = make_trained_model(tmp_path)
    doom(model)

    tasks.sweep.run()

    assert sent == [("destroy", model.pk)]


def test_under_a_stop_nothing_but_destruction_is_sent(tmp_path, sent):
    model = make_trained_model(tmp_path)
    start(model)
    doom(model)
    actions.stop(scope="everything", reason="r", actor=steps.TRAINER, now=MONDAY)

    tasks.sweep.run()

    assert sent == [("destroy", model.pk)]
    assert artefact_files(model) != set()
    taken(sent)
    assert artefact_files(model) == set()


def test_an_attempt_that_fails_is_noted_and_raised_without_its_words(tmp_path, monkeypatch):
    run_id = start(make_model(make_patients(tmp_path).family))
    tasks.check.run(str(run_id))

    def fail(*_args, **_said):
        raise ValueError(f"could not convert {ALICE}")

    monkeypatch.setattr(steps, "fit_rows", fail)
    with pytest.raises(AttemptFailed) as raised:
        tasks.fit.run(ShardFit.objects.earliest("pk").pk)

    assert str(raised.value) == "ValueError"
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    assert ShardFit.objects.earliest("pk").last_error == "ValueError"
    assert ALICE not in str(recorded("FitFailed"))


def test_our_own_sentences_are_kept(tmp_path):
    folder = tmp_path / "patients"
    run_id = start(make_model(make_patients(folder).family))
    (folder / "part-1.parquet").write_bytes(b"PAR1 truncated")

    with pytest.raises(AttemptFailed, match=r"PartCorrupt: part-1\.parquet"):
        tasks.check.run(str(run_id))

    assert "part-1.parquet" in TrainingRun.objects.get().last_error
    assert recorded("StepFailed")[0]["facts"]["attempts"] == 1


def test_a_place_that_stays_unreadable_ends_the_run_with_an_alert(tmp_path, settings):
    folder = tmp_path / "patients"
    model = make_model(make_patients(folder).family)
    run_id = start(model)
    (folder / "part-1.parquet").write_bytes(b"PAR1 truncated")

    for _ in range(settings.ATTEMPTS):
        TrainingRun.objects.update(not_before=None)
        with pytest.raises(AttemptFailed):
            tasks.check.run(str(run_id))

    summary = queries.run_summary(run_id)
    assert summary.state is RunState.FAILED
    assert summary.reason.startswith("PartCorrupt: part-1.parquet")
    assert Alert.objects.get().kind == "training-failed"


def test_files_that_nobody_registered_are_refused_at_once(tmp_path):
    folder = tmp_path / "patients"
    model = make_model(make_patients(folder).family)
    remove(ALICE, folder)

    summary = train(model)

    assert summary.state is RunState.REFUSED
    assert "register the data set again" in summary.reason


def test_a_forced_run_waits_for_the_registration_and_follows_it(tmp_path):
    folder = tmp_path / "patients"
    model = make_trained_model(folder)
    run_id = start(model, forced=True)
    remove(ALICE, folder)

    with pytest.raises(AttemptFailed, match="ChangedMeanwhile"):
        tasks.drive(run_id)
    assert model.family
    newest = make_version(model.family)
    TrainingRun.objects.update(not_before=None)

    assert tasks.drive(run_id) is RunState.SUCCEEDED
    assert version_of(model, 2).dataset_version == newest


def test_data_replaced_between_two_fits_begins_the_run_again(tmp_path):
    folder = tmp_path / "patients"
    model = make_model(make_patients(folder).family)
    run_id = start(model)
    tasks.check.run(str(run_id))
    first, second = ShardFit.objects.order_by("pk")[:2]
    tasks.fit.run(first.pk)
    remove(ALICE, folder)
    assert model.family
    newest = make_version(model.family)

    tasks.fit.run(second.pk)

    assert TrainingRun.objects.get().state == "waiting"
    assert tasks.drive(run_id) is RunState.SUCCEEDED
    assert version_of(model, 1).dataset_version == newest


def test_a_late_worker_takes_its_file_away_again(tmp_path, monkeypatch):
    model = make_model(make_patients(tmp_path).family)
    run_id = start(model)
    tasks.check.run(str(run_id))
    fit = ShardFit.objects.earliest("pk")
    real = artefacts.keep

    def keep_too_late(*args):
        digest = real(*args)
        ShardFit.objects.filter(pk=fit.pk).update(fencing_token=99)
        return digest

    monkeypatch.setattr(artefacts, "keep", keep_too_late)
    with pytest.raises(LeaseLost):
        tasks.fit.run(fit.pk)

    assert artefact_files(model) == set()


def test_a_late_check_is_not_believed(tmp_path, monkeypatch):
    run_id = start(make_model(make_patients(tmp_path).family))
    real = check_people

    def check_too_late(*args, **said):
        TrainingRun.objects.update(fencing_token=99)
        return real(*args, **said)

    monkeypatch.setattr(steps, "check_people", check_too_late)
    with pytest.raises(LeaseLost):
        tasks.check.run(str(run_id))

    assert not recorded("DataChecked")


def test_a_damaged_champion_does_not_hold_up_a_deletion(tmp_path):
    folder = tmp_path / "patients"
    model = make_trained_model(folder)
    (artefact_folder() / version_of(model, 1).artefact).write_bytes(b"tampered")
    remove(ALICE, folder)
    assert model.family
    make_version(model.family)

    summary = train(model, forced=True)

    assert summary.state is RunState.SUCCEEDED
    assert "champion accuracy" not in summary.metrics
    assert version_of(model, 2).qualification.champion is None
    assert Alert.objects.get(resolved_at=None).kind == "artefact-damaged"


def test_a_tampered_challenger_is_not_judged(tmp_path):
    model = make_model(make_patients(tmp_path).family)
    run_id = start(model)
    for step in (tasks.check, tasks.assemble):
        if step is tasks.assemble:
            for fit in ShardFit.objects.all():
                tasks.fit.run(fit.pk)
        step.run(str(run_id))
    (artefact_folder() / version_of(model, 1).artefact).write_bytes(b"tampered")

    with pytest.raises(AttemptFailed, match="ArtefactMismatch: a file is not as it was written"):
        tasks.judge.run(str(run_id))

    assert version_of(model, 1).state == "trained"


@pytest.mark.django_db(transaction=True)
def test_a_long_step_keeps_its_lease(tmp_path, settings, monkeypatch):
    settings.LEASE = timedelta(milliseconds=300)
    run_id = start(make_model(make_patients(tmp_path).family))
    claimed = []

    def slow(name, claim_again):
        real = getattr(steps, name)

        def work(*args, **said):
            time.sleep(0.9)
            claimed.append(claim_again())
            return real(*args, **said)

        monkeypatch.setattr(steps, name, work)

    usual = {
        "most_attempts": 9,
        "owner": "another",
        "length": settings.LEASE,
        "actor": steps.TRAINER,
    }
    slow(
        "check_people",
        lambda: actions.claim_run(run_id=run_id, step=Step.CHECK, now=right_now(), **usual),
    )
    steps.check(run_id)
    fit = ShardFit.objects.earliest("pk")
    slow("fit_rows", lambda: actions.claim_fit(fit_id=fit.pk, now=right_now(), **usual))
    steps.fit(fit.pk)

    assert claimed == [None, None]
    fit.refresh_from_db()
    assert fit.snapshot is not None


@pytest.mark.parametrize("away", [InterfaceError, OperationalError])
@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_for_a_moment_does_not_end_the_beat_of_a_step(
    tmp_path, settings, monkeypatch, away
):
    settings.LEASE = timedelta(milliseconds=300)
    run_id = start(make_model(make_patients(tmp_path).family))
    beats, third = [], Event()

    def keep(**_said):
        beats.append(1)
        if len(beats) == 3:
            third.set()
        if len(beats) == 1:
            raise away
        return True

    def patient(*args, **said):
        assert third.wait(timeout=10)
        return check_people(*args, **said)

    monkeypatch.setattr(actions, "keep_run", keep)
    monkeypatch.setattr(steps, "check_people", patient)

    assert steps.check(run_id)


def test_nobody_held_out_qualifies_nothing(tmp_path):
    model = make_model(make_patients(tmp_path, hold_out_permille=0).family)

    summary = train(model)

    assert summary.state is RunState.REFUSED
    assert "nobody was held out" in summary.reason


def test_worn_out_runs_are_given_up_by_message(tmp_path, settings):
    run_id = start(make_model(make_patients(tmp_path).family))
    TrainingRun.objects.update(attempts=settings.ATTEMPTS)

    tasks.give_up.run(str(run_id))

    assert queries.run_summary(run_id).state is RunState.FAILED


POINTS = [
    "actions.claim_run",
    "after:actions.claim_run",
    "actions.record_verdicts",
    "after:actions.record_verdicts",
    "after:actions.claim_fit",
    "after:artefacts.keep",
    "after:actions.finish_fit",
    "actions.register_artefact",
    "after:actions.register_artefact",
    "actions.record_judgement",
    "after:actions.record_judgement",
    "artefacts.destroy",
    "after:artefacts.destroy",
    "actions.mark_destroyed",
    "after:actions.mark_destroyed",
    "actions.finish_run",
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_anywhere_in_a_forced_run_is_replaced(tmp_path, point):
    folder = tmp_path / "patients"
    ward = ["isolation", *(["north", "south"] * 79), "north"]
    model = make_model(make_patients(folder, changes={"ward": ward}).family)
    train(model)
    held = files_holding("isolation")
    assert held  # only one person is in that ward, and the artefact says so
    remove(ALICE, folder)
    assert model.family
    newest = make_version(model.family)
    run_id = start(model, forced=True)

    assert dies("tests.training.killed_worker", str(run_id), point)
    TrainingRun.objects.filter(lease_until__isnull=False).update(lease_until=MONDAY)
    ShardFit.objects.filter(lease_until__isnull=False).update(lease_until=MONDAY)
    state = tasks.drive(run_id)

    assert state is RunState.SUCCEEDED
    assert version_of(model, 1).state == "destroyed"
    second = version_of(model, 2)
    assert (second.state, second.dataset_version_id) == ("released", newest.pk)
    assert files_holding("isolation") == set()
    assert files_holding("north") != set()
    assert {path.relative_to(artefact_folder()).as_posix() for path in artefact_files(model)} == {
        second.artefact,
        *second.snapshots.values_list("file", flat=True),
    }
    assert queries.run_summary(run_id).shards_hit == 1
    assert len(recorded("TrainingFinished")) == 2
