"""What a Parquet file holds beneath its rows: pages, dictionaries, statistics, key-values.

A reader that counts rows cannot see a value which no row uses. This module decodes the structures
themselves, independently of the library that writes them, so that "the value is gone" says more
than "no row shows it".
"""

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

import pyarrow as pa

from lineage.stores.errors import PartCorrupt, StoreUnreadable
from lineage.stores.footer import Chunk, Physical, bounds_in, footer_of
from lineage.stores.thrift import Struct, ThriftDamaged, read_struct

_HEADER_WINDOWS: Final = (1 << 12, 1 << 24)  # bytes; bounds of long texts make headers long
_LZ4_HADOOP: Final = 5
_CODECS: Final = {1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4_raw"}


class PageKind(IntEnum):
    """What a page of a column chunk holds."""

    DATA = 0
    INDEX = 1
    DICTIONARY = 2
    DATA_V2 = 3


class _Header(IntEnum):
    KIND = 1
    PLAIN_SIZE = 2
    STORED_SIZE = 3
    CHECKSUM = 4


_DETAILS: Final = {
    PageKind.DATA: 5,
    PageKind.INDEX: 6,
    PageKind.DICTIONARY: 7,
    PageKind.DATA_V2: 8,
}
_VALUES: Final = 1  # the first field of all details
_STATISTICS: Final = {PageKind.DATA: 5, PageKind.DATA_V2: 8}


class _V2(IntEnum):
    DEFINITION_SIZE = 5
    REPETITION_SIZE = 6
    IS_COMPRESSED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One decompressed page and where its stored body lies in the file."""

    kind: PageKind
    values: int
    start: int
    end: int
    data: bytes
    bounds: tuple[bytes, ...]
    has_checksum: bool


class PagedFile:
    """A Parquet file, open for looking at its structures."""

    def __init__(self, data: mmap.mmap, *, name: str) -> None:
        self._data = data
        self._name = name
        self.footer = footer_of(data, name=name)  # type: ignore[arg-type]  # sliced like bytes

    def pages(self, chunk: Chunk) -> Iterator[Page]:
        """Yield every page of a column chunk, decompressed."""
        at, seen = chunk.start, 0
        if not at:  # Arrow writes a row group without rows like this: a size, and no place
            return
        # Old parquet-mr left the dictionary page out of the chunk's size: the values count too.
        while at < chunk.end or seen < chunk.values:
            try:
                page = self._page(chunk, at)
            except (ThriftDamaged, KeyError, TypeError, ValueError, OSError) as damage:
                raise PartCorrupt(f"{self._name}: a page of {chunk} is damaged") from damage
            yield page
            at = page.end
            if page.kind in _STATISTICS:
                seen += page.values

    def _page(self, chunk: Chunk, at: int) -> Page:
        header, length = self._header(at)
        start = at + length
        end = start + header[_Header.STORED_SIZE]
        if not start <= end <= self.footer.start:
            raise ThriftDamaged("the page reaches beyond the data")
        kind = PageKind(header[_Header.KIND])
        details: Struct = header.get(_DETAILS[kind], {})
        levels = 0  # in front of the values, never compressed
        if kind is PageKind.DATA_V2:
            levels = details.get(_V2.DEFINITION_SIZE, 0) + details.get(_V2.REPETITION_SIZE, 0)
        data = self._data[start:end]
        if details.get(_V2.IS_COMPRESSED, True) or kind is not PageKind.DATA_V2:
            plain_size = header[_Header.PLAIN_SIZE] - levels
            data = data[:levels] + decompress(chunk.codec, data[levels:], plain_size)
        return Page(
            kind=kind,
            values=details.get(_VALUES, 0),
            start=start,
            end=end,
            data=data,
            bounds=bounds_in(details.get(_STATISTICS[kind], {})) if kind in _STATISTICS else (),
            has_checksum=_Header.CHECKSUM in header,
        )

    def _header(self, at: int) -> tuple[Struct, int]:
        usual, longest = _HEADER_WINDOWS
        try:
            return read_struct(self._data[at : at + usual])
        except ThriftDamaged:
            return read_struct(self._data[at : at + longest])

    def dictionary(self, chunk: Chunk) -> list[bytes]:
        """Return the stored bytes of each value in the chunk's dictionary page."""
        first = next(self.pages(chunk), None) if chunk.has_dictionary else None
        if first is None or first.kind is not PageKind.DICTIONARY:
            return []
        values, width = first.values, chunk.width
        if chunk.physical is Physical.BYTE_ARRAY:
            entries, end = _texts(first.data, values)
        else:
            end = values * width
            entries = [first.data[at : at + width] for at in range(0, end, width or 1)]
        if end > len(first.data) or len(entries) != values:
            raise PartCorrupt(f"{self._name}: the dictionary of {chunk} is damaged")
        return entries

    def bounds(self, chunk: Chunk) -> Iterator[tuple[str, bytes]]:
        """Yield every minimum and maximum kept for a chunk, with the place that keeps it."""
        for value in chunk.bounds:
            yield "footer statistics", value
        for page in self.pages(chunk):
            for value in page.bounds:
                yield "page statistics", value
        if chunk.column_index is not None:
            offset, length = chunk.column_index
            try:
                index, _ = read_struct(self._data[offset : offset + length])
            except ThriftDamaged as damage:
                raise PartCorrupt(f"{self._name}: the index of {chunk} is damaged") from damage
            minima, maxima = 2, 3
            for value in (*index.get(minima, ()), *index.get(maxima, ())):
                yield "column index", value

    def search(self, needle: bytes) -> Iterator[str]:
        """Yield each place that holds the needle: pages decompressed, all else as it lies."""
        at = 0
        for chunk in sorted(self.footer.chunks, key=lambda chunk: chunk.start):
            for number, page in enumerate(self.pages(chunk)):
                if needle in self._data[at : page.start]:
                    yield f"{chunk}, before the body of page {number}"
                if needle in page.data:
                    yield f"{chunk}, {page.kind.name.lower()} page {number}"
                at = page.end
        if needle in self._data[at : self.footer.start]:
            yield "page indexes or other bytes after the last page"
        if needle in self.footer.stored:
            yield "footer"
        if needle in self.footer.arrow_schema:
            yield "footer, Arrow schema"


@contextmanager
def open_pages(path: Path) -> Iterator[PagedFile]:
    """Open a Parquet file for looking at its structures; raise `PartCorrupt` when it is none."""
    try:
        file = path.open("rb")
    except OSError as trouble:
        raise StoreUnreadable(f"{path.name}: {trouble.strerror}") from trouble
    with file:
        if not file.seek(0, 2):
            raise PartCorrupt(f"{path.name}: the file is empty")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield PagedFile(data, name=path.name)


def search_pages(path: Path, needle: bytes) -> list[str]:
    """Return every place in a Parquet file that holds the needle, each page decompressed.

    It finds values that no row uses. Data pages in DELTA_BYTE_ARRAY encoding share prefixes between
    values and so may hide one from a search for bytes; a search by rows does see those.
    """
    with open_pages(path) as file:
        return list(file.search(needle))


def _texts(data: bytes, count: int) -> tuple[list[bytes], int]:
    """Cut values of varying length, each behind its length; a page may hold a million of them."""
    length_at = struct.Struct("<I").unpack_from
    entries: list[bytes] = []
    at, size = 0, len(data) - 4
    while at <= size and len(entries) < count:
        start = at + 4
        at = start + length_at(data, at)[0]
        entries.append(data[start:at])
    return entries, at


def decompress(codec: int, body: bytes, size: int) -> bytes:
    """Decompress a page by the footer's number of a codec; `size` is that of the result."""
    if codec == 0 or not body:
        return body
    if codec == _LZ4_HADOOP:
        return _hadoop_lz4(body, size)
    name = _CODECS.get(codec)
    if name is None or not pa.Codec.is_available(name):
        raise ThriftDamaged(f"codec {codec} is not supported")
    return _inflate(name, body, size)


def _inflate(name: str, body: bytes, size: int) -> bytes:
    plain: bytes = pa.Codec(name).decompress(body, decompressed_size=size, asbytes=True)
    return plain


def _hadoop_lz4(body: bytes, size: int) -> bytes:
    """Undo Hadoop's frames, two big-endian lengths before each block; some writers omit them."""
    plain, at = b"", 0
    try:
        while at < len(body):
            inflated, stored = (int.from_bytes(body[at + n : at + n + 4], "big") for n in (0, 4))
            if inflated > size or stored > len(body):
                return _inflate("lz4_raw", body, size)
            plain += _inflate("lz4_raw", body[at + 8 : at + 8 + stored], inflated)
            at += 8 + stored
    except OSError:
        return _inflate("lz4_raw", body, size)
    return plain
