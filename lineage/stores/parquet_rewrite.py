"""Write a Parquet file again without some rows, otherwise as it was.

Row group by row group: same boundaries, codecs, encodings, schema and key-values. Every value is
encoded anew, so dictionaries and statistics hold what the kept rows hold and nothing else.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lineage.stores.columns import plain_schema
from lineage.stores.errors import NotSafelyErasable
from lineage.stores.footer import Chunk, Physical
from lineage.stores.local import refuse_other_names
from lineage.stores.pages import PagedFile, PageKind, open_pages

_TABLE_FORMATS: Final = ("_delta_log", ".hoodie", "metadata/*.metadata.json")
_SIDECARS: Final = ("_metadata", "_common_metadata")
_MOST_DIGITS: Final = 38  # what DuckDB reads exactly; it rounds longer decimals to floats
_CODECS: Final = {0: "NONE", 1: "SNAPPY", 2: "GZIP", 4: "BROTLI", 5: "LZ4", 6: "ZSTD", 7: "LZ4"}
_ENCODINGS: Final = {
    5: "DELTA_BINARY_PACKED",
    6: "DELTA_LENGTH_BYTE_ARRAY",
    7: "DELTA_BYTE_ARRAY",
    9: "BYTE_STREAM_SPLIT",
}

Masks = Sequence[Any]
"""For each row group which rows go: a boolean array, or None where all rows stay."""


def refuse_copies(path: Path) -> None:
    """Refuse a file whose values other files repeat, or that a table format has in its books."""
    for name in (*_SIDECARS, f".{path.name}.crc"):
        if path.with_name(name).exists():
            raise NotSafelyErasable(
                f"{path.name}: {name} beside it repeats or seals what it holds; "
                "remove that file, or write it anew after the erasure"
            )
    for folder in list(path.parents)[:4]:
        for log in _TABLE_FORMATS:
            if any(folder.glob(log)):
                raise NotSafelyErasable(
                    f"{path.name}: belongs to a table format ({log}) whose log keeps copies; "
                    "erase through that format"
                )


def refuse_elsewhere(path: Path) -> None:
    """Refuse a file whose values lie in another file or under a key that Lethe does not have."""
    with open_pages(path) as file:
        footer = file.footer
    if footer.is_encrypted:
        raise NotSafelyErasable(f"{path.name}: has encrypted columns; give Lethe a decrypted copy")
    for chunk in footer.chunks:
        if chunk.is_external:
            raise NotSafelyErasable(
                f"{path.name}: {chunk} lies in another file; write the table as whole files"
            )


def refuse_unsafe(path: Path) -> None:
    """Refuse a file that cannot be written again without loss, or whose old bytes would stay."""
    refuse_other_names(path)
    with open_pages(path) as file:
        footer = file.footer
    for chunk in footer.chunks:
        if chunk.physical is Physical.INT96:
            raise NotSafelyErasable(
                f"{path.name}: {chunk} holds INT96 timestamps, which cannot be copied faithfully; "
                "write the file anew with timestamps as INT64"
            )


def rewrite(path: Path, masks: Masks, out: BinaryIO) -> None:
    """Write the rows that stay; deterministic: the same file and masks give the same bytes."""
    with pq.ParquetFile(path) as source, open_pages(path) as pages:
        for field in _leaf_types(source.schema_arrow):
            if pa.types.is_decimal(field) and field.precision > _MOST_DIGITS:
                raise NotSafelyErasable(
                    f"{path.name}: decimals of {field.precision} digits are more than the second "
                    "reader can compare"
                )
        # An Arrow dictionary is written whole, also what no row uses. Of plain values the writer
        # makes a dictionary itself; readers restore the type from the stored schema.
        schema = plain_schema(source.schema_arrow)
        options = _options(source, schema, pages)
        if options is None:
            raise NotSafelyErasable(
                f"{path.name}: its Parquet schema cannot be written again exactly; "
                "let its own writer write it without the people"
            )
        with pq.ParquetWriter(out, schema, **options) as writer:
            for number, mask in enumerate(masks):
                rows = source.read_row_group(number, use_threads=False)
                rows = rows.replace_schema_metadata(None).cast(schema)
                if mask is not None:
                    rows = rows.filter(pc.invert(mask))
                if rows.num_rows:
                    writer.write_table(rows, row_group_size=rows.num_rows)
            _add_key_values(writer, source)


def _options(source: pq.ParquetFile, schema: pa.Schema, pages: PagedFile) -> dict[str, Any] | None:
    """Return the writer's options under which the file gets the schema and layout that it has."""
    chunks = pages.footer.chunks
    layout = _layout(source, chunks, pages)
    versions = sorted(("2.6", "2.4", "1.0"), key=lambda v: v != source.metadata.format_version)
    for version, is_compliant, as_integer, in_utc in product(
        versions, (True, False), (False, True), (False, True)
    ):
        options = {
            **layout,
            "version": version,
            "use_compliant_nested_type": is_compliant,
            "store_decimal_as_integer": as_integer,
            "write_time_adjusted_to_utc": in_utc,
            "store_schema": False,  # the stored one is kept as it is, among the key-values
        }
        empty = pa.BufferOutputStream()
        with pq.ParquetWriter(empty, schema, **options) as writer:
            _add_key_values(writer, source)
        if _same_schema(pq.ParquetFile(pa.BufferReader(empty.getvalue())), source):
            return options
    return None


def _add_key_values(writer: pq.ParquetWriter, source: pq.ParquetFile) -> None:
    if source.metadata.metadata:
        writer.add_key_value_metadata(source.metadata.metadata)


def _same_schema(one: pq.ParquetFile, other: pq.ParquetFile) -> bool:
    """Compare what readers see: columns, nesting, types, notes; not the name of the root."""
    return _shape(one) == _shape(other) and bool(
        one.schema_arrow.equals(other.schema_arrow, check_metadata=True)
    )


def _shape(file: pq.ParquetFile) -> list[tuple[object, ...]]:
    columns = (file.schema.column(number) for number in range(len(file.schema)))
    return [
        (
            column.path,
            column.physical_type,
            column.length,
            column.max_definition_level,
            column.max_repetition_level,
            _logical(column),
        )
        for column in columns
    ]


def _logical(column: Any) -> Mapping[str, object]:
    about: dict[str, object] = json.loads(column.logical_type.to_json())
    # Whether the annotation is an old or a new one, and the whole number that needs none.
    about = {key: value for key, value in about.items() if "converted_type" not in key}
    width = {"INT32": 32, "INT64": 64}.get(column.physical_type)
    is_default = about == {"Type": "Int", "bitWidth": width, "isSigned": True}
    return {"Type": "None"} if is_default else about


def _layout(source: pq.ParquetFile, chunks: Sequence[Chunk], pages: PagedFile) -> dict[str, Any]:
    first = next((page for chunk in chunks for page in pages.pages(chunk)), None)
    data = next(
        (
            page
            for chunk in chunks[:1]
            for page in pages.pages(chunk)
            if page.kind is not PageKind.DICTIONARY
        ),
        None,
    )
    with_dictionary = sorted({chunk.path for chunk in chunks if chunk.has_dictionary})
    blooms = {chunk.path for chunk in chunks if chunk.has_bloom_filter}
    longest = max((source.metadata.row_group(n).num_rows for n in _groups(source)), default=1)
    layout: dict[str, Any] = {
        "compression": {chunk.path: _CODECS.get(chunk.codec, "NONE") for chunk in chunks},
        "use_dictionary": with_dictionary,
        "column_encoding": {
            chunk.path: _ENCODINGS[encoding]
            for chunk in chunks
            if chunk.path not in with_dictionary
            for encoding in sorted(chunk.encodings & _ENCODINGS.keys())
        },
        "write_statistics": sorted({chunk.path for chunk in chunks if chunk.has_statistics}),
        "write_page_index": any(chunk.column_index for chunk in chunks),
        "write_page_checksum": first is not None and first.has_checksum,
        "data_page_version": "2.0" if data and data.kind is PageKind.DATA_V2 else "1.0",
        "sorting_columns": source.metadata.row_group(0).sorting_columns or None if chunks else None,
    }
    if blooms:
        layout["bloom_filter_options"] = {path: {"ndv": longest} for path in sorted(blooms)}
    return layout


def _groups(source: pq.ParquetFile) -> range:
    return range(source.metadata.num_row_groups)


def _leaf_types(schema: pa.Schema) -> Iterator[pa.DataType]:
    waiting = list(schema.types)
    while waiting:
        type_ = waiting.pop()
        if type_.num_fields:
            waiting += [type_.field(n).type for n in range(type_.num_fields)]
        else:
            yield type_
