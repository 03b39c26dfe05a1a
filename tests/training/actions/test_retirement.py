from base64 import b64decode

import pytest

from audits.models import Alert
from lineage.actions import retire_families
from lineage.errors import FamilyRetired, LeaseLost
from lineage.leases import Token
from tests.cast import MONDAY, OFFICER
from tests.lineage.builders import recorded
from tests.training.builders import (
    artefact_files,
    artefact_folder,
    drive_until,
    make_model,
    make_patients,
    right_now,
    start,
    train,
    version_of,
)
from training import queries, tasks
from training.actions import finish_fit, give_up_models
from training.models import Model, ShardFit, Snapshot, TrainingRun
from training.states import RunState, VersionState
from training.tasks import steps

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(tmp_path):
    model = make_model(make_patients(tmp_path / "patients").family)
    train(model)
    return model


@pytest.fixture
def bystander(tmp_path):
    model = make_model(make_patients(tmp_path / "other", name="other").family, name="beds")
    train(model)
    return model


def give_up(model):
    family = model.family
    retire_families(family_ids=[family.pk], actor=OFFICER, now=MONDAY)
    nodes = set(family.versions.values_list("node_id", flat=True))
    nodes |= set(model.versions.values_list("node_id", flat=True))
    return give_up_models(family_ids=[family.pk], node_ids=nodes, actor=OFFICER, now=MONDAY)


def test_every_file_of_a_model_goes_its_fallback_answers_and_the_bystander_stays(model, bystander):
    its, others = artefact_files(model), artefact_files(bystander)
    assert len(its) == 5  # four shards and what was put together of them
    assert version_of(model, 1).state == VersionState.RELEASED

    said = give_up(model)
    steps.destroy_doomed(model.pk)

    assert (said.versions, said.trainings) == (1, 0)
    assert artefact_files(model) == set()
    assert version_of(model, 1).state == VersionState.DESTROYED
    assert not Snapshot.objects.filter(model=model, destroyed_at=None).exists()
    assert b"stop" in _payload(queries.serving(model.name, now=right_now()).envelope)
    assert artefact_files(bystander) == others
    assert version_of(bystander, 1).state == VersionState.RELEASED
    assert [alert.kind for alert in Alert.objects.all()] == ["no-version-serves"]


def _payload(envelope):
    return b64decode(envelope["payload"])


def test_a_training_that_goes_on_ends_and_its_worker_may_not_report(model):
    run_id = start(model, forced=True)
    drive_until(run_id, RunState.FITTING)
    ShardFit.objects.filter(run=run_id).update(fencing_token=Token(7), snapshot=None)
    fit = ShardFit.objects.get(run=run_id, shard=0)

    said = give_up(model)

    assert said.trainings == 1
    run = TrainingRun.objects.get(pk=run_id)
    assert (run.state, run.last_error) == ("failed", "what it was made of was given up by order")
    with pytest.raises(LeaseLost):
        finish_fit(fit_id=fit.pk, token=Token(7), file="x", digest="y", actor=OFFICER, now=MONDAY)
    assert recorded("TrainingFinished")[-1]["facts"]["state"] == "failed"


def test_what_a_worker_left_that_died_goes_as_well(model, bystander):
    give_up(model)
    for one in (model, bystander):
        stray = artefact_folder() / str(one.pk) / "snapshots" / "nobody-knows-it.json"
        stray.parent.mkdir(exist_ok=True)
        stray.write_text("{}")

    assert len(steps.files_of(model.pk)) == 6
    steps.destroy_doomed(model.pk)
    steps.destroy_doomed(bystander.pk)

    assert steps.files_of(model.pk) == []
    assert len(steps.files_of(bystander.pk)) == 6  # a run that is fitting may have written it


def test_no_training_begins_and_no_model_is_declared_on_it(model):
    give_up(model)

    with pytest.raises(FamilyRetired):
        start(model)
    with pytest.raises(FamilyRetired):
        make_model(model.family, name="the-next")
    assert make_model(model.family) == model
    assert Model.objects.count() == 1


def test_a_training_that_somebodys_deletion_forces_is_refused_by_the_gates(model):
    give_up(model)

    run_id = start(model, forced=True)
    tasks.drive(run_id)

    assert queries.run_summary(run_id).state is RunState.REFUSED
    assert "retired" in queries.run_summary(run_id).reason
    assert artefact_files(model) == set()


def test_giving_up_what_was_given_up_records_nothing(model):
    give_up(model)
    before = len(recorded("VersionsDoomed"))

    said = give_up(model)

    assert (said.versions, said.trainings) == (0, 0)
    assert len(recorded("VersionsDoomed")) == before == 1
