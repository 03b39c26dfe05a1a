"""Identifier columns as Arrow data: may this type hold such identifiers, and who is in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from lineage.errors import IdentifierMalformed
from lineage.identifiers import IdentifierKind, Wanted, standardise
from lineage.stores.errors import (
    ColumnMissing,
    ColumnTypeMismatch,
    MalformedIdentifier,
    NullIdentifier,
)
from lineage.stores.protocol import DeclaredColumn

_UUID_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Recogniser:
    """Tells whether a value names a wanted person, and remembers: a value comes up many times."""

    wanted: Wanted
    known: dict[object, UUID | None] = field(default_factory=dict)

    def mark_of(self, value: object) -> UUID | None:
        """Return the wanted person's mark, or None."""
        if value not in self.known:
            self.known[value] = self.wanted.mark_of(value)
        return self.known[value]


Recognisers = Mapping[str, Recogniser]
"""By column name."""


def recognisers(
    wanted: Mapping[str, Wanted], *, declared: Sequence[DeclaredColumn]
) -> dict[str, Recogniser]:
    """Return a recogniser for each column; people can be looked for in declared columns only."""
    names = {column.name for column in declared}
    for name in wanted:
        if name not in names:
            raise ColumnMissing(f"column {name}: not a declared identifier column of this store")
    return {name: Recogniser(wanted=people) for name, people in wanted.items()}


def require_column(schema: pa.Schema, column: DeclaredColumn, *, part: str) -> pa.Field:
    """Return the field of a declared column, or say why it cannot hold its identifiers."""
    index = schema.get_field_index(column.name)
    if index < 0:
        raise ColumnMissing(f"{part}: no column named {column.name}, or more than one")
    found = schema.field(index)
    if not _can_hold(value_type(found.type), column.kind):
        raise ColumnTypeMismatch(
            f"{part}: column {column.name} is {found.type}, "
            f"which cannot hold {column.kind} identifiers"
        )
    return found


def value_type(type_: pa.DataType) -> pa.DataType:
    """Return the type of the values themselves: without dictionary, view and extension."""
    if isinstance(type_, pa.BaseExtensionType):
        return value_type(type_.storage_type)
    return plain_type(type_)


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """Return a schema without dictionaries and views at any depth; extensions stay."""
    return pa.schema([_plain_field(field) for field in schema])


def plain_type(type_: pa.DataType) -> pa.DataType:
    """Return a type without dictionaries and views at any depth."""
    if pa.types.is_dictionary(type_):
        return plain_type(type_.value_type)
    if pa.types.is_struct(type_):
        return pa.struct([_plain_field(field) for field in type_])
    if pa.types.is_map(type_):
        key, item = _plain_field(type_.key_field), _plain_field(type_.item_field)
        return pa.map_(key, item, keys_sorted=type_.keys_sorted)
    if pa.types.is_nested(type_):
        return _plain_list(type_)
    # Arrow filters no views; Parquet stores both alike.
    return {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}.get(type_, type_)


def _plain_list(type_: pa.DataType) -> pa.DataType:
    if pa.types.is_fixed_size_list(type_):
        return pa.list_(_plain_field(type_.value_field), type_.list_size)
    if pa.types.is_large_list(type_):
        return pa.large_list(_plain_field(type_.value_field))
    if pa.types.is_list(type_):
        return pa.list_(_plain_field(type_.value_field))
    return type_


def _plain_field(field: pa.Field) -> pa.Field:
    return field.with_type(plain_type(field.type))


def _can_hold(type_: pa.DataType, kind: IdentifierKind) -> bool:
    is_text = type_ in {pa.string(), pa.large_string(), pa.string_view()}
    match kind:
        case IdentifierKind.INTEGER:
            return bool(pa.types.is_integer(type_))
        case IdentifierKind.TEXT | IdentifierKind.EMAIL:
            return is_text
        case IdentifierKind.UUID:
            return is_text or bool(type_ == pa.binary(_UUID_BYTES))


def plain(values: Any) -> Any:
    """Return an array or chunked array without dictionary and extension."""
    return (
        values.cast(value_type(values.type)) if values.type != value_type(values.type) else values
    )


def listed(values: Any) -> list[object]:
    """Return identifiers as Python values: text, whole numbers or UUIDs."""
    values = plain(values)
    if pa.types.is_fixed_size_binary(values.type):
        return [None if value is None else UUID(bytes=value) for value in values.to_pylist()]
    found: list[object] = values.to_pylist()
    return found


def require_identifiers(values: Sequence[object], column: DeclaredColumn, *, part: str) -> None:
    """Refuse values that name nobody or cannot be identifiers of the column's kind."""
    for value in set(values):
        if value is None:
            raise NullIdentifier(f"{part}: column {column.name} has a row without a value")
        try:
            standardise(value, kind=column.kind)
        except IdentifierMalformed as malformed:
            raise MalformedIdentifier(f"{part}: column {column.name}: {malformed}") from None


def people_among(values: Any, people: Recogniser) -> Iterator[tuple[int, UUID]]:
    """Yield position and mark of each distinct value that names a wanted person."""
    for position, value in enumerate(listed(values)):
        if value is not None and (mark := people.mark_of(value)) is not None:
            yield position, mark


def refuse_nulls(values: Any, name: str, *, part: str) -> None:
    """Refuse a column in which some row names nobody."""
    if values.null_count:
        raise NullIdentifier(
            f"{part}: column {name} has {values.null_count} rows without a value; "
            "nobody can say whose they are"
        )


def rows_of(values: Any, raw: Any) -> Any:
    """Return a mask of the rows that hold one of the raw values."""
    return pc.is_in(plain(values), value_set=raw)
