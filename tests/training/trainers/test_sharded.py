import json
from importlib.metadata import version

import numpy as np
import pyarrow as pa
import pytest

from lineage.sharding import HOLD_OUT, Shard
from tests.training.trainers.builders import FEATURES, rows, shard
from training.columns import Feature, Kind
from training.errors import ArtefactMismatch, DataRefused, ParametersInvalid
from training.trainers import trainer_named
from training.trainers.protocol import Material, ReleaseData

TRAINER = trainer_named("sharded-sklearn")
ESTIMATORS = [
    {"estimator": "logistic-regression"},
    {"estimator": "naive-bayes"},
    {"estimator": "hist-gradient-boosting", "max_iter": 10},
    {"estimator": "sgd"},
    {"estimator": "mlp", "hidden": 8},
]


def snapshots(parameters=ESTIMATORS[0], *, seed=1, **tables):
    return {
        Shard(number): TRAINER.fit_shard(
            shard(table, number=number), parameters=parameters, seed=seed
        )
        for number, table in enumerate(tables.values())
    }


@pytest.mark.parametrize("parameters", ESTIMATORS, ids=lambda p: p["estimator"])
@pytest.mark.parametrize("classes", [("ill", "well"), ("ill", "so-so", "well")])
def test_the_artefact_answers_as_the_mean_of_its_shards(parameters, classes):
    tables = {"a": rows(seed=1, classes=classes), "b": rows(seed=2, classes=classes)}
    pieces = snapshots(parameters, **tables)
    asked = rows(40, seed=3, classes=classes)

    said = TRAINER.load(TRAINER.assemble(pieces)).predict(asked)

    alone = [
        TRAINER.load(TRAINER.assemble({number: piece})).predict(asked).probabilities
        for number, piece in pieces.items()
    ]
    assert said.classes == classes
    assert np.allclose(said.probabilities, (alone[0] + alone[1]) / 2)
    assert np.allclose(said.probabilities.sum(axis=1), 1.0)
    right = np.mean([a == b for a, b in zip(said.labels, asked["label"].to_pylist(), strict=True)])
    assert right > 0.6


@pytest.mark.parametrize("parameters", ESTIMATORS, ids=lambda p: p["estimator"])
def test_the_same_shard_gives_the_same_bytes(parameters):
    first = snapshots(parameters, a=rows())

    again = snapshots(parameters, a=rows())

    assert first == again
    assert TRAINER.assemble(first) == TRAINER.assemble(again)


@pytest.mark.parametrize("parameters", ESTIMATORS, ids=lambda p: p["estimator"])
def test_one_shard_fitted_again_makes_the_artefact_of_a_fresh_training(parameters):
    with_alice, without = rows(60), rows(60).slice(1)
    before = snapshots(parameters, a=with_alice, b=rows(seed=2), c=rows(seed=3))
    again = snapshots(parameters, a=without)

    updated = TRAINER.assemble(before | again)

    fresh = TRAINER.assemble(snapshots(parameters, a=without, b=rows(seed=2), c=rows(seed=3)))
    assert updated == fresh
    assert updated != TRAINER.assemble(before)


def test_a_snapshot_is_data_that_no_loader_runs():
    (snapshot,) = snapshots(a=rows()).values()

    assert json.loads(snapshot)["form"] == "lethe-shard-1"


def test_a_shard_without_a_class_gives_it_no_probability():
    only_well = rows().filter(pa.array([label == "well" for label in rows()["label"].to_pylist()]))

    said = TRAINER.load(TRAINER.assemble(snapshots(a=only_well, b=rows(seed=2)))).predict(rows())

    alone = TRAINER.load(TRAINER.assemble(snapshots(b=rows(seed=2)))).predict(rows())
    assert said.classes == ("ill", "well")
    assert np.allclose(said.probabilities[:, 0], alone.probabilities[:, 0] / 2)


def test_a_shard_lacking_one_of_three_classes_is_aligned():
    pieces = snapshots(
        a=rows(classes=("ill", "well")), b=rows(seed=2, classes=("ill", "so-so", "well"))
    )

    said = TRAINER.load(TRAINER.assemble(pieces)).predict(rows(5))

    assert said.classes == ("ill", "so-so", "well")
    assert np.allclose(said.probabilities.sum(axis=1), 1.0)


@pytest.mark.parametrize("parameters", ESTIMATORS, ids=lambda p: p["estimator"])
def test_columns_that_are_empty_in_one_shard_do_not_disturb(parameters):
    nothing = pa.nulls(60, pa.float64())
    emptied = rows(weight=nothing, ward=pa.nulls(60, pa.string()))

    said = TRAINER.load(TRAINER.assemble(snapshots(parameters, a=emptied))).predict(rows(7))

    assert np.isfinite(said.probabilities).all()


@pytest.mark.parametrize("parameters", ESTIMATORS, ids=lambda p: p["estimator"])
def test_a_shard_in_which_nobody_has_a_category_can_be_fitted(parameters):
    features = (Feature(name="ward", kind=Kind.TEXT),)
    table = pa.table(
        {"ward": pa.nulls(40, pa.string()), "label": ["ill", "well", "well", "well"] * 10}
    )

    snapshot = TRAINER.fit_shard(shard(table, features=features), parameters=parameters, seed=1)

    said = TRAINER.load(TRAINER.assemble({Shard(0): snapshot})).predict(table)
    assert set(said.labels) == {"well"}


def test_a_category_never_seen_is_no_category():
    model = TRAINER.load(TRAINER.assemble(snapshots(a=rows())))
    unknown = rows(5, ward=pa.array(["north"] * 5))
    nothing = rows(5, ward=pa.nulls(5, pa.string()))

    assert np.array_equal(
        model.predict(unknown).probabilities, model.predict(nothing).probabilities
    )


def test_features_are_named_by_the_artefact():
    assert TRAINER.load(TRAINER.assemble(snapshots(a=rows()))).features == FEATURES


def test_nobody_is_fitted_from_the_hold_out():
    with pytest.raises(DataRefused):
        TRAINER.fit_shard(shard(rows(), number=HOLD_OUT), parameters={}, seed=1)


def test_an_empty_shard_is_not_fitted():
    with pytest.raises(DataRefused):
        TRAINER.fit_shard(shard(rows().slice(0, 0)), parameters={}, seed=1)


def test_a_release_is_not_fitted_as_if_it_were_people():
    release = ReleaseData(features=(), counts={}, means={}, bounds={})

    with pytest.raises(DataRefused):
        TRAINER.fit_shard(release, parameters={}, seed=1)


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"estimator": "support vectors"}, "estimator"),
        ({"estimator": ["naive-bayes"]}, "estimator"),
        ({"c": 1.0}, "c: not one of C"),
        ({"C": "1"}, "C: not a number"),
        ({"C": True}, "C: not a number"),
        ({"C": 0}, "from 1e-06"),
        ({"C": float("nan")}, "from 1e-06"),
        ({"max_iter": 1.5}, "whole number"),
        ({"max_iter": float("inf")}, "whole number"),
        ({"estimator": "naive-bayes", "C": 1.0}, "var_smoothing"),
    ],
)
def test_parameters_outside_the_closed_list_are_refused(parameters, word):
    with pytest.raises(ParametersInvalid, match=word):
        TRAINER.check(parameters)


def test_known_parameters_are_accepted():
    TRAINER.check({})
    TRAINER.check({"estimator": "hist-gradient-boosting", "learning_rate": 0.2, "max_iter": 7.0})


def damaged(change):
    held = json.loads(TRAINER.assemble(snapshots(a=rows(), b=rows(seed=2))))
    change(held)
    return json.dumps(held).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04pickle",
        b"[]",
        b'{"form": "lethe-shard-1"}',
        b'{"form": "lethe-ensemble-1"}',
        b'{"form": "lethe-ensemble-1", "shards": {}}',
        b'{"form": "lethe-ensemble-1", "shards": {"0": {}}}',
        b'{"form": "lethe-ensemble-1", "shards": {"x": {}}}',
        damaged(lambda held: held["shards"]["0"].update(features={})),
        damaged(lambda held: held["shards"]["0"].update(estimator="pickle")),
        damaged(lambda held: held["shards"]["0"].update(classes=[1, 2])),
        damaged(lambda held: held["shards"]["0"].update(fitted=None)),
    ],
)
def test_a_file_that_is_no_artefact_is_refused(data):
    with pytest.raises(ArtefactMismatch):
        TRAINER.load(data)


@pytest.mark.parametrize(
    "change",
    [
        lambda fitted: fitted.pop("mean"),
        lambda fitted: fitted.update(mean=[1.0, 2.0]),
        lambda fitted: fitted["mean"].update(shape=[99]),
        lambda fitted: fitted["weights"].update(shape=[4, 1]),
        lambda fitted: fitted["mean"].update(f8="!"),
    ],
)
def test_numbers_that_do_not_fit_together_are_refused_when_asked(change):
    model = TRAINER.load(damaged(lambda held: change(held["shards"]["0"]["fitted"])))

    with pytest.raises(ArtefactMismatch):
        model.predict(rows(3))


def test_the_trainer_says_what_it_learns_from_and_with_what():
    assert TRAINER.material is Material.PEOPLE
    assert TRAINER.revision.startswith("sharded-sklearn 1, scikit-learn ")
    assert f"scipy {version('scipy')}" in TRAINER.revision  # it minimises for logistic regression
