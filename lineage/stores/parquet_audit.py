"""Values beneath the rows of a Parquet file: who is in dictionaries and statistics.

"No row matches" is true of a file whose dictionary page still spells the person's name. What is
found here stays in memory; only places and counts leave this module.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lineage.stores.columns import Recogniser, Recognisers, plain_schema, value_type
from lineage.stores.errors import NotSafelyErasable, StillPresent
from lineage.stores.footer import ARROW_SCHEMA, Chunk, Physical
from lineage.stores.pages import PagedFile, open_pages
from lineage.stores.parquet_rewrite import Masks

_DICTIONARY: Final = "dictionary page"
_SHORTEST: Final = 4  # bytes; shorter values occur by accident
_UUID_BYTES: Final = 16
_PANDAS_STRUCTURE: Final = frozenset(
    {"columns", "index_columns", "column_indexes", "creator", "pandas_version", "partition_columns"}
)

Values = Mapping[str, frozenset[bytes]]
"""Stored bytes of values, by the path of their Parquet column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beneath:
    """What dictionaries and statistics hold. Raw values: keep them in memory."""

    people: Mapping[UUID, str]  # wanted people in identifier columns, with a place
    unused: Values  # in dictionaries, and in no row of that row group
    held: Mapping[tuple[str, bytes], str]  # those of the values asked for, with a place


def people_beneath(path: Path, people: Recognisers) -> Mapping[UUID, str]:
    """Return who is in the dictionaries or statistics of the identifier columns, and where."""
    found: dict[UUID, str] = {}
    with open_pages(path) as file:
        for chunk in file.footer.chunks:
            if chunk.path in people:
                _recognise(chunk, _beneath(file, chunk), people[chunk.path], found)
    return found


def look_beneath(path: Path, people: Recognisers, *, asked: Values) -> Beneath:
    """Look once through everything beneath the rows.

    Unused values are reported whosever they are: those of a person whose rows are in another file
    cannot be told from others.
    """
    found: dict[UUID, str] = {}
    unused: dict[str, frozenset[bytes]] = {}
    held: dict[tuple[str, bytes], str] = {}
    with open_pages(path) as file:
        for chunk in file.footer.chunks:
            is_text = chunk.physical is Physical.BYTE_ARRAY
            if not is_text and chunk.path not in people:
                continue
            places = _beneath(file, chunk)
            if chunk.path in people:
                _recognise(chunk, places, people[chunk.path], found)
            entries = places[_DICTIONARY]
            if is_text and entries and (used := _used(path, chunk)) is not None:
                unused[chunk.path] = unused.get(chunk.path, frozenset()) | (entries - used)
            for place, values in places.items():
                for value in values & asked.get(chunk.path, frozenset()):
                    held.setdefault((chunk.path, value), f"{chunk}, {place}")
    unused = {path: values for path, values in unused.items() if values}
    return Beneath(people=found, unused=unused, held=held)


def gone_values(source: Path, masks: Masks, staged: Path) -> Values:
    """Return the values of texts that only erased rows held: names, addresses, rare answers."""
    gone: dict[str, frozenset[bytes]] = {}
    with open_pages(source) as file:
        chunks = [chunk for chunk in file.footer.chunks if chunk.physical is Physical.BYTE_ARRAY]
    for chunk in chunks:
        if masks[chunk.row_group] is not None:
            held = _used(source, chunk, mask=masks[chunk.row_group])
            gone[chunk.path] = gone.get(chunk.path, frozenset()) | (held or frozenset())
    with open_pages(staged) as file:
        for chunk in file.footer.chunks:
            if gone.get(chunk.path):
                gone[chunk.path] -= _used(staged, chunk) or frozenset()
    # The empty text says nothing of anybody, and pages without values have it as their bounds.
    return {path: values - {b""} for path, values in gone.items() if values - {b""}}


def require_clean(staged: Path, gone: Values, people: Recognisers) -> None:
    """Refuse a staged file that still holds a value of the erased rows anywhere."""
    beneath = look_beneath(staged, people, asked=gone)
    for place in beneath.people.values():
        raise StillPresent(f"a wanted identifier remains in {place}")
    for column in beneath.unused:
        raise StillPresent(f"a dictionary page of column {column} holds a value that no row uses")
    for place in beneath.held.values():
        raise StillPresent(f"a value of an erased row remains in {place}")


def require_clean_notes(path: Path, gone: Iterable[bytes], identifiers: Iterable[object]) -> None:
    """Refuse a file whose key-values name an erased person: they would be copied as they are.

    Identifiers are searched for in all of them; other values only outside the words that describe
    columns and types. Numbers are not: each would be found by accident.
    """
    named = {str(value).encode() for value in identifiers if isinstance(value, str | UUID)}
    with open_pages(path) as file:
        key_values = file.footer.key_values
        structure = file.footer.arrow_schema
    with pq.ParquetFile(path) as parquet:
        notes = dict(_notes(key_values, parquet.schema_arrow))
    everything = {**notes, "pandas": key_values.get(b"pandas", b""), "Arrow schema": structure}
    for place, text in everything.items():
        if _holds(text, named):
            raise NotSafelyErasable(f"{path.name}: key-value {place} names an erased person")
    for place, text in notes.items():
        if _holds(text, gone):
            raise NotSafelyErasable(f"{path.name}: key-value {place} holds an erased row's value")


def _notes(key_values: Mapping[bytes, bytes], schema: pa.Schema) -> Iterator[tuple[str, bytes]]:
    for key, value in key_values.items():
        if key == b"pandas":
            yield "pandas", _without_structure(value)
        elif key != ARROW_SCHEMA:
            yield key.decode(errors="replace"), value
    for field in schema:
        for key, value in (field.metadata or {}).items():
            yield f"{key.decode(errors='replace')} of column {field.name}", value


def _without_structure(pandas: bytes) -> bytes:
    try:
        described = json.loads(pandas)
    except ValueError:
        return pandas
    if not isinstance(described, dict):
        return pandas
    kept = {key: value for key, value in described.items() if key not in _PANDAS_STRUCTURE}
    return json.dumps(kept, ensure_ascii=False).encode()


def _holds(text: bytes, values: Iterable[bytes]) -> bool:
    """Tell whether a text holds one of the values as words of their own."""
    return any(
        value in text and re.search(rb"(?<!\w)" + re.escape(value) + rb"(?!\w)", text)
        for value in values
        if len(value) >= _SHORTEST
    )


def _beneath(file: PagedFile, chunk: Chunk) -> dict[str, frozenset[bytes]]:
    """Return the distinct values of a chunk's dictionary and bounds, by place."""
    places = {_DICTIONARY: set(file.dictionary(chunk))}
    for place, value in file.bounds(chunk):
        places.setdefault(place, set()).add(value)
    return {place: frozenset(values) for place, values in places.items()}


def _recognise(
    chunk: Chunk,
    places: Mapping[str, frozenset[bytes]],
    people: Recogniser,
    found: dict[UUID, str],
) -> None:
    for place, values in places.items():
        for value in values:
            mark = people.mark_of(_identifier(value, chunk))
            if mark is not None:
                found.setdefault(mark, f"{chunk}, {place}")


def _identifier(value: bytes, chunk: Chunk) -> object:
    """Return what stored bytes mean as an identifier; None when they can be none."""
    match chunk.physical:
        case Physical.INT32 | Physical.INT64:
            return int.from_bytes(value, "little", signed=not chunk.is_unsigned)
        case Physical.BYTE_ARRAY:
            return value.decode(errors="replace")
        case Physical.FIXED_LEN_BYTE_ARRAY if len(value) == _UUID_BYTES:
            return UUID(bytes=value)
        case _:
            return None


def _used(path: Path, chunk: Chunk, *, mask: Any = None) -> frozenset[bytes] | None:
    """Return the distinct values of one chunk that rows hold, as stored; None for decimals."""
    coded = [chunk.path] if chunk.has_dictionary else []  # else Arrow refuses some encodings
    with pq.ParquetFile(path, read_dictionary=coded) as file:
        rows = file.read_row_group(chunk.row_group, columns=[chunk.path], use_threads=False)
    if mask is not None:
        rows = rows.cast(plain_schema(rows.schema)).filter(mask)
    values = _leaf(rows.column(0))
    if pa.types.is_decimal(value_type(values.type)):
        return None
    distinct = pc.unique(values.unify_dictionaries())
    stored = distinct.cast(value_type(distinct.type)).cast(pa.binary()).drop_null()
    return frozenset(stored.to_pylist())


def _leaf(values: Any) -> Any:
    """Return the values at the end of nested lists and structs, of which one path was read."""
    while True:
        type_ = values.type
        if isinstance(type_, pa.BaseExtensionType):
            values = values.cast(type_.storage_type)
        elif pa.types.is_struct(type_):
            values = pc.struct_field(values, [0])
        elif pa.types.is_nested(type_):
            values = pc.list_flatten(values)
        else:
            return values
