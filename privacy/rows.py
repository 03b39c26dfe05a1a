"""Turns a table into the whole numbers that a measurement draws from.

Every rule here looks at one row at a time, so that one person more or less in the table is one
person more or less in its result: that carries the measurement's promise over to the table. A
person's number depends on the other rows, but it is only a name, and no name reaches a result.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import polars as pl
import pyarrow as pa

from lineage.errors import IdentifierMalformed
from lineage.identifiers import IdentifierKind, standardise
from lineage.stores.errors import (
    ColumnMissing,
    ColumnTypeMismatch,
    MalformedIdentifier,
    NullIdentifier,
)
from privacy.errors import ValueMissing
from privacy.recipes import Question, Recipe, ValueColumn

PERSON: Final = "person"
KEY: Final = "key"


def joined(recipe: Recipe, tables: Sequence[pa.Table]) -> pa.Table:
    """Put the parts of a source together, after a look at the columns of each, not at values."""
    for table in tables:
        check_columns(recipe, table.schema)
    return pa.concat_tables(
        [_decoded(table.select(list(recipe.columns))) for table in tables],
        promote_options="permissive",
    )


def check_columns(recipe: Recipe, schema: pa.Schema) -> None:
    """Refuse a table whose columns are missing or of another type; it looks at no value."""
    for column in recipe.columns:
        if column not in schema.names:
            raise ColumnMissing(column)
    _require_type(schema, recipe.unit.column, _is_text, pa.types.is_integer)
    match recipe.keys.values[0]:
        case bool():
            _require_type(schema, recipe.keys.column, pa.types.is_boolean)
        case int():
            _require_type(schema, recipe.keys.column, pa.types.is_integer)
        case _:
            _require_type(schema, recipe.keys.column, _is_text)
    for value in recipe.values:
        _require_type(
            schema, value.column, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal
        )


def prepared(
    recipe: Recipe, table: pa.Table, *, unit: IdentifierKind, included: Callable[[str], bool]
) -> pl.DataFrame:
    """Turn rows into whole numbers, one row at a time, without other people and other keys."""
    keys = recipe.keys.values
    said = _plain(table, recipe.keys.column)
    if said.dtype.is_integer():
        said = said.cast(pl.Int64, strict=False)  # a public key may lie beyond the column's type
    rows = pl.DataFrame(
        {
            PERSON: _people(table, recipe.unit.column, unit=unit, included=included),
            KEY: _codes(said, {key: code for code, key in enumerate(keys)}),
            **{
                name: _plain(table, question.value.column).cast(pl.Float64)
                for name, question in recipe.named_questions
                if question.value
            },
        }
    ).drop_nulls([PERSON, KEY])
    return rows.with_columns(
        _whole(rows.get_column(name), question, question.value)
        for name, question in recipe.named_questions
        if question.value
    )


def _people(
    table: pa.Table, column: str, *, unit: IdentifierKind, included: Callable[[str], bool]
) -> pl.Series:
    """Give every included person a number, and nobody else."""
    raw = _plain(table, column)
    if raw.null_count():
        raise NullIdentifier(column)
    numbers: dict[str, int] = {}
    codes: dict[object, int | None] = {}
    for value in raw.unique():
        try:
            person = standardise(value, kind=unit)
        except IdentifierMalformed:
            raise MalformedIdentifier(column) from None
        codes[value] = numbers.setdefault(person, len(numbers)) if included(person) else None
    return _codes(raw, codes)


def _codes(raw: pl.Series, codes: Mapping[Any, int | None]) -> pl.Series:
    """Replace values by their codes; a value without one becomes null."""
    return raw.replace_strict(
        pl.Series(list(codes), dtype=raw.dtype),
        pl.Series(list(codes.values()), dtype=pl.Int64),
        default=None,
        return_dtype=pl.Int64,
    )


def _whole(raw: pl.Series, question: Question, value: ValueColumn) -> pl.Series:
    """Clip to the bounds, round to steps, and count them from where the question counts."""
    known = raw.fill_nan(None)
    if value.missing is not None:
        known = known.fill_null(float(value.missing))
    if known.null_count():
        raise ValueMissing(value.column)
    lower, upper, step = float(value.lower), float(value.upper), float(value.step)
    steps = ((known.clip(lower, upper) - lower) / step).round().cast(pl.Int64)
    return steps * int(value.step / question.grain) + question.limits[0]


def _plain(table: pa.Table, column: str) -> pl.Series:
    return pl.Series(pl.from_arrow(table.column(column)))


def _decoded(table: pa.Table) -> pa.Table:
    """Write dictionary-encoded columns out: two parts need not have the same dictionary."""
    return table.cast(
        pa.schema(
            [
                field.with_type(field.type.value_type)
                if pa.types.is_dictionary(field.type)
                else field
                for field in table.schema
            ]
        )
    )


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _require_type(schema: pa.Schema, column: str, *allowed: Callable[[pa.DataType], bool]) -> None:
    kind = schema.field(column).type
    if not any(test(kind) for test in allowed):
        raise ColumnTypeMismatch(f"{column} is {kind}")
