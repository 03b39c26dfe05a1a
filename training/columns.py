"""Columns as trainers see them: numbers or texts, whatever a store keeps them as. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from training.errors import DataRefused


class Kind(StrEnum):
    """What a feature is to a trainer."""

    NUMBER = "number"  # a float64; what is not finite counts as missing
    TEXT = "text"  # a category


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One input of a model."""

    name: str
    kind: Kind


Floats = npt.NDArray[np.float64]

_DAY_MICROSECONDS: Final = 86_400_000_000
_TEXTS: Final = {pa.string(), pa.large_string(), pa.string_view()}


def kind_of(type_: pa.DataType) -> Kind | None:
    """Return what a column of this type is to a trainer; None: no trainer reads it."""
    plain = _plain(type_)
    if plain in _TEXTS:
        return Kind.TEXT
    types = pa.types
    is_number = (
        types.is_floating(plain)
        or types.is_integer(plain)
        or types.is_decimal(plain)
        or types.is_boolean(plain)
        or types.is_date(plain)
        or types.is_timestamp(plain)
    )
    return Kind.NUMBER if is_number else None


def as_kind(column: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    """Return a column as numbers or texts, with nulls where nothing usable was said."""
    plain = column.cast(_plain(column.type))
    if kind is Kind.TEXT:
        return plain.cast(pa.string())
    if pa.types.is_date(plain.type) or pa.types.is_timestamp(plain.type):
        plain = plain.cast(pa.timestamp("us")).cast(pa.int64())
    # Adding 0.0 makes one zero of two: they are equal, and must not be fitted as different bytes.
    numbers = pc.add(plain.cast(pa.float64(), safe=False), 0.0)
    return pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, pa.float64()))


def as_label(column: pa.ChunkedArray, *, name: str) -> pa.ChunkedArray:
    """Return a label as text: a class, a whole number, or `true` and `false`."""
    plain = column.cast(_plain(column.type))
    types = pa.types
    if plain.type in _TEXTS or types.is_integer(plain.type) or types.is_boolean(plain.type):
        return plain.cast(pa.string())
    if types.is_null(plain.type):
        return plain.cast(pa.string())
    raise DataRefused(f"the label {name} is {column.type}; a class is a text or a whole number")


def as_source(column: pa.ChunkedArray) -> list[str | None] | None:
    """Return what names where each row came from; None if such a column names nothing."""
    plain = column.cast(_plain(column.type))
    types = pa.types
    if (
        plain.type in _TEXTS
        or types.is_integer(plain.type)
        or types.is_boolean(plain.type)
        or types.is_null(plain.type)
    ):
        texts: list[str | None] = plain.cast(pa.string()).to_pylist()
        return texts
    return None


def as_days(column: pa.ChunkedArray) -> Floats | None:
    """Return each row's day, in days since 1970 and in UTC; NaN: it has none that can be read.

    A text says a day if it begins as ISO 8601 writes one. None if such a column says no days.
    """
    plain = column.cast(_plain(column.type))
    types = pa.types
    if plain.type in _TEXTS:
        begins = pc.utf8_slice_codeunits(plain.cast(pa.string()), 0, len("2026-01-05"))
        plain = pc.strptime(begins, format="%Y-%m-%d", unit="s", error_is_null=True)
    if types.is_timestamp(plain.type):
        # Of moments with a zone this is the day in UTC: they are stored so.
        moments = plain.cast(pa.timestamp("us", tz=plain.type.tz), safe=False).cast(pa.int64())
        plain = pc.floor(
            pc.divide(moments.cast(pa.float64(), safe=False), float(_DAY_MICROSECONDS))
        )
    elif types.is_date(plain.type):
        plain = plain.cast(pa.date32()).cast(pa.int32()).cast(pa.float64())
    elif types.is_null(plain.type):
        plain = plain.cast(pa.float64())
    else:
        return None
    days: Floats = plain.to_numpy()
    return days.astype(np.float64)


def schema_digest(features: Sequence[Feature]) -> str:
    """Return the digest of names, kinds and order: a model reads what has the very same one."""
    said = [[feature.name, feature.kind.value] for feature in features]
    spelled = json.dumps(said, separators=(",", ":"), ensure_ascii=False)
    return sha256(spelled.encode()).hexdigest()


def features_of(schemas: Sequence[pa.Schema], names: Sequence[str]) -> tuple[Feature, ...]:
    """Return what each feature is in all parts; refuse one that differs or that nobody can read.

    A column that is empty in one part says nothing there, and does not contradict the others.
    """
    found: list[Feature] = []
    for name in names:
        types = {_plain(schema.field(name).type) for schema in schemas} - {pa.null()}
        kinds = {kind_of(type_) for type_ in types}
        if None in kinds:
            raise DataRefused(f"column {name} is {' and '.join(map(str, types))}: not a feature")
        if len(kinds) > 1:
            raise DataRefused(f"column {name} holds numbers in one part and texts in another")
        found.append(Feature(name=name, kind=next(iter(kinds), None) or Kind.NUMBER))
    return tuple(found)


def normalised(
    table: pa.Table, features: Sequence[Feature], *, label: str | None = None
) -> pa.Table:
    """Return the features, then the label if one is named, in the form that trainers read."""
    columns = {feature.name: as_kind(table[feature.name], feature.kind) for feature in features}
    if label is not None:
        columns[label] = as_label(table[label], name=label)
    return pa.table(columns)


def as_json(features: Sequence[Feature]) -> dict[str, str]:
    """Return the features as a manifest names them."""
    return {feature.name: feature.kind.value for feature in features}


def from_json(said: Mapping[str, str], names: Sequence[str]) -> tuple[Feature, ...]:
    """Return features as a manifest named them, in the model's order."""
    return tuple(Feature(name=name, kind=Kind(said[name])) for name in names)


def _plain(type_: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(type_):
        return _plain(type_.value_type)
    if isinstance(type_, pa.BaseExtensionType):
        return _plain(type_.storage_type)
    return type_
