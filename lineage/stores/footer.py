"""What the footer of a Parquet file says: columns, where their bytes lie, statistics, key-values.

Field numbers are those of parquet-format's `parquet.thrift`, release 2.11.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from typing_extensions import override

from lineage.stores.errors import NotSafelyErasable, PartCorrupt
from lineage.stores.thrift import Struct, ThriftDamaged, read_struct

ARROW_SCHEMA: Final = b"ARROW:schema"

_MAGIC: Final = b"PAR1"
_ENCRYPTED_FOOTER: Final = b"PARE"
_TAIL: Final = 8  # four bytes of footer length, four of magic
_DICTIONARY_ENCODINGS: Final = frozenset({2, 8})  # PLAIN_DICTIONARY, RLE_DICTIONARY
_UNSIGNED: Final = frozenset({11, 12, 13, 14})  # UINT_8 to UINT_64


class Physical(IntEnum):
    """How Parquet stores the values of a column."""

    BOOLEAN = 0
    INT32 = 1
    INT64 = 2
    INT96 = 3
    FLOAT = 4
    DOUBLE = 5
    BYTE_ARRAY = 6
    FIXED_LEN_BYTE_ARRAY = 7


_WIDTHS: Final = {
    Physical.INT32: 4,
    Physical.INT64: 8,
    Physical.INT96: 12,
    Physical.FLOAT: 4,
    Physical.DOUBLE: 8,
}


class _File(IntEnum):
    SCHEMA = 2
    ROWS = 3
    ROW_GROUPS = 4
    KEY_VALUES = 5
    ENCRYPTION = 8


class _Element(IntEnum):
    WIDTH = 2
    CHILDREN = 5
    CONVERTED = 6
    LOGICAL = 10


class _Column(IntEnum):
    FILE_PATH = 1
    ABOUT = 3
    INDEX_OFFSET = 6
    INDEX_LENGTH = 7
    CRYPTO = 8
    ENCRYPTED_ABOUT = 9


class _About(IntEnum):
    PHYSICAL = 1
    ENCODINGS = 2
    PATH = 3
    CODEC = 4
    VALUES = 5
    STORED_BYTES = 7
    DATA_OFFSET = 9
    DICTIONARY_OFFSET = 11
    STATISTICS = 12
    BLOOM_OFFSET = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One column of one row group."""

    row_group: int
    path: str
    physical: Physical
    width: int  # bytes of one fixed-length value; 0 for those of varying length
    is_unsigned: bool
    codec: int
    encodings: frozenset[int]
    values: int
    start: int
    end: int
    has_statistics: bool
    has_bloom_filter: bool
    bounds: tuple[bytes, ...]
    column_index: tuple[int, int] | None  # offset, length
    is_external: bool
    is_encrypted: bool

    @property
    def has_dictionary(self) -> bool:
        """Tell whether a dictionary page may come first; its offset is not always written."""
        return not _DICTIONARY_ENCODINGS.isdisjoint(self.encodings)

    @override
    def __str__(self) -> str:
        return f"row group {self.row_group}, column {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """The footer, decoded, and its bytes."""

    start: int
    stored: bytes
    chunks: tuple[Chunk, ...]
    key_values: Mapping[bytes, bytes]
    is_encrypted: bool

    @property
    def arrow_schema(self) -> bytes:
        """Return the Arrow schema that writers keep in base64 among the key-values, as bytes."""
        try:
            return base64.b64decode(self.key_values.get(ARROW_SCHEMA, b""))
        except binascii.Error:
            return b""


def footer_of(data: bytes, *, name: str) -> Footer:
    """Read the footer from a file's bytes; `name` is for the message when they are damaged."""
    size = len(data)
    tail = data[size - _TAIL :] if size >= _TAIL + len(_MAGIC) else b""
    if tail[4:] == _ENCRYPTED_FOOTER:
        raise NotSafelyErasable(f"{name}: the footer is encrypted; give Lethe a decrypted copy")
    if tail[4:] != _MAGIC or data[:4] != _MAGIC:
        raise PartCorrupt(f"{name}: not a Parquet file, or truncated")
    start = size - _TAIL - int.from_bytes(tail[:4], "little")
    if start < len(_MAGIC):
        raise PartCorrupt(f"{name}: the footer does not fit into the file")
    stored = data[start : size - _TAIL]
    try:
        fields, _ = read_struct(stored)
        chunks = tuple(_chunks(fields))
        key_values = {pair[1]: pair.get(2, b"") for pair in fields.get(_File.KEY_VALUES, ())}
    except (ThriftDamaged, KeyError, IndexError, TypeError, ValueError, AttributeError) as damage:
        raise PartCorrupt(f"{name}: the footer is damaged") from damage
    return Footer(
        start=start,
        stored=stored,
        chunks=chunks,
        key_values=key_values,
        is_encrypted=_File.ENCRYPTION in fields or any(chunk.is_encrypted for chunk in chunks),
    )


def bounds_in(statistics: Struct) -> tuple[bytes, ...]:
    """Return the smallest and largest values that a statistics struct holds, old and new fields."""
    return tuple(statistics[number] for number in (1, 2, 5, 6) if number in statistics)


def _chunks(fields: Struct) -> Iterator[Chunk]:
    leaves = [element for element in fields[_File.SCHEMA] if not element.get(_Element.CHILDREN)]
    for number, group in enumerate(fields[_File.ROW_GROUPS]):
        for leaf, column in zip(leaves, group[1], strict=True):
            yield _chunk(number, leaf, column)


def _chunk(row_group: int, leaf: Struct, column: Struct) -> Chunk:
    about: Struct = column.get(_Column.ABOUT) or {
        # The column's own description is encrypted: nothing of it can be read, nor will be.
        **dict.fromkeys((_About.PHYSICAL, _About.CODEC, _About.VALUES), 0),
        **dict.fromkeys((_About.STORED_BYTES, _About.DATA_OFFSET), 0),
        _About.PATH: [b"?"],
    }
    physical = Physical(about[_About.PHYSICAL])
    dictionary = about.get(_About.DICTIONARY_OFFSET, 0)  # some writers leave it out or write 0
    start = min(dictionary or about[_About.DATA_OFFSET], about[_About.DATA_OFFSET])
    return Chunk(
        row_group=row_group,
        path=b".".join(about[_About.PATH]).decode(),
        physical=physical,
        width=_WIDTHS[physical] if physical in _WIDTHS else leaf.get(_Element.WIDTH, 0),
        is_unsigned=_is_unsigned(leaf),
        codec=about[_About.CODEC],
        encodings=frozenset(about.get(_About.ENCODINGS, ())),
        values=about[_About.VALUES],
        start=start,
        end=start + about[_About.STORED_BYTES],
        has_statistics=_About.STATISTICS in about,
        has_bloom_filter=_About.BLOOM_OFFSET in about,
        bounds=bounds_in(about.get(_About.STATISTICS, {})),
        column_index=(column[_Column.INDEX_OFFSET], column[_Column.INDEX_LENGTH])
        if _Column.INDEX_OFFSET in column
        else None,
        is_external=_Column.FILE_PATH in column,
        is_encrypted=_Column.CRYPTO in column or _Column.ENCRYPTED_ABOUT in column,
    )


def _is_unsigned(leaf: Struct) -> bool:
    whole_number, is_signed = 10, 2  # fields of LogicalType and of its IntType
    logical = leaf.get(_Element.LOGICAL, {}).get(whole_number, {})
    return logical.get(is_signed) is False or leaf.get(_Element.CONVERTED) in _UNSIGNED
