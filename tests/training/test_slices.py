"""Training slice by slice, over the whole road: what is kept, reused, destroyed, fitted again."""

from hashlib import sha256

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from audits.permissions import Role
from lineage.queries import sharding_of
from lineage.sharding import HOLD_OUT, Shard
from tests.lineage.builders import forget, make_version, pseudonym, recorded
from tests.training.builders import (
    MANY,
    artefact_folder,
    drive_until,
    make_model,
    make_patients,
    remove,
    right_now,
    start,
    train,
    version_of,
)
from training import queries
from training.fitting import read_shard
from training.models import ShardFit, Snapshot
from training.plans import planned_features
from training.states import RunState
from training.tasks import steps
from training.trainers import trainer_named

pytestmark = pytest.mark.django_db

PARAMETERS = {"estimator": "mlp", "hidden": 4, "epochs": 10, "slices": 3}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "patients"


@pytest.fixture
def model(folder):
    family = make_patients(folder, shards=2).family
    return make_model(family, parameters=PARAMETERS, margin_permille=900)


def place_of(person, model):
    """Return the shard and the slice of a person."""
    sharding, who = sharding_of(model.family), pseudonym(person)
    return sharding.shard_of(who), sharding.slicer(3)(who.bytes)


def somebody(model, wanted, *, shard=0):
    """Return a person of a slice."""
    return next(person for person in MANY if place_of(person, model) == (shard, wanted))


def leave(person, folder, model):
    remove(person, folder)
    make_version(model.family)
    forget(person)


def page_of(run_id):
    user = User.objects.create_user("an engineer", is_staff=True)
    user.groups.add(Group.objects.get_or_create(name=Role.ENGINEER.value)[0])
    client = Client()
    client.force_login(user)
    page = reverse("admin:training_trainingrun_change", args=[run_id])
    return " ".join(client.get(page).content.decode().split())


def rows_of(snapshot):
    return ShardFit.objects.get(snapshot=snapshot, reused=False).rows


def from_nothing(model, run):
    """Return the artefact of a training that keeps nothing and resumes nowhere."""
    trainer, recipe = trainer_named(model.trainer), queries.recipe_of(run)
    source = queries.source_of(queries.origin_of(run.source_id).dataset)
    shards = [Shard(0), Shard(1)]
    data = {
        shard: read_shard(source, planned_features(run.plan), shard, slices=3).data
        for shard in shards
    }
    return trainer.assemble(
        {
            shard: trainer.fit_shard(rows, parameters=recipe.parameters, seed=recipe.seed_of(shard))
            for shard, rows in data.items()
        }
    )


def test_a_deletion_resumes_before_the_persons_slice_and_leaves_nothing_of_it(model, folder):
    person = somebody(model, 1)
    assert train(model).state is RunState.SUCCEEDED
    first = version_of(model, 1)
    before = {(one.shard, one.slice): one for one in first.snapshots.all()}
    assert len(before) == 6
    leave(person, folder, model)

    summary = train(model, forced=True)

    assert summary.state is RunState.SUCCEEDED
    assert (summary.shards_hit, summary.shards_total) == (1, 2)
    fitted = ShardFit.objects.filter(run=summary.run_id, reused=False)
    assert {(one.shard, one.slice) for one in fitted} == {(0, 1), (0, 2)}
    gone = set(Snapshot.objects.exclude(destroyed_at=None))
    assert gone == {before[0, 1], before[0, 2]}
    assert not any((artefact_folder() / one.file).exists() for one in gone)
    second = version_of(model, 2)
    assert before[0, 0] in second.snapshots.all()
    assert second.artefact_digest == sha256(from_nothing(model, second.run)).hexdigest()
    assert second.artefact_digest != first.artefact_digest
    made = [(one["shard"], one["slice"], one["reused"]) for one in second.manifest["shards"]]
    assert made == [(0, 0, True), (0, 1, False), (0, 2, False), *((1, n, True) for n in range(3))]
    assert [one["facts"]["slice"] for one in recorded("ShardFitted")][-2:] == [1, 2]
    assert queries.run_summary(first.run.pk).forecast["unit"] == "rows"
    said = second.manifest["forecast"]
    assert (said["unit"], said["choice"]) == ("seconds", "the parts hit")
    assert 0 < said["parts"] < said["full"]
    took = {place: (one.seconds or 0.0) / rows_of(one) for place, one in before.items()}
    parts = sum(took[one.shard, one.slice] * one.rows for one in fitted)
    assert said["parts"] == pytest.approx(parts)
    assert summary.forecast == said
    shown = page_of(summary.run_id)
    assert "What fitting costs" in shown
    assert "s of one worker" in shown
    assert "the parts hit" in shown
    seconds = [one.snapshot.seconds or 0.0 for one in fitted if one.snapshot]
    assert summary.fitting_seconds == pytest.approx(sum(seconds))


def test_one_worker_goes_on_with_the_slices_of_its_shard_and_reads_its_people_once(
    model, monkeypatch
):
    run_id = start(model)
    drive_until(run_id, RunState.FITTING)
    due = [
        one.fit_id for one in queries.steps_due(most_attempts=3, now=right_now(), run_ids=[run_id])
    ]
    assert [ShardFit.objects.get(pk=one).slice for one in due] == [0, 0]
    asked = []

    def read(*args, **said):
        asked.append(1)
        return read_shard(*args, **said)

    monkeypatch.setattr(steps, "read_shard", read)

    steps.fit(due[0])

    done = ShardFit.objects.exclude(snapshot=None)
    assert {(one.shard, one.slice) for one in done} == {(0, 0), (0, 1), (0, 2)}
    assert asked == [1]


def test_a_damaged_snapshot_of_an_early_slice_is_made_again_with_the_same_bytes(model, folder):
    person = somebody(model, 2)
    train(model)
    early = version_of(model, 1).snapshots.get(shard=0, slice=1)
    (artefact_folder() / early.file).write_bytes(b"{}")
    leave(person, folder, model)

    summary = train(model, forced=True)

    assert summary.state is RunState.SUCCEEDED
    second = version_of(model, 2)
    again = second.snapshots.get(shard=0, slice=1)
    assert again.pk != early.pk
    assert again.digest == early.digest
    assert second.artefact_digest == sha256(from_nothing(model, second.run)).hexdigest()
    early.refresh_from_db()
    assert early.destroyed_at is not None


def test_shards_that_all_go_on_from_earlier_slices_are_no_training_from_nothing(model, folder):
    people = [somebody(model, 2, shard=shard) for shard in range(2)]
    train(model)
    assert version_of(model, 1).evidence_class == "retrained"
    for person in people:
        leave(person, folder, model)

    summary = train(model, forced=True)

    assert (summary.shards_hit, summary.shards_total) == (2, 2)
    second = version_of(model, 2)
    assert [one["reused"] for one in second.manifest["shards"]] == [True, True, False] * 2
    assert second.evidence_class == second.manifest["evidence"] == "exact component"
    assert summary.evidence["evidence class"] == "exact component"


def test_held_out_people_are_in_no_slice(model):
    train(model)
    version = version_of(model, 1)

    trained = sum(one["people"] for one in version.manifest["shards"])

    held_out = sum(place_of(person, model)[0] == HOLD_OUT for person in MANY)
    assert held_out
    assert trained == len(MANY) - held_out
