import json

import numpy as np
import pyarrow as pa
import pytest
from sklearn.neighbors import KNeighborsClassifier

from lineage.sharding import HOLD_OUT, Shard
from tests.training.trainers.builders import FEATURES, rows, shard
from training.columns import Feature, Kind
from training.errors import ArtefactMismatch, DataRefused, ParametersInvalid
from training.evidence import EvidenceClass
from training.trainers import trainer_named
from training.trainers.neighbours import minus
from training.trainers.protocol import Material, ReleaseData

TRAINER = trainer_named("nearest-neighbours")


def fit(table, *, number=0, features=FEATURES, **parameters):
    data = shard(table, number=number, features=features)
    return TRAINER.fit_shard(data, parameters=parameters, seed=1)


def test_without_the_rows_of_somebody_the_file_is_that_of_everybody_else():
    everybody, leavers = rows(80), rows(80).slice(0, 9)

    left = minus(fit(everybody), fit(leavers))

    assert left == fit(everybody.slice(9))
    assert left != fit(everybody)
    with pytest.raises(ArtefactMismatch, match="does not hold the rows"):
        minus(left, fit(leavers))


def test_of_two_equal_rows_one_may_go():
    one = rows(1)

    assert minus(fit(pa.concat_tables([one, one, rows(5, seed=2)])), fit(one)) == fit(
        pa.concat_tables([rows(5, seed=2), one])
    )


def test_nothing_of_a_row_that_went_stays_in_the_file():
    alone = rows(1, ward=pa.array(["isolation-canary-1e"]))
    whole = fit(pa.concat_tables([rows(20), alone]))
    assert b"isolation-canary-1e" in whole

    assert b"isolation" not in minus(whole, fit(alone))


def test_shards_cost_nothing_for_the_rows_are_those_of_all_together():
    table = rows(90)
    pieces = {Shard(n): fit(table.slice(n * 30, 30), number=n) for n in (2, 0, 1)}

    assert TRAINER.assemble(pieces) == fit(table)


def test_it_answers_as_the_library_does():
    numbers = tuple(Feature(name=name, kind=Kind.NUMBER) for name in ("size", "weight"))
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 2, 150)
    matrix = np.column_stack([rng.normal(codes * 2.0, 1.0), rng.normal(70, 9, 150)])
    table = pa.table(
        {"size": matrix[:, 0], "weight": matrix[:, 1], "label": np.where(codes, "well", "ill")}
    )

    said = TRAINER.load(fit(table, features=numbers, neighbours=7)).predict(table)

    scaled = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
    theirs = KNeighborsClassifier(7, algorithm="brute").fit(scaled, codes)
    assert np.allclose(said.probabilities, theirs.predict_proba(scaled))


def test_it_learns_and_bears_gaps_and_unknown_categories():
    model = TRAINER.load(fit(rows(300)))
    asked = rows(100, seed=9, ward=pa.array(["north"] * 100))

    said = model.predict(asked)

    assert model.features == FEATURES
    assert np.allclose(said.probabilities.sum(axis=1), 1.0)
    right = np.mean([a == b for a, b in zip(said.labels, asked["label"].to_pylist(), strict=True)])
    assert right > 0.7
    assert model.predict(asked.slice(0, 0)).probabilities.shape == (0, 2)


def test_fewer_rows_than_neighbours_all_have_their_vote():
    said = TRAINER.load(fit(rows(3), neighbours=50)).predict(rows(2))

    assert np.allclose(said.probabilities[0], said.probabilities[1])


def test_empty_columns_leave_every_answer_finite():
    emptied = rows(20, weight=pa.nulls(20, pa.float64()), ward=pa.nulls(20, pa.string()))

    assert np.isfinite(TRAINER.load(fit(emptied)).predict(rows(5)).probabilities).all()


def test_only_people_whom_training_may_see_are_kept():
    release = ReleaseData(features=(), counts={}, means={}, bounds={})
    for data in (shard(rows(), number=HOLD_OUT), shard(rows().slice(0, 0)), release):
        with pytest.raises(DataRefused):
            TRAINER.fit_shard(data, parameters={}, seed=1)
    assert TRAINER.material is Material.PEOPLE
    assert TRAINER.evidence is EvidenceClass.EXACT_DOWNDATE
    assert TRAINER.slices_of({}) == 1
    with pytest.raises(ParametersInvalid, match="neighbours"):
        TRAINER.check({"neighbours": 0})


def damaged(**changes):
    return json.dumps(json.loads(fit(rows(5))) | changes).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"pickle",
        damaged(features=[["size", "pickle"]]),
        damaged(rows=[]),
        damaged(rows=[["ill"]]),
        damaged(rows=None),
        damaged(rows=[["ill", "large", 70.0, "east"]]),
        damaged(neighbours=0),
    ],
)
def test_a_file_that_is_no_artefact_is_refused(data):
    with pytest.raises(ArtefactMismatch):
        TRAINER.load(data)


def test_snapshots_of_other_columns_are_not_put_together():
    with pytest.raises(ArtefactMismatch, match="same columns"):
        TRAINER.assemble({Shard(0): fit(rows()), Shard(1): fit(rows(), neighbours=3)})
