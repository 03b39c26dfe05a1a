import json

import numpy as np
import pyarrow as pa
import pytest

from lineage.sharding import Shard
from tests.training.trainers.builders import FEATURES, rows, shard
from training.columns import Feature, Kind
from training.errors import ArtefactMismatch
from training.filling import Fill, FillRule, as_json, fill_of, from_json, learned
from training.trainers import trainer_named
from training.trainers.protocol import ShardData

MEDIAN = Fill(column="size", rule=FillRule.MEDIAN)
MODE = Fill(column="ward", rule=FillRule.MODE)
CONSTANT = Fill(column="ward", rule=FillRule.CONSTANT, constant="unknown")
TRAINER = trainer_named("sharded-sklearn")


def told(size, ward):
    return pa.table({"size": pa.array(size, pa.float64()), "ward": pa.array(ward, pa.string())})


FEATURES_TOLD = (Feature(name="size", kind=Kind.NUMBER), Feature(name="ward", kind=Kind.TEXT))


@pytest.mark.parametrize(
    ("fill", "value"),
    [
        (MEDIAN, 2.5),
        (Fill(column="size", rule=FillRule.MODE), 2.0),
        (Fill(column="size", rule=FillRule.CONSTANT, constant=-1.0), -1.0),
        (MODE, "east"),
        (CONSTANT, "unknown"),
    ],
)
def test_what_stands_in_is_learned_from_what_is_there(fill, value):
    # Of two that are equally common, the smaller stands in.
    table = told([3.0, None, 2.0, 3.0, 2.0], ["west", "east", None, "east", "west"])

    found = learned(table, FEATURES_TOLD, [fill])

    assert found == {fill.column: value}


def test_a_shard_that_knows_nothing_of_a_column_has_nothing_to_stand_in():
    table = told([None, None], [None, None])

    assert learned(table, FEATURES_TOLD, [MEDIAN, MODE]) == {}
    assert learned(table, FEATURES_TOLD, [CONSTANT]) == {"ward": "unknown"}


def test_a_rule_that_does_not_suit_a_column_is_not_used():
    wrong = Fill(column="ward", rule=FillRule.MEDIAN)

    assert learned(told([1.0], ["east"]), FEATURES_TOLD, [wrong]) == {}


def test_rules_survive_a_plan():
    fills = (MEDIAN, CONSTANT)

    assert set(from_json(json.loads(json.dumps(as_json(fills))))) == set(fills)


@pytest.mark.parametrize("said", [None, 1, "mean", {}, {"constant": None}, {"a": 1}, ["median"]])
def test_what_names_no_rule_is_none(said):
    assert fill_of("size", said) is None


def with_fills(table, *fills, number=0):
    plain = shard(table, number=number)
    return ShardData(
        shard=plain.shard, features=plain.features, label="label", table=table, fills=fills
    )


@pytest.mark.parametrize(
    "parameters",
    [{"estimator": "hist-gradient-boosting", "max_iter": 5}, {"estimator": "sgd", "slices": 1}],
    ids=lambda said: said["estimator"],
)
def test_a_shard_is_fitted_and_answers_as_if_its_gaps_had_been_closed(parameters):
    gaps, asked = rows(seed=1), rows(40, seed=3)
    size = float(np.nanmedian(gaps["size"].to_numpy()))

    def closed(table):
        ward = table["ward"].fill_null("unknown")
        return table.set_column(0, "size", table["size"].fill_null(size)).set_column(
            2, "ward", ward
        )

    by_rule = TRAINER.fit_shard(with_fills(gaps, MEDIAN, CONSTANT), parameters=parameters, seed=1)
    by_hand = TRAINER.fit_shard(shard(closed(gaps)), parameters=parameters, seed=1)

    ours = TRAINER.load(TRAINER.assemble({Shard(0): by_rule})).predict(asked)
    theirs = TRAINER.load(TRAINER.assemble({Shard(0): by_hand})).predict(closed(asked))
    assert np.array_equal(ours.probabilities, theirs.probabilities)
    assert by_rule != by_hand


def test_each_shard_has_its_own_stand_in():
    pieces = [
        TRAINER.fit_shard(with_fills(rows(seed=seed), MEDIAN), parameters={}, seed=1)
        for seed in (1, 2)
    ]

    held = [json.loads(piece)["features"][0]["gaps"] for piece in pieces]

    assert held[0] != held[1]
    assert held == [float(np.nanmedian(rows(seed=seed)["size"].to_numpy())) for seed in (1, 2)]


@pytest.mark.parametrize("value", [None, "x", [1]])
def test_a_stand_in_of_another_kind_makes_an_artefact_malformed(value):
    piece = json.loads(TRAINER.fit_shard(with_fills(rows(), MEDIAN), parameters={}, seed=1))
    piece["features"][0]["gaps"] = value

    with pytest.raises(ArtefactMismatch):
        TRAINER.assemble({Shard(0): json.dumps(piece).encode()})


def test_shards_of_different_features_are_not_put_together():
    fewer = ShardData(shard=Shard(1), features=FEATURES[:2], label="label", table=rows(seed=2))
    pieces = {
        Shard(0): TRAINER.fit_shard(shard(rows()), parameters={}, seed=1),
        Shard(1): TRAINER.fit_shard(fewer, parameters={}, seed=1),
    }

    with pytest.raises(ArtefactMismatch, match="different features: train them anew"):
        TRAINER.assemble(pieces)
