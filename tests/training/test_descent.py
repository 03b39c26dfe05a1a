"""Models that go on from another one's weights, or learn its answers."""

import pytest

from lineage.sharding import Shard
from tests.cast import ALICE
from tests.lineage.builders import make_version
from tests.training.builders import (
    make_model,
    make_patients,
    make_trained_model,
    remove,
    start,
    train,
    version_of,
    write_symptoms,
)
from tests.training.trainers.builders import rows, shard
from training import queries, tasks
from training.columns import Feature, Kind
from training.descent import Descent, Parent, misfit, taught_by
from training.errors import DataRefused, ModelUnknown, ParametersInvalid
from training.models import Model, ShardFit, TrainingRun
from training.states import RunState
from training.tasks import steps
from training.trainers.sharded import ShardedTrainer

TRAINER = ShardedTrainer()
FIRST = Shard(0)
SGD = {"estimator": "sgd"}
NETWORK = {"estimator": "mlp", "hidden": 8}


def fitted(data, parameters, *, before=None, seed=1):
    return TRAINER.fit_shard(shard(data), parameters=parameters, seed=seed, before=before)


def parent_of(data, parameters=SGD, *, descent=Descent.FINE_TUNED):
    artefact = TRAINER.assemble({FIRST: fitted(data, parameters)})
    return Parent(descent=descent, trainer=TRAINER, artefact=artefact)


@pytest.mark.parametrize("parameters", [SGD, NETWORK], ids=lambda p: p["estimator"])
def test_a_fine_tuned_shard_is_made_of_its_parents_weights_and_its_own_rows(parameters):
    first, other = (parent_of(rows(300, seed=seed), parameters) for seed in (1, 2))
    own = rows(40, seed=3)

    tuned = [
        fitted(own, parameters, before=TRAINER.beginning(one.artefact, shard=FIRST))
        for one in (first, first, other)
    ]

    assert tuned[0] == tuned[1] != tuned[2]
    assert fitted(own, parameters) not in tuned
    assert TRAINER.beginning(first.artefact, shard=FIRST) == TRAINER.beginning(
        first.artefact, shard=Shard(7)
    )


def test_a_fine_tuned_model_knows_what_few_rows_alone_could_not_teach_it():
    asked = rows(400, seed=9)
    few = rows(4, seed=11)
    parent = parent_of(rows(400, seed=1))

    def right(piece):
        said = TRAINER.load(TRAINER.assemble({FIRST: piece})).predict(asked).labels
        return sum(a == b for a, b in zip(said, asked["label"].to_pylist(), strict=True)) / 400

    alone = right(fitted(few, SGD))
    tuned = right(fitted(few, SGD, before=TRAINER.beginning(parent.artefact, shard=FIRST)))
    assert tuned > 0.75
    assert tuned > alone


def test_a_class_that_the_parent_does_not_know_is_refused():
    parent = parent_of(rows())
    new = rows(classes=("ill", "unheard-of"))

    with pytest.raises(DataRefused, match=r"^1 classes of the label are unknown"):
        fitted(new, SGD, before=TRAINER.beginning(parent.artefact, shard=FIRST))


def test_a_parent_of_one_class_has_no_weights_to_go_on_from():
    assert TRAINER.beginning(parent_of(rows(classes=("ill",))).artefact, shard=FIRST) is None


def test_a_distilled_shard_learns_the_answers_and_not_the_labels():
    table = rows(100, seed=2)
    parent = parent_of(rows(400, seed=1), descent=Descent.DISTILLED)
    turned = {"ill": "well", "well": "ill"}
    wrong = table.set_column(3, "label", [[turned[label] for label in table["label"].to_pylist()]])

    taught = taught_by(parent, shard(wrong))

    said = TRAINER.load(parent.artefact).predict(table).labels
    assert taught.table["label"].to_pylist() == said
    assert taught.table.drop_columns("label") == table.drop_columns("label")
    assert taught_by(parent_of(table), shard(wrong)).table == wrong


def test_a_parent_that_asks_for_other_columns_does_not_fit():
    parent, taught = parent_of(rows()), parent_of(rows(), descent=Descent.DISTILLED)
    features = shard(rows()).features

    assert misfit(parent, features) == misfit(taught, features) == ""
    assert "column ward" in misfit(parent, features[:2])
    assert "column ward" in misfit(taught, features[:2])
    more = (*features, Feature(name="new", kind=Kind.NUMBER))
    assert "column new" in misfit(parent, more)
    assert misfit(taught, more) == ""


# With the database


@pytest.fixture
def base(tmp_path, db):
    return make_trained_model(tmp_path / "patients", name="base", parameters=SGD)


def child_of(base, **changes):
    parent = changes.pop("parent", (Descent.FINE_TUNED, base.name))
    return make_model(base.family, name="tuned", parent=parent, **{"parameters": SGD} | changes)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"parameters": {"estimator": "naive-bayes"}}, "naive-bayes cannot go on; mlp and sgd can"),
        ({"parameters": NETWORK}, "its parent's is sgd"),
        ({"parameters": SGD | {"slices": 2}}, "slices"),
        ({"trainer": "release-centroids", "parameters": {}}, "does not learn from people's rows"),
    ],
)
def test_what_cannot_go_on_from_a_model_is_not_registered(base, changes, why):
    with pytest.raises(ParametersInvalid, match=why):
        child_of(base, **changes)

    assert not Model.objects.filter(name="tuned").exists()


def test_a_parent_must_be_registered_before(base):
    with pytest.raises(ModelUnknown):
        child_of(base, parent=(Descent.DISTILLED, "tuned"))


def test_other_weights_of_the_parent_cost_every_shard_and_the_same_ones_none(base, tmp_path):
    child = child_of(base)
    assert train(child).shards_hit == 4

    assert train(base, forced=True).shards_hit == 0
    assert train(child).shards_hit == 0
    remove(ALICE, tmp_path / "patients")
    make_version(base.family)
    assert train(base, forced=True).shards_hit == 1
    again = train(child)

    assert (again.shards_hit, again.state) == (4, RunState.SUCCEEDED)
    assert version_of(child, 3).manifest["initialised from"]["version"] == 3


def test_a_training_begins_again_when_the_version_it_began_at_has_to_go(base):
    child = child_of(base)
    run_id = start(child)
    steps.check(run_id)
    assert TrainingRun.objects.get(pk=run_id).parent == version_of(base, 1)

    assert train(base, forced=True).state is RunState.SUCCEEDED
    assert queries.open_trainings()[0].parent_node_id == version_of(base, 1).node_id
    tasks.drive(run_id)

    run = TrainingRun.objects.get(pk=run_id)
    assert (run.state, run.parent) == (RunState.SUCCEEDED, version_of(base, 2))
    assert ShardFit.objects.filter(run=run).count() == 4


def test_without_a_serving_version_of_the_parent_nothing_is_trained(tmp_path, db):
    base = make_model(make_patients(tmp_path / "patients").family, name="base", parameters=SGD)

    summary = train(child_of(base))

    assert summary.state is RunState.REFUSED
    assert "nothing serves" in summary.reason


def test_a_parent_with_other_columns_is_refused_by_name(base, tmp_path):
    write_symptoms(tmp_path / "patients", changes={"pulse": [60.0] * 160})
    make_version(base.family)

    summary = train(child_of(base))

    assert summary.state is RunState.REFUSED
    assert "column pulse" in summary.reason
