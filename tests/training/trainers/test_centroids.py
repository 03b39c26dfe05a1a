import json

import numpy as np
import pyarrow as pa
import pytest

from lineage.sharding import Shard
from tests.training.trainers.builders import rows, shard
from training.columns import Feature, Kind
from training.errors import ArtefactMismatch, DataRefused, ParametersInvalid, TrainerUnknown
from training.trainers import trainer_named
from training.trainers.protocol import Material, ReleaseData

TRAINER = trainer_named("release-centroids")
RELEASE = ReleaseData(
    features=(Feature(name="size", kind=Kind.NUMBER), Feature(name="age", kind=Kind.NUMBER)),
    counts={"ill": 40, "well": 60},
    means={"size": {"ill": 15.0, "well": 10.0}, "age": {"ill": 50.0, "well": 50.0}},
    bounds={"size": (0.0, 20.0), "age": (0.0, 100.0)},
)


def model(**parameters):
    snapshot = TRAINER.fit_shard(RELEASE, parameters=parameters, seed=1)
    return TRAINER.load(TRAINER.assemble({Shard(0): snapshot}))


def asked(size, age):
    return pa.table({"size": pa.array(size, pa.float64()), "age": pa.array(age, pa.float64())})


def test_the_nearest_class_mean_answers():
    said = model().predict(asked([14.0, 11.0], [1.0, 99.0]))

    assert said.labels == ["ill", "well"]
    assert np.allclose(said.probabilities.sum(axis=1), 1.0)


def test_a_value_outside_the_bounds_counts_as_the_bound():
    outside, bound = model().predict(asked([900.0, 20.0], [50.0, 50.0])).probabilities

    assert np.array_equal(outside, bound)


def test_a_missing_value_says_nothing():
    said = model().predict(asked([None, 14.0], [50.0, None]))

    assert np.allclose(said.probabilities[0], 0.5)
    assert said.labels[1] == "ill"


def test_softness_blurs_the_answer():
    sharp, soft = (model(softness=s).predict(asked([11.0], [50.0])) for s in (0.05, 1.0))

    assert sharp.probabilities[0, 1] > soft.probabilities[0, 1] > 0.5


def test_nothing_but_means_and_bounds_is_in_the_artefact():
    snapshot = TRAINER.fit_shard(RELEASE, parameters={}, seed=1)

    assert set(json.loads(snapshot)) == {
        *("form", "features", "classes", "means", "lower", "upper", "softness")
    }
    assert TRAINER.material is Material.RELEASE
    assert TRAINER.revision.startswith("release-centroids 1, numpy ")


def test_people_are_not_what_it_learns_from():
    with pytest.raises(DataRefused):
        TRAINER.fit_shard(shard(rows()), parameters={}, seed=1)


def test_a_release_is_one_piece():
    with pytest.raises(ArtefactMismatch):
        TRAINER.assemble({})


def test_unknown_parameters_are_refused():
    TRAINER.check({"softness": 0.2})
    with pytest.raises(ParametersInvalid):
        TRAINER.check({"hardness": 1})


@pytest.mark.parametrize(
    "change",
    [
        lambda held: held.pop("means"),
        lambda held: held.update(softness="soft"),
        lambda held: held.update(classes=["ill"]),
        lambda held: held.update(lower=held["means"]),
    ],
)
def test_a_damaged_artefact_is_refused(change):
    held = json.loads(TRAINER.fit_shard(RELEASE, parameters={}, seed=1))
    change(held)

    with pytest.raises(ArtefactMismatch):
        TRAINER.load(json.dumps(held).encode())


def test_a_trainer_that_is_not_installed_is_unknown():
    with pytest.raises(TrainerUnknown):
        trainer_named("crystal-ball")
