import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge as TheirRidge
from sklearn.naive_bayes import GaussianNB

from lineage.sharding import HOLD_OUT, Shard
from tests.training.trainers.builders import FEATURES, rows, shard
from training.columns import Feature, Kind
from training.errors import ArtefactMismatch, DataRefused, ParametersInvalid
from training.trainers import tallies, trainer_named
from training.trainers.additive import minus, plus
from training.trainers.protocol import Material, ReleaseData

TRAINER = trainer_named("exact-statistics")
KINDS = [{"estimator": "naive-bayes"}, {"estimator": "ridge"}]
BOTH = pytest.mark.parametrize("parameters", KINDS, ids=lambda p: p["estimator"])


def fit(table, parameters, *, number=0, features=FEATURES, seed=1):
    data = shard(table, number=number, features=features)
    return TRAINER.fit_shard(data, parameters=parameters, seed=seed)


@BOTH
def test_taking_people_out_leaves_the_bytes_of_a_model_that_never_saw_them(parameters):
    everybody, leavers = rows(200), rows(200).slice(0, 17)

    left = minus(fit(everybody, parameters), fit(leavers, parameters))

    assert left == fit(everybody.slice(17), parameters)
    assert left != fit(everybody, parameters)


@BOTH
def test_a_row_of_a_thousand_millions_leaves_no_trace(parameters):
    """In float64 sums it does: they were off by 2,749 after the same removal."""
    usual = rows(100, weight=pa.array(np.linspace(0.1, 0.9, 100)))
    huge = rows(1, weight=pa.array([1e9]))

    left = minus(fit(pa.concat_tables([usual, huge]), parameters), fit(huge, parameters))

    assert left == fit(usual, parameters)


@BOTH
def test_shards_cost_nothing_for_the_model_is_that_of_all_people_together(parameters):
    table = rows(200)
    pieces = {Shard(n): fit(table.slice(n * 50, 50), parameters, number=n) for n in range(4)}

    together = TRAINER.assemble(pieces)

    assert together == fit(table, parameters)
    assert together == plus(*reversed(pieces.values()))


@BOTH
def test_a_category_and_a_class_that_only_one_person_had_are_gone_with_them(parameters):
    usual = rows(50)
    alone = rows(1, ward=pa.array(["isolation-canary-7a"]), label=pa.array(["so-so"]))
    whole = fit(pa.concat_tables([usual, alone]), parameters)
    assert b"isolation-canary-7a" in whole

    left = minus(whole, fit(alone, parameters))

    assert b"isolation" not in left
    assert TRAINER.load(left).predict(usual).classes == ("ill", "well")


@BOTH
@pytest.mark.parametrize("classes", [("ill", "well"), ("ill", "so-so", "well")])
def test_it_learns(parameters, classes):
    model = TRAINER.load(fit(rows(300, classes=classes), parameters))
    asked = rows(200, seed=9, classes=classes)

    said = model.predict(asked)

    assert model.features == FEATURES
    assert said.classes == classes
    assert np.allclose(said.probabilities.sum(axis=1), 1.0)
    assert (said.probabilities >= 0.0).all()
    right = np.mean([a == b for a, b in zip(said.labels, asked["label"].to_pylist(), strict=True)])
    assert right > (0.75 if len(classes) == 2 else 0.65)


NUMBERS = tuple(Feature(name=name, kind=Kind.NUMBER) for name in ("size", "weight"))


def grid(number=120):
    """Return numbers that fixed point holds exactly."""
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 2, number)
    size = np.round(rng.normal(codes * 2.0, 1.0) * 64) / 64
    weight = np.round(rng.normal(70, 9, number) * 64) / 64
    table = pa.table({"size": size, "weight": weight, "label": np.where(codes, "well", "ill")})
    return table, np.column_stack([size, weight]), codes


def test_naive_bayes_answers_as_the_library_does():
    table, matrix, codes = grid()

    said = TRAINER.load(fit(table, KINDS[0], features=NUMBERS)).predict(table).probabilities

    assert np.allclose(said, GaussianNB().fit(matrix, codes).predict_proba(matrix), atol=1e-9)


def test_ridge_answers_as_the_library_does():
    table, matrix, codes = grid()
    scaled = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)

    said = TRAINER.load(fit(table, KINDS[1], features=NUMBERS)).predict(table).probabilities

    aimed = np.clip(TheirRidge(alpha=1.0).fit(scaled, codes).predict(scaled), 0.0, 1.0)
    assert np.allclose(said[:, 1], aimed, atol=1e-9)


@BOTH
def test_gaps_empty_columns_and_unknown_categories_leave_every_answer_finite(parameters):
    emptied = rows(60, weight=pa.nulls(60, pa.float64()), ward=pa.nulls(60, pa.string()))
    asked = rows(7, size=pa.nulls(7, pa.float64()), ward=pa.array(["north"] * 7))

    for table in (emptied, rows(60), rows(60, size=pa.array([1.0] * 60)), rows(1)):
        said = TRAINER.load(fit(table, parameters)).predict(asked)
        assert np.isfinite(said.probabilities).all()


@BOTH
def test_a_shard_in_which_nobody_has_anything_can_be_fitted(parameters):
    features = (Feature(name="ward", kind=Kind.TEXT),)
    table = pa.table({"ward": pa.nulls(8, pa.string()), "label": ["ill", "well"] * 4})

    said = TRAINER.load(fit(table, parameters, features=features)).predict(table)

    assert np.allclose(said.probabilities, 0.5)


def test_a_number_that_63_bits_do_not_hold_is_refused_with_its_column():
    with pytest.raises(DataRefused, match=r"column weight has a number beyond .*fraction_bits"):
        fit(rows(1, weight=pa.array([1e18])), KINDS[0])
    fit(rows(1, weight=pa.array([1e18])), {"estimator": "naive-bayes", "fraction_bits": 0})


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.integers(-(2**61), 2**61), min_size=1, max_size=70),
    st.lists(st.integers(-(2**20), 2**20), min_size=1, max_size=70),
)
def test_products_are_those_of_numbers_of_any_length(large, small):
    features = (Feature(name="a", kind=Kind.NUMBER),)
    for numbers in (large, small):
        table = pa.table({"a": [float(one) for one in numbers], "label": ["x"] * len(numbers)})

        tally = tallies.ridge_tally(table, features, "label", fraction_bits=0)

        expected = sum(int(float(one)) ** 2 for one in numbers)
        assert tally.get(("product", "value a", "value a"), 0) == expected


PATHS = st.dictionaries(st.tuples(st.sampled_from("abc"), st.text(max_size=2)), st.integers())


@settings(max_examples=30, deadline=None)
@given(PATHS, PATHS)
def test_a_tally_is_the_same_after_adding_and_taking_out(one, other):
    plain = tallies.plus(one)

    assert tallies.minus(tallies.plus(one, other), other) == plain
    assert tallies.plus(one, other) == tallies.plus(other, one)
    assert tallies.from_json(json.loads(json.dumps(tallies.as_json(plain)))) == plain


def test_only_people_whom_training_may_see_are_counted():
    release = ReleaseData(features=(), counts={}, means={}, bounds={})
    for data in (shard(rows(), number=HOLD_OUT), shard(rows().slice(0, 0)), release):
        with pytest.raises(DataRefused):
            TRAINER.fit_shard(data, parameters={}, seed=1)
    assert TRAINER.material is Material.PEOPLE


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"estimator": "sgd"}, "estimator: not one of naive-bayes, ridge"),
        ({"fraction_bits": 31}, "fraction_bits"),
        ({"slices": 3}, "slices"),
        ({"estimator": "ridge", "var_smoothing": 0.1}, "var_smoothing"),
    ],
)
def test_parameters_outside_the_closed_list_are_refused(parameters, word):
    with pytest.raises(ParametersInvalid, match=word):
        TRAINER.check(parameters)
    TRAINER.check(KINDS[0])
    assert TRAINER.slices_of(KINDS[0]) == 1


def damaged(**changes):
    return json.dumps(json.loads(fit(rows(), KINDS[0])) | changes).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"pickle",
        damaged(estimator="pickle"),
        damaged(features=[["size", "pickle"]]),
        damaged(numbers=None),
        damaged(tally={}),
        damaged(tally=[["rows", "ill", 1.5]]),
        damaged(tally=[[1]]),
        damaged(tally=[]),
        damaged(numbers={}),
    ],
)
def test_a_file_that_is_no_artefact_is_refused(data):
    with pytest.raises(ArtefactMismatch):
        TRAINER.load(data)


def test_snapshots_that_count_different_things_are_not_added():
    with pytest.raises(ArtefactMismatch, match="do not count the same"):
        plus(fit(rows(), KINDS[0]), fit(rows(), KINDS[1]))
    with pytest.raises(ArtefactMismatch, match="no snapshot"):
        TRAINER.assemble({})
