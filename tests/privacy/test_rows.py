from collections.abc import Callable
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from lineage.identifiers import IdentifierKind
from lineage.stores.errors import (
    ColumnMissing,
    ColumnTypeMismatch,
    MalformedIdentifier,
    NullIdentifier,
)
from privacy.errors import ValueMissing
from privacy.rows import check_columns, joined, prepared
from tests.cast import ALICE, BOB
from tests.privacy.builders import make_visits, parsed

SIZE = {"column": "size", "bounds": [0, 10], "step": 1, "provenance": "codebook"}


def prepare(
    table: pa.Table,
    *,
    unit: IdentifierKind = IdentifierKind.TEXT,
    included: Callable[[str], bool] = lambda _: True,
    **changes: Any,
) -> pl.DataFrame:
    recipe = parsed(**changes)
    return prepared(recipe, joined(recipe, [table]), unit=unit, included=included)


def keys_of(table: pa.Table, *values: object) -> list[int]:
    keys = {"column": "ward", "values": list(values), "provenance": "codebook"}
    return prepare(table, keys=keys).get_column("key").to_list()


def wards(array: pa.Array) -> pa.Table:
    return make_visits(*[(f"p{n}", None, 1) for n in range(len(array))]).set_column(
        1, "ward", array
    )


def test_rows_become_whole_numbers():
    rows = prepare(make_visits((ALICE, "ward 0", 4), (BOB, "ward 1", 5), (ALICE, "ward 0", 6)))

    assert rows.schema == {"person": pl.Int64, "key": pl.Int64, "q1": pl.Int64}
    assert rows.get_column("key").to_list() == [0, 1, 0]
    assert rows.get_column("q1").to_list() == [-2, 0, 2]  # half steps from the middle of 0 to 10
    people = rows.get_column("person").to_list()
    assert people[0] == people[2] != people[1]


@pytest.mark.parametrize(
    ("size", "steps"),
    [(0, 0), (0.04, 0), (0.06, 1), (9.96, 100), (10, 100), (11, 100), (-1, 0)],
)
def test_a_value_is_clipped_and_rounded_to_the_nearest_step(size, steps):
    rows = prepare(
        make_visits((ALICE, "ward 0", size)),
        values=[{**SIZE, "step": 0.1}],
        operations=[{"kind": "sum", "column": "size"}],
    )

    assert rows.get_column("q0").to_list() == [steps]


@pytest.mark.parametrize("empty", [None, float("nan")])
def test_an_empty_cell_becomes_the_declared_value_or_is_refused(empty):
    table = make_visits((ALICE, "ward 0", empty))

    assert prepare(table, values=[{**SIZE, "missing": 8}]).get_column("q1").to_list() == [6]
    with pytest.raises(ValueMissing, match="size"):
        prepare(table)


def test_an_empty_cell_of_somebody_who_is_left_out_is_not_refused():
    table = make_visits((ALICE, "ward 0", None), (BOB, "ward 9", None), (BOB, "ward 0", 5))

    assert len(prepare(table, included=lambda person: person == BOB)) == 1


def test_rows_with_other_keys_are_left_out():
    rows = prepare(make_visits((ALICE, "ward 0", 1), (ALICE, "ward 7", 1), (BOB, None, 1)))

    assert len(rows) == 1


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())],
)
def test_texts_of_every_encoding_are_keys(kind):
    assert keys_of(wards(pa.array(["b", "a"], pa.string()).cast(kind)), "a", "b") == [1, 0]


@pytest.mark.parametrize("kind", [pa.int8(), pa.int64(), pa.uint64()])
def test_whole_numbers_of_every_width_are_keys(kind):
    assert keys_of(wards(pa.array([7, 3, 9], kind)), 3, 7, 1_000_000) == [1, 0]


def test_truth_values_are_keys():
    values = [False, True]

    assert keys_of(wards(pa.array([True, False, None])), *values) == [1, 0]


@pytest.mark.parametrize(
    "sizes",
    [
        pa.array([3, 4], pa.int16()),
        pa.array([3, 4], pa.float32()),
        pa.array([Decimal("3.0"), Decimal("4.0")], pa.decimal128(5, 1)),
    ],
)
def test_numbers_of_every_type_are_values(sizes):
    table = make_visits((ALICE, "ward 0", 0), (BOB, "ward 0", 0)).set_column(2, "size", sizes)

    assert prepare(table).get_column("q1").to_list() == [-4, -2]


def test_people_may_be_named_by_numbers_beyond_63_bits():
    numbers = pa.array([2**63 + 1, 2**63 + 1, 2], pa.uint64())
    table = make_visits(*[(ALICE, "ward 0", 1)] * 3).set_column(0, "patient_id", numbers)

    people = prepare(table, unit=IdentifierKind.INTEGER).get_column("person").to_list()

    assert people[0] == people[1] != people[2]


def test_a_row_that_names_nobody_is_refused():
    with pytest.raises(NullIdentifier, match="patient_id"):
        prepare(make_visits((None, "ward 0", 1)))


def test_a_malformed_identifier_is_refused_without_being_shown():
    with pytest.raises(MalformedIdentifier) as refused:
        prepare(make_visits((ALICE, "ward 0", 1)), unit=IdentifierKind.EMAIL)

    assert str(refused.value) == "patient_id"
    assert refused.value.__cause__ is None


def test_a_column_that_is_missing_is_named():
    with pytest.raises(ColumnMissing, match="size"):
        check_columns(parsed(), make_visits().drop_columns(["size"]).schema)


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("patient_id", pa.float64()),
        ("ward", pa.int64()),
        ("ward", pa.dictionary(pa.int8(), pa.int64())),
        ("size", pa.string()),
        ("size", pa.bool_()),
    ],
)
def test_a_column_of_another_type_is_refused_by_its_type_alone(column, kind):
    schema = make_visits().schema
    index = schema.get_field_index(column)
    changed = schema.set(index, pa.field(column, kind))

    check_columns(parsed(), schema)
    with pytest.raises(ColumnTypeMismatch, match=f"{column} is"):
        check_columns(parsed(), changed)


@pytest.mark.parametrize("values", [[1, 2], [True, False]])
def test_keys_of_another_kind_than_the_column_are_refused(values):
    keys = {"column": "ward", "values": values, "provenance": "codebook"}

    with pytest.raises(ColumnTypeMismatch, match="ward is string"):
        check_columns(parsed(keys=keys), make_visits().schema)


def test_parts_are_joined_whatever_their_encodings_and_further_columns():
    plain = make_visits((ALICE, "ward 0", 1))
    encoded = make_visits((ALICE, "ward 1", 2)).append_column("other", [["x"]])
    encoded = encoded.set_column(1, "ward", encoded.column("ward").dictionary_encode())
    wide = make_visits((BOB, "ward 1", 3)).cast(
        pa.schema(
            [("patient_id", pa.large_string()), ("ward", pa.string()), ("size", pa.float32())]
        )
    )
    recipe = parsed()

    rows = prepared(
        recipe,
        joined(recipe, [plain, encoded, wide]),
        unit=IdentifierKind.TEXT,
        included=lambda _: True,
    )

    assert rows.get_column("key").to_list() == [0, 1, 1]
    assert rows.get_column("q1").to_list() == [-8, -6, -4]


def test_an_empty_table_has_no_rows():
    assert len(prepare(make_visits())) == 0
