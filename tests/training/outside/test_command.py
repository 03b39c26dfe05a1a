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
    make_model,
    make_patients,
    remove,
    right_now,
    start,
)
from tests.training.outside.builders import command, jobs, written
from training import actions, queries, tasks
from training.errors import AttemptFailed, MoveNotAllowed
from training.jobs import Holding
from training.models import OutsideJob, ShardFit, TrainingRun
from training.outside.contract import Watermark, Work
from training.outside.declared import read_declared
from training.states import RUN_OPEN, RunState

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


def look(run_id):
    """Look after a run as the next sweep does; say whether it is still open."""
    TrainingRun.objects.update(not_before=None)
    ShardFit.objects.update(not_before=None)
    tasks.drive(run_id)
    return queries.run_summary(run_id).state in RUN_OPEN


def at_work(run_id, monkeypatch):
    """Look after a run, each time for a moment, until its trainer says how far it is."""
    monkeypatch.setattr("training.tasks.outside.VISIT_SECONDS", 0.3)
    looks = (OutsideJob.objects.get().progress for _ in range(100) if look(run_id))
    assert next(progress for progress in looks if progress is not None) == 40
    assert jobs() == [("train", "running")]


def ended(run_id):
    assert not all(look(run_id) for _ in range(100))
    return queries.run_summary(run_id)


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


def pages_of(role):
    user = User.objects.create_user(f"{role} {User.objects.count()}", is_staff=True)
    user.groups.add(Group.objects.get_or_create(name=role.value)[0])
    client = Client()
    client.force_login(user)
    return client


def test_a_trainer_gets_rows_without_names_and_loses_them_when_it_is_cancelled(
    model, declared, tmp_path, monkeypatch
):
    gate = tmp_path / "go"
    declared(MISBEHAVE=f"sleep {gate}")
    run_id = start(model)

    at_work(run_id, monkeypatch)

    job = OutsideJob.objects.get()
    place = queries.place_of(job)
    spec = json.loads((place / "spec.json").read_text())
    dataset = queries.origin_of(queries.newest_source(model.pk)).dataset
    assert files_naming(place, WARD) == {place / "input" / "rows.parquet"}
    assert not {path for who in MANY for path in files_naming(place, who)}
    assert spec["rows"] == len(MANY) - len(held_out(dataset))
    assert spec["order"] == ["ward", "size", "age"]
    assert job.given["digests"]["rows"] not in (place / "spec.json").read_text()
    assert place.stat().st_mode & 0o077 == 0
    page = reverse("admin:training_trainingrun_change", args=[run_id])
    assert "train on" in pages_of(Role.ENGINEER).get(page).content.decode()
    assert "40 %" in pages_of(Role.AUDITOR).get(page).content.decode()
    assert "train on" not in pages_of(Role.AUDITOR).get(page).content.decode()
    assert processes_with(str(gate))

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


def test_the_log_of_a_failed_run_stays_for_a_day_and_no_longer_than_its_data(
    model, declared, folder, settings
):
    settings.ATTEMPTS = 1
    declared(MISBEHAVE="crash")

    with pytest.raises(AttemptFailed, match="TrainerFailed: the command ended with status 3"):
        tasks.drive(start(model))

    job = OutsideJob.objects.get()
    place = queries.place_of(job)
    assert jobs() == [("train", "failed")]
    assert queries.log_text(job) == f"train on {job.given['rows']} rows\n"
    assert "train on" not in str(recorded("JobEnded"))
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


def opened(run_id, *, slots):
    """Open the work of a run's fit as a worker does that has claimed it."""
    tasks.check.run(str(run_id))
    fit = ShardFit.objects.get(run=run_id)
    lease = actions.claim_fit(
        fit_id=fit.pk,
        most_attempts=9,
        owner="a worker",
        length=timedelta(minutes=1),
        actor=OFFICER,
        now=right_now(),
    )
    assert lease is not None
    return actions.open_job(
        holding=Holding(run_id=run_id, token=lease.token, fit_id=fit.pk),
        work=Work.TRAIN,
        version_id=None,
        revision="nearest",
        watermark=Watermark(version=1, forgotten=0, digest=""),
        limit=timedelta(hours=1),
        slots=slots,
        actor=OFFICER,
        now=right_now(),
    )


def test_a_pool_has_as_many_trainings_outside_as_it_has_slots(model):
    other = make_model(model.family, name="other", trainer="nearest")
    first = opened(start(model), slots=1)
    waiting = start(other)

    assert first is not None
    assert opened(waiting, slots=1) is None
    actions.cancel_run(run_id=first.run_id, actor=OFFICER, now=right_now())
    ShardFit.objects.update(lease_until=None)
    assert opened(waiting, slots=1) is not None


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
