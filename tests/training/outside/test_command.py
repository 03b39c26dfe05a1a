"""A command as a trainer, driven to the end: real processes, a real database, real files."""

import json
from contextlib import suppress
from datetime import timedelta

import psutil
import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from audits.permissions import Role
from config.traces import files_naming
from lineage.queries import member_shards
from lineage.sharding import HOLD_OUT
from tests.cast import ALICE, OFFICER
from tests.deaths import dies
from tests.lineage.builders import make_version, recorded
from tests.training.builders import (
    MANY,
    artefact_folder,
    make_model,
    make_patients,
    remove,
    right_now,
    start,
)
from tests.training.outside.builders import command, jobs, written
from training import actions, queries, tasks
from training.errors import AttemptFailed, MoveNotAllowed
from training.models import OutsideJob, ShardFit, TrainingRun
from training.outside.declared import read_declared
from training.states import RunState

pytestmark = pytest.mark.django_db

WARD = "isolation-canary-5f"  # only Alice is there
WARDS = {"ward": [WARD, *(["north", "south"] * 79), "north"]}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "patients"


@pytest.fixture
def declared(settings):
    def declare(**said):
        settings.TRAINERS = command(**said)

    declare()
    return declare


@pytest.fixture
def model(folder, declared):
    return make_model(make_patients(folder, changes=WARDS).family, trainer="nearest")


def held_out(version):
    return [who for who, shard in member_shards(version_id=version.pk).items() if shard == HOLD_OUT]


def test_a_trainer_gets_the_rows_of_training_and_no_identifier(model, folder, declared, tmp_path):
    gate = tmp_path / "go"
    declared(MISBEHAVE=f"sleep {gate}")
    run_id = start(model)

    at_work(run_id)

    job = OutsideJob.objects.get()
    place = artefact_folder() / queries.folder_of(job)
    spec = json.loads((place / "spec.json").read_text())
    dataset = queries.origin_of(queries.newest_source(model.pk)).dataset
    assert files_naming(place, WARD) == {place / "input" / "rows.parquet"}
    assert not {path for who in MANY for path in files_naming(place, who)}
    assert spec["rows"] == len(MANY) - len(held_out(dataset))
    assert spec["order"] == ["ward", "size", "age"]
    assert not set(job.given["digests"].values()) & set(
        (place / "spec.json").read_text().split('"')
    )
    assert place.stat().st_mode & 0o077 == 0
    gate.touch()
    assert ended(run_id).state is RunState.SUCCEEDED


def at_work(run_id):
    """Drive a run until its trainer is at work outside."""
    assert tasks.drive(run_id) is RunState.FITTING
    assert jobs() == [("train", "running")]


def ended(run_id):
    TrainingRun.objects.update(not_before=None)
    ShardFit.objects.update(not_before=None)
    tasks.drive(run_id)
    return queries.run_summary(run_id)


@pytest.fixture(autouse=True)
def short_visits(monkeypatch):
    """Let a worker look for a moment only; who sleeps longer is left alone."""
    monkeypatch.setattr("training.tasks.outside.VISIT_SECONDS", 1.5)


def test_a_crash_is_tried_again_and_its_log_can_be_read(model, declared):
    declared(MISBEHAVE="crash")
    run_id = start(model)

    with pytest.raises(AttemptFailed, match="TrainerFailed: the command ended with status 3"):
        tasks.drive(run_id)

    job = OutsideJob.objects.get()
    place = artefact_folder() / queries.folder_of(job)
    assert (place / "log").read_text() == f"train on {job.given['rows']} rows\n"
    assert job.state == "failed"
    declared()
    assert ended(run_id).state is RunState.SUCCEEDED
    assert jobs() == [("train", "failed"), ("train", "succeeded"), ("predict", "succeeded")]
    assert not place.exists()
    assert "train on" not in str(recorded("JobEnded"))


def test_a_lie_about_what_was_read_is_found_out(model, declared):
    declared(MISBEHAVE="lie")
    run_id = start(model)

    with pytest.raises(AttemptFailed, match="ResultDisagrees: it says that it read other rows"):
        tasks.drive(run_id)

    assert jobs() == [("train", "failed")]
    assert not model.versions.exists()


def test_a_trainer_that_takes_too_long_is_ended_with_all_that_it_started(model, declared, tmp_path):
    declared(MISBEHAVE=f"sleep {tmp_path / 'never'}", limit_seconds=0.7)
    run_id = start(model)

    with pytest.raises(AttemptFailed, match="took longer than its limit"):
        tasks.drive(run_id)

    assert jobs() == [("train", "failed")]
    assert not processes_with(str(tmp_path / "never"))


def processes_with(text):
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if text in process.environ().get("MISBEHAVE", ""):
                found.append(process.pid)
    return found


def test_cancelling_ends_the_command_and_destroys_what_it_was_given(model, declared, tmp_path):
    gate = tmp_path / "go"
    declared(MISBEHAVE=f"sleep {gate}")
    run_id = start(model)
    at_work(run_id)
    place = artefact_folder() / queries.folder_of(OutsideJob.objects.get())
    page = reverse("admin:training_trainingrun_change", args=[run_id])
    assert processes_with(str(gate))
    assert (place / "input" / "rows.parquet").exists()
    assert "train on" in pages_of(Role.ENGINEER).get(page).content.decode()
    assert "40 %" in pages_of(Role.AUDITOR).get(page).content.decode()
    assert "train on" not in pages_of(Role.AUDITOR).get(page).content.decode()

    pressed = reverse("admin:training_trainingrun_cancel", args=[run_id])
    assert pages_of(Role.ENGINEER).post(pressed, follow=True).status_code == 200

    assert queries.run_summary(run_id).state is RunState.FAILED
    assert queries.doomed_models(now=right_now()) == [model.pk]
    tasks.destroy.run(model.pk)
    assert processes_with(str(gate)) == []
    assert not place.exists()
    assert jobs() == [("train", "cancelled")]
    assert len(recorded("TrainingCancelled")) == 1
    with pytest.raises(MoveNotAllowed):
        actions.cancel_run(run_id=run_id, actor=OFFICER, now=right_now())


def pages_of(role):
    user = User.objects.create_user(f"{role} {User.objects.count()}", is_staff=True)
    user.groups.add(Group.objects.get_or_create(name=role.value)[0])
    client = Client()
    client.force_login(user)
    return client


def test_the_log_of_a_failed_run_stays_for_a_day_and_no_longer_than_its_data(
    model, declared, folder, settings
):
    settings.ATTEMPTS = 1
    declared(MISBEHAVE="crash")
    with pytest.raises(AttemptFailed):
        tasks.drive(start(model))
    job = OutsideJob.objects.get()
    place = artefact_folder() / queries.folder_of(job)

    tasks.destroy.run(model.pk)

    assert [path.name for path in place.iterdir()] == ["log"]
    assert queries.loose_snapshots([model.family_id]) == [model.name]
    assert queries.doomed_models(now=right_now()) == []
    assert queries.doomed_models(now=right_now() + timedelta(days=1)) == [model.pk]
    remove(ALICE, folder)
    make_version(model.family)
    assert queries.doomed_models(now=right_now()) == [model.pk]
    tasks.destroy.run(model.pk)
    assert not place.exists()
    assert queries.loose_snapshots([model.family_id]) == []
    assert [entry["facts"]["log"] for entry in recorded("JobDestroyed")] == [False, True]


def test_a_pool_has_as_many_trainings_outside_as_it_has_slots(model, declared, settings, tmp_path):
    gate = tmp_path / "go"
    declared(MISBEHAVE=f"sleep {gate}")
    settings.POOL_SLOTS_OF = {"training/default": 1}
    at_work(start(model))
    other = make_model(model.family, name="other", trainer="nearest")
    waiting = start(other)

    tasks.drive(waiting)

    assert jobs() == [("train", "running")]
    gate.touch()
    TrainingRun.objects.update(not_before=None)
    ShardFit.objects.update(not_before=None)
    tasks.drive(TrainingRun.objects.exclude(pk=waiting).get().pk)
    assert ended(waiting).state is RunState.SUCCEEDED
    assert ShardFit.objects.get(run=waiting).attempts == 1


@pytest.mark.django_db(transaction=True)
def test_work_goes_on_when_its_worker_is_killed_and_the_next_one_finds_it(
    model, tmp_path, settings
):
    gate, trainers = tmp_path / "go", tmp_path / "trainers.toml"
    trainers.write_text(written(MISBEHAVE=f"sleep {gate}"))
    settings.TRAINERS = read_declared(trainers.read_text())
    run_id = start(model)

    assert dies("tests.training.outside.killed_worker", str(run_id), str(trainers))

    assert jobs() == [("train", "running")]
    (group,) = processes_with(str(gate))
    gate.touch()
    ShardFit.objects.update(lease_until=None)  # what time does
    assert ended(run_id).state is RunState.SUCCEEDED
    assert jobs() == [("train", "succeeded"), ("predict", "succeeded")]
    assert not psutil.pid_exists(group)
    assert len(recorded("JobOpened")) == 2
