"""What a shard fitted slice by slice promises: the bytes of a fit that never saw who has left."""

import json
from dataclasses import replace

import pyarrow as pa
import pytest

from lineage.sharding import Shard
from tests.training.trainers.builders import rows, shard
from training.errors import ParametersInvalid
from training.trainers import trainer_named
from training.trainers.protocol import Slice

TRAINER = trainer_named("sharded-sklearn")
ESTIMATORS = [
    {"estimator": "sgd", "epochs": 3, "slices": 3},
    {"estimator": "mlp", "epochs": 3, "hidden": 5, "slices": 3},
]
BOTH = pytest.mark.parametrize("parameters", ESTIMATORS, ids=lambda p: p["estimator"])


def cut(*tables, numbers=None):
    """Return a shard with a slice a table."""
    slices = tuple(
        Slice(number=number, rows=table.num_rows)
        for number, table in zip(numbers or range(len(tables)), tables, strict=True)
    )
    return replace(shard(pa.concat_tables(tables)), slices=slices)


def fit(data, parameters, *, before=None):
    return TRAINER.fit_shard(data, parameters=parameters, seed=1, before=before)


def slice_by_slice(data, parameters):
    """Return the snapshot after each slice."""
    kept: list[bytes] = []
    for each in data.slices:
        until = data.until(each.number)
        kept.append(fit(until, parameters, before=kept[-1] if kept else None))
    return kept


A, B, C = (rows(30, seed=seed) for seed in (1, 2, 3))


@BOTH
@pytest.mark.parametrize("leaves", [0, 1, 2])
def test_to_resume_before_the_slice_of_who_left_is_to_train_from_nothing_without_them(
    parameters, leaves
):
    tables = [A, B, C]
    before = slice_by_slice(cut(*tables), parameters)
    tables[leaves] = tables[leaves].slice(1)
    data = cut(*tables)

    resumed = before[leaves - 1] if leaves else None
    for each in data.slices[leaves:]:
        resumed = fit(data.until(each.number), parameters, before=resumed)

    assert resumed == fit(data, parameters)
    assert resumed != before[-1]


@BOTH
def test_the_state_of_the_optimiser_is_in_the_snapshot_and_not_in_the_artefact(parameters):
    (snapshot,) = slice_by_slice(cut(A), parameters)

    artefact = json.loads(TRAINER.assemble({Shard(0): snapshot}))

    assert json.loads(snapshot)["resume"]["steps"] > 1
    assert "resume" not in artefact["shards"]["0"]
    assert artefact["shards"]["0"]["fitted"] == json.loads(snapshot)["fitted"]


@BOTH
def test_a_shard_that_is_not_cut_keeps_nothing_to_go_on_from(parameters):
    whole = json.loads(fit(shard(A), parameters | {"slices": 1}))

    assert "resume" not in whole


@BOTH
def test_a_class_that_a_later_slice_brings_is_learned_from_all_slices_until_then(parameters):
    three = rows(30, seed=4, classes=("ill", "so-so", "well"))
    data = cut(A, three, C)

    kept = slice_by_slice(data, parameters)

    assert json.loads(kept[0])["classes"] == ["ill", "well"]
    assert json.loads(kept[1])["classes"] == ["ill", "so-so", "well"]
    assert kept[-1] == fit(data, parameters)
    assert TRAINER.load(TRAINER.assemble({Shard(0): kept[-1]})).predict(C).classes == (
        *("ill", "so-so", "well"),
    )


@BOTH
def test_slices_of_one_class_alone_wait_for_another(parameters):
    label = pa.array(["well"] * 30)
    data = cut(rows(30, label=label), rows(30, seed=2, label=label), C)

    kept = slice_by_slice(data, parameters)

    assert [json.loads(one)["classes"] for one in kept] == [["well"], ["well"], ["ill", "well"]]
    assert kept[-1] == fit(data, parameters)


@BOTH
def test_a_slice_without_anybody_is_passed_over(parameters):
    data = cut(A, C, numbers=(0, 2))

    assert slice_by_slice(data, parameters)[-1] == fit(data, parameters)
    assert fit(data, parameters) != fit(cut(A, C), parameters)


@BOTH
def test_what_later_slices_hold_is_in_no_earlier_snapshot(parameters):
    secret = rows(30, seed=2, ward=pa.array(["isolation-canary-9d"] * 30))

    first, _ = slice_by_slice(cut(A, secret), parameters)

    assert b"isolation" not in first
    assert first == slice_by_slice(cut(A, B), parameters)[0]


def test_estimators_that_cannot_go_on_refuse_slices():
    with pytest.raises(ParametersInvalid, match="slices: only mlp and sgd go on"):
        TRAINER.check({"estimator": "hist-gradient-boosting", "slices": 3})
    TRAINER.check(ESTIMATORS[0])
    assert TRAINER.slices_of(ESTIMATORS[0]) == 3
    assert TRAINER.slices_of({}) == 1
    assert trainer_named("release-centroids").slices_of({}) == 1
