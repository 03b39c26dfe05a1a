from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from training.columns import (
    Feature,
    Kind,
    as_json,
    as_kind,
    as_label,
    features_of,
    from_json,
    kind_of,
    normalised,
)
from training.errors import DataRefused


def column(values, type_=None):
    return pa.chunked_array([pa.array(values, type_)])


@pytest.mark.parametrize(
    ("values", "type_", "numbers"),
    [
        ([1, None], pa.int32(), [1.0, None]),
        ([1.5, float("nan"), float("inf")], pa.float32(), [1.5, None, None]),
        ([True, False], pa.bool_(), [1.0, 0.0]),
        ([Decimal("1.25")], pa.decimal128(5, 2), [1.25]),
        ([date(1970, 1, 2)], pa.date32(), [86_400_000_000.0]),
        ([datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)], pa.timestamp("ms", "UTC"), [1_000_000.0]),
    ],
)
def test_numbers_are_read_from_every_type_that_holds_one(values, type_, numbers):
    found = column(values, type_)

    assert kind_of(found.type) is Kind.NUMBER
    assert as_kind(found, Kind.NUMBER).to_pylist() == numbers


@pytest.mark.parametrize(
    "type_", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())]
)
def test_texts_are_read_from_every_type_that_holds_one(type_):
    found = pa.chunked_array([pa.array(["a", None], pa.string()).cast(type_)])

    assert kind_of(found.type) is Kind.TEXT
    assert as_kind(found, Kind.TEXT).to_pylist() == ["a", None]


def test_an_extension_type_is_read_as_what_it_stores():
    assert kind_of(pa.bool8()) is Kind.NUMBER


@pytest.mark.parametrize("type_", [pa.list_(pa.int8()), pa.binary(), pa.struct([])])
def test_other_types_are_no_feature(type_):
    assert kind_of(type_) is None
    with pytest.raises(DataRefused, match="column x is"):
        features_of([pa.schema([("x", type_)])], ["x"])


@pytest.mark.parametrize(
    ("values", "type_", "texts"),
    [
        (["ill", None], pa.string(), ["ill", None]),
        ([1, 0], pa.int8(), ["1", "0"]),
        ([True, False], pa.bool_(), ["true", "false"]),
        ([None], pa.null(), [None]),
    ],
)
def test_a_label_is_a_text(values, type_, texts):
    assert as_label(column(values, type_), name="label").to_pylist() == texts


def test_a_label_with_a_fraction_is_no_class():
    with pytest.raises(DataRefused, match="the label grade is double"):
        as_label(column([1.5]), name="grade")


def test_a_column_that_is_empty_in_one_part_is_what_it_is_in_the_others():
    schemas = [pa.schema([("x", pa.null())]), pa.schema([("x", pa.string())])]

    assert features_of(schemas, ["x"]) == (Feature(name="x", kind=Kind.TEXT),)
    assert features_of(schemas[:1], ["x"]) == (Feature(name="x", kind=Kind.NUMBER),)


def test_a_column_of_two_kinds_is_refused():
    schemas = [pa.schema([("x", pa.int8())]), pa.schema([("x", pa.string())])]

    with pytest.raises(DataRefused, match="numbers in one part and texts in another"):
        features_of(schemas, ["x"])


def test_whole_and_broken_numbers_are_one_kind():
    schemas = [pa.schema([("x", pa.int8())]), pa.schema([("x", pa.float64())])]

    assert features_of(schemas, ["x"])[0].kind is Kind.NUMBER


def test_only_the_features_and_the_label_are_kept_in_their_order():
    table = pa.table({"who": ["a"], "y": ["ill"], "x": [1]})
    features = (Feature(name="x", kind=Kind.NUMBER),)

    assert normalised(table, features).to_pydict() == {"x": [1.0]}
    assert normalised(table, features, label="y").to_pydict() == {"x": [1.0], "y": ["ill"]}


def test_features_survive_a_manifest():
    features = (Feature(name="b", kind=Kind.TEXT), Feature(name="a", kind=Kind.NUMBER))

    assert from_json(as_json(features), ["b", "a"]) == features
