"""What a Parquet file holds beneath its rows: pages, dictionaries, statistics, key-values.

A reader that counts rows cannot see a value which no row uses. This module decodes the structures themselves,
independently of the library that writes them, so that "the value is gone" is more than "no row shows it".
"""

import base64
import binascii
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from lineage.stores.errors import NotSafelyErasable, PartCorrupt, StoreUnreadable
from lineage.stores.thrift import Struct, ThriftDamaged, read_struct

_MAGIC: Final = b"PAR1"
_ENCRYPTED_FOOTER: Final = b"PARE"
_TAIL: Final = 8  # four bytes of footer length, four of magic
_HEADER_AT_MOST: Final = 1 << 20  # bytes; statistics of long values make headers long
_LZ4_HADOOP: Final = 5
_CODECS: Final = {1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4_raw"}
ARROW_SCHEMA: Final = b"ARROW:schema"


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


class PageKind(IntEnum):
    """What a page of a column chunk holds."""

    DATA = 0
    INDEX = 1
    DICTIONARY = 2
    DATA_V2 = 3


_WIDTHS: Final = {
    Physical.INT32: 4,
    Physical.INT64: 8,
    Physical.INT96: 12,
    Physical.FLOAT: 4,
    Physical.DOUBLE: 8,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One decompressed page and where its stored body lies in the file."""

    kind: PageKind
    values: int
    start: int
    end: int
    data: bytes
    statistics: tuple[bytes, ...]
    has_checksum: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One column of one row group, as the footer describes it."""

    row_group: int
    path: str
    physical: Physical
    width: int  # bytes of one fixed-length value
    codec: int
    values: int
    start: int
    end: int
    has_dictionary: bool
    statistics: tuple[bytes, ...]
    column_index: tuple[int, int] | None  # offset, length
    is_external: bool
    is_encrypted: bool

    def __str__(self) -> str:
        return f"row group {self.row_group}, column {self.path}"


class PagedFile:
    """A Parquet file, open for looking at its structures."""

    def __init__(self, data: mmap.mmap, *, name: str) -> None:
        self._data = data
        self._name = name
        size = len(data)
        tail = data[size - _TAIL :] if size >= _TAIL + len(_MAGIC) else b""
        if tail[4:] == _ENCRYPTED_FOOTER:
            raise NotSafelyErasable(f"{name}: the footer is encrypted; give Lethe a decrypted copy")
        if tail[4:] != _MAGIC or data[:4] != _MAGIC:
            raise PartCorrupt(f"{name}: not a Parquet file, or truncated")
        self.footer_start = size - _TAIL - int.from_bytes(tail[:4], "little")
        if self.footer_start < len(_MAGIC):
            raise PartCorrupt(f"{name}: the footer does not fit into the file")
        self.footer = data[self.footer_start : size - _TAIL]
        try:
            footer, _ = read_struct(self.footer)
            self.chunks = tuple(_chunks(footer))
            self.key_values = {kv[1]: kv.get(2, b"") for kv in footer.get(5, ())}
        except (
            ThriftDamaged,
            KeyError,
            IndexError,
            TypeError,
            ValueError,
            AttributeError,
        ) as damage:
            raise PartCorrupt(f"{name}: the footer is damaged") from damage
        self.is_encrypted = 8 in footer or any(chunk.is_encrypted for chunk in self.chunks)

    def pages(self, chunk: Chunk) -> Iterator[Page]:
        """Yield every page of a column chunk, decompressed."""
        at, seen = chunk.start, 0
        # Old parquet-mr left the dictionary page out of the chunk's size, hence the count of values too.
        while at < chunk.end or seen < chunk.values:
            try:
                page = self._page(chunk, at)
            except (ThriftDamaged, KeyError, TypeError, ValueError, OSError) as damage:
                raise PartCorrupt(f"{self._name}: a page of {chunk} is damaged") from damage
            yield page
            at = page.end
            if page.kind in {PageKind.DATA, PageKind.DATA_V2}:
                seen += page.values

    def _page(self, chunk: Chunk, at: int) -> Page:
        window = self._data[at : at + _HEADER_AT_MOST]
        header, length = read_struct(window)
        start = at + length
        end = start + header[3]
        if header[3] < 0 or end > self.footer_start:
            raise ThriftDamaged("the page reaches beyond the data")
        kind = PageKind(header[1])
        body = self._data[start:end]
        about: Struct = header.get({0: 5, 1: 6, 2: 7, 3: 8}[kind], {})
        plain = 0
        is_compressed = True
        statistics: Struct = about.get(5, {}) if kind is PageKind.DATA else {}
        if kind is PageKind.DATA_V2:  # levels stay uncompressed in front of the values
            plain = about.get(5, 0) + about.get(6, 0)
            is_compressed = about.get(7, True)
            statistics = about.get(8, {})
        data = body
        if is_compressed:
            data = body[:plain] + _decompress(chunk.codec, body[plain:], header[2] - plain)
        return Page(
            kind=kind,
            values=about.get(1, 0),
            start=start,
            end=end,
            data=data,
            statistics=_bounds(statistics),
            has_checksum=4 in header,
        )

    def dictionary(self, chunk: Chunk) -> Iterator[bytes]:
        """Yield the stored bytes of each value in the chunk's dictionary page."""
        if not chunk.has_dictionary:
            return
        for page in self.pages(chunk):
            if page.kind is PageKind.DICTIONARY:
                yield from self._entries(chunk, page)
            return  # a dictionary comes first or not at all

    def _entries(self, chunk: Chunk, page: Page) -> Iterator[bytes]:
        at, data = 0, page.data
        for _ in range(page.values):
            width = chunk.width
            if chunk.physical is Physical.BYTE_ARRAY:
                width = int.from_bytes(data[at : at + 4], "little")
                at += 4
            if at + width > len(data):
                raise PartCorrupt(f"{self._name}: the dictionary of {chunk} is damaged")
            yield data[at : at + width]
            at += width

    def bounds(self, chunk: Chunk) -> Iterator[tuple[str, bytes]]:
        """Yield every minimum and maximum kept for a chunk: in the footer, page headers, column index."""
        for value in chunk.statistics:
            yield "footer statistics", value
        for page in self.pages(chunk):
            for value in page.statistics:
                yield "page statistics", value
        if chunk.column_index is not None:
            offset, length = chunk.column_index
            try:
                index, _ = read_struct(self._data[offset : offset + length])
            except ThriftDamaged as damage:
                raise PartCorrupt(f"{self._name}: the index of {chunk} is damaged") from damage
            for value in (*index.get(2, ()), *index.get(3, ())):
                yield "column index", value

    def search(self, needle: bytes) -> Iterator[str]:
        """Yield each place whose bytes hold the needle; pages are decompressed, all else is read as it lies."""
        at = 0
        for chunk in sorted(self.chunks, key=lambda chunk: chunk.start):
            for number, page in enumerate(self.pages(chunk)):
                if needle in self._data[at : page.start]:
                    yield f"{chunk}, before the body of page {number}"
                if needle in page.data:
                    yield f"{chunk}, {page.kind.name.lower()} page {number}"
                at = page.end
        if needle in self._data[at : self.footer_start]:
            yield "page indexes or other bytes after the last page"
        if needle in self.footer:
            yield "footer"
        if needle in decoded_schema(self.key_values.get(ARROW_SCHEMA, b"")):
            yield "footer, Arrow schema"


@contextmanager
def open_pages(path: Path) -> Iterator[PagedFile]:
    """Open a Parquet file for looking at its structures; raise `PartCorrupt` when it is none."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield PagedFile(data, name=path.name)
    except ValueError as empty:
        raise PartCorrupt(f"{path.name}: the file is empty") from empty
    except OSError as trouble:
        raise StoreUnreadable(f"{path.name}: {trouble.strerror}") from trouble


def search_pages(path: Path, needle: bytes) -> list[str]:
    """Return every place in a Parquet file that holds the needle, each page decompressed.

    It finds values that no row uses. Data pages in DELTA_BYTE_ARRAY encoding share prefixes between values
    and so may hide one from a search for bytes; a search by rows does see those.
    """
    with open_pages(path) as file:
        return list(file.search(needle))


def decoded_schema(stored: bytes) -> bytes:
    """Return the Arrow schema that writers keep in base64 among the key-values, as bytes."""
    try:
        return base64.b64decode(stored)
    except binascii.Error:
        return b""


def _chunks(footer: Struct) -> Iterator[Chunk]:
    leaves = [element for element in footer[2] if not element.get(5)][-_leaf_count(footer) :]
    for number, group in enumerate(footer[4]):
        for leaf, column in zip(leaves, group[1], strict=True):
            about: Struct = column.get(3, {})
            if not about:  # the column's own metadata is encrypted
                about = {1: 0, 3: [b"?"], 4: 0, 5: 0, 7: 0, 9: 0}
            starts = [about[9], *([about[11]] if about.get(11) else [])]
            physical = Physical(about[1])
            yield Chunk(
                row_group=number,
                path=b".".join(about[3]).decode(),
                physical=physical,
                width=_WIDTHS.get(physical, leaf.get(2, 0)),
                codec=about[4],
                values=about[5],
                start=min(starts),
                end=min(starts) + about[7],
                has_dictionary=bool(about.get(11)) or _dictionary_encoded(about),
                statistics=_bounds(about.get(12, {})),
                column_index=(column[6], column[7]) if 6 in column and 7 in column else None,
                is_external=1 in column,
                is_encrypted=8 in column or 9 in column,
            )


def _leaf_count(footer: Struct) -> int:
    groups = footer[4]
    return len(groups[0][1]) if groups else len(footer[2])


def _dictionary_encoded(about: Struct) -> bool:
    """Tell a dictionary without an offset: some writers leave the offset out."""
    plain_dictionary, rle_dictionary = 2, 8
    return bool({plain_dictionary, rle_dictionary} & set(about.get(2, ())))


def _bounds(statistics: Struct) -> tuple[bytes, ...]:
    return tuple(statistics[number] for number in (1, 2, 5, 6) if number in statistics)


def _decompress(codec: int, body: bytes, size: int) -> bytes:
    if codec == 0 or not body:
        return body
    if codec == _LZ4_HADOOP:
        return _decompress_hadoop_lz4(body, size)
    name = _CODECS.get(codec)
    if name is None or not pa.Codec.is_available(name):
        raise ThriftDamaged(f"codec {codec} is not supported")
    return _inflate(pa.Codec(name), body, size)


def _inflate(codec: Any, body: bytes, size: int) -> bytes:
    plain: bytes = codec.decompress(body, decompressed_size=size, asbytes=True)
    return plain


def _decompress_hadoop_lz4(body: bytes, size: int) -> bytes:
    """Undo Hadoop's frames: two big-endian lengths before each raw block. Old writers left them out."""
    codec, plain, at = pa.Codec("lz4_raw"), b"", 0
    try:
        while at < len(body):
            inflated, stored = (int.from_bytes(body[at + n : at + n + 4], "big") for n in (0, 4))
            if inflated > size or stored > len(body):
                return _inflate(codec, body, size)
            plain += _inflate(codec, body[at + 8 : at + 8 + stored], inflated)
            at += 8 + stored
    except OSError:
        return _inflate(codec, body, size)
    return plain
