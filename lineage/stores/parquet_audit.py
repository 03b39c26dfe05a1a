"""Values beneath the rows of a Parquet file: who is in dictionaries and statistics.

"No row matches" is true of a file whose dictionary page still spells the person's name. What is
found here stays in memory; only places and counts leave this module.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lineage.stores.columns import Recognisers, plain_schema, value_type
from lineage.stores.errors import NotSafelyErasable, StillPresent
from lineage.stores.footer import ARROW_SCHEMA, Chunk, Physical
from lineage.stores.pages import PagedFile, open_pages
from lineage.stores.parquet_rewrite import Masks

_SHORTEST: Final = 4  # bytes; shorter values occur by accident
_UUID_BYTES: Final = 16
_PANDAS_STRUCTURE: Final = frozenset(
    {"columns", "index_columns", "column_indexes", "creator", "pandas_version", "partition_columns"}
)

Values = Mapping[str, frozenset[bytes]]
"""Stored bytes of values, by the path of their Parquet column."""


def people_beneath(path: Path, people: Recognisers) -> dict[UUID, str]:
    """Return who is in the dictionaries or statistics of the identifier columns, and where."""
    found: dict[UUID, str] = {}
    with open_pages(path) as file:
        for chunk in file.footer.chunks:
            if chunk.path not in people:
                continue
            for place, value in _beneath(file, chunk):
                for identifier in _identifiers(value, chunk.physical):
                    mark = people[chunk.path].mark_of(identifier)
                    if mark is not None:
                        found.setdefault(mark, f"{chunk}, {place}")
    return found


def unused_values(path: Path) -> dict[str, frozenset[bytes]]:
    """Return the values in dictionary pages that no row of their row group uses.

    Anybody's values: those of a person whose rows are in another file cannot be told from others.
    """
    unused: dict[str, frozenset[bytes]] = {}
    with open_pages(path) as file:
        for chunk in file.footer.chunks:
            if chunk.physical is not Physical.BYTE_ARRAY:
                continue
            entries = frozenset(file.dictionary(chunk))
            if entries and (used := _used(path, chunk)) is not None and (left := entries - used):
                unused[chunk.path] = unused.get(chunk.path, frozenset()) | left
    return unused


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


def places_of(path: Path, values: Values) -> dict[tuple[str, bytes], str]:
    """Return which of the values the dictionaries and statistics of a file hold, and where."""
    found: dict[tuple[str, bytes], str] = {}
    with open_pages(path) as file:
        for chunk in file.footer.chunks:
            if chunk.path in values:
                for place, value in _beneath(file, chunk):
                    if value in values[chunk.path]:
                        found.setdefault((chunk.path, value), f"{chunk}, {place}")
    return found


def require_clean(staged: Path, gone: Values, people: Recognisers) -> None:
    """Refuse a staged file that still holds a value of the erased rows anywhere."""
    for place in people_beneath(staged, people).values():
        raise StillPresent(f"a wanted identifier remains in {place}")
    for path in unused_values(staged):
        raise StillPresent(f"a dictionary page of column {path} holds a value that no row uses")
    for place in places_of(staged, gone).values():
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


def _beneath(file: PagedFile, chunk: Chunk) -> Iterator[tuple[str, bytes]]:
    for value in file.dictionary(chunk):
        yield "dictionary page", value
    yield from file.bounds(chunk)


def _identifiers(value: bytes, physical: Physical) -> Iterator[object]:
    """Yield what stored bytes may mean as an identifier."""
    if physical in {Physical.INT32, Physical.INT64}:
        yield int.from_bytes(value, "little", signed=True)
        yield int.from_bytes(value, "little", signed=False)
    elif physical is Physical.BYTE_ARRAY:
        yield value.decode(errors="replace")
    elif physical is Physical.FIXED_LEN_BYTE_ARRAY and len(value) == _UUID_BYTES:
        yield UUID(bytes=value)


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
