"""Cut delimited text into records without changing a byte (RFC 4180, UTF-8, with a header).

Strict: what two readers could read in two ways is refused; a row misread is a person missed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from lineage.stores.errors import ColumnMissing, PartCorrupt, StoreUnreadable

BOM: Final = b"\xef\xbb\xbf"

_DELIMITERS: Final = (b",", b";", b"\t", b"|")
# One record with its line end; a quoted part may hold line ends. Possessive: it never backtracks.
_RECORD: Final = re.compile(rb'((?:[^"\r\n]++|"[^"]*+")*+)(\r?\n|\Z)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record: where its bytes lie, line end included, and its fields as text."""

    start: int
    end: int
    fields: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delimited:
    """A delimited text file in memory."""

    part: str
    data: bytes
    delimiter: bytes
    header: Sequence[str]
    body: int  # where the records begin

    @property
    def mixes_line_ends(self) -> bool:
        """Tell whether some lines end as on Windows and some do not."""
        return self.data.count(b"\r\n") not in {0, self.data.count(b"\n")}

    def records(self) -> Iterator[Record]:
        """Yield the records in order; raise `PartCorrupt` at one that is not as the header says."""
        for number, (start, end, text) in enumerate(_cut(self.data, self.body, self.part), 1):
            if not text and len(self.header) > 1:  # an empty line is no record, and is kept
                continue
            fields = _fields(text, self.delimiter, f"{self.part}, record {number}")
            if len(fields) != len(self.header):
                raise PartCorrupt(
                    f"{self.part}, record {number}: {len(fields)} fields, "
                    f"but the header names {len(self.header)}"
                )
            yield Record(start=start, end=end, fields=fields)

    def batches(self, name: str, size: int) -> Iterator[list[str | None]]:
        """Yield the values of one column in batches; an empty field is no value."""
        index = self.column(name)
        values = (record.fields[index] or None for record in self.records())
        while batch := list(islice(values, size)):
            yield batch

    def column(self, name: str) -> int:
        """Return the position of a column."""
        if name not in self.header:
            raise ColumnMissing(f"{self.part}: the header names no column {name}")
        return self.header.index(name)


def read_delimited(path: Path, part: str, *, expected: Sequence[str]) -> Delimited:
    """Read a file; its delimiter is the one by which the header names the expected columns."""
    try:
        data = path.read_bytes()
    except OSError as trouble:
        raise StoreUnreadable(f"{part}: {trouble.strerror}") from trouble
    start = len(BOM) if data.startswith(BOM) else 0
    if not data[start:].strip():
        raise PartCorrupt(f"{part}: the file is empty; a header is needed")
    if b"\x00" in data:
        raise PartCorrupt(f"{part}: holds NUL bytes; not UTF-8 text")
    _, body, text = next(_cut(data, start, part))
    delimiter, header = _dialect(text, part, expected)
    if len(set(header)) < len(header):
        raise PartCorrupt(f"{part}: two columns of the header have the same name")
    return Delimited(part=part, data=data, delimiter=delimiter, header=header, body=body)


def _dialect(text: bytes, part: str, expected: Sequence[str]) -> tuple[bytes, Sequence[str]]:
    readings = []
    for delimiter in _DELIMITERS:
        try:
            header = _fields(text, delimiter, f"{part}, header")
        except PartCorrupt:
            continue
        readings.append((delimiter, header))
    fitting = [reading for reading in readings if set(expected) <= set(reading[1])]
    if not fitting:
        raise ColumnMissing(
            f"{part}: no delimiter splits the header so that it names {', '.join(expected)}"
        )
    return max(fitting, key=lambda reading: len(reading[1]))


def _cut(data: bytes, start: int, part: str) -> Iterator[tuple[int, int, bytes]]:
    """Yield start, end and text of each line-ended piece; quotes protect line ends."""
    at, number = start, 0
    while at < len(data):
        found = _RECORD.match(data, at)
        if found is None:
            raise PartCorrupt(
                f"{part}: a quote is left open or a carriage return stands alone "
                f"after {number} records"
            )
        yield at, found.end(), found[1]
        at, number = found.end(), number + 1


def _fields(text: bytes, delimiter: bytes, place: str) -> list[str]:
    try:
        if b'"' not in text:
            return text.decode().split(delimiter.decode())
        return list(_quoted_fields(text.decode(), delimiter.decode(), place))
    except UnicodeDecodeError:
        raise PartCorrupt(f"{place}: not UTF-8") from None


def _quoted_fields(text: str, delimiter: str, place: str) -> Iterator[str]:
    end = re.escape(delimiter)
    field = re.compile(rf'(?:"((?:[^"]|"")*+)"|([^"{end}]*+))({end}|\Z)')
    at, more = 0, True
    while more:
        found = field.match(text, at)
        if found is None:
            raise PartCorrupt(f"{place}: a quote inside a field that is not quoted")
        yield found[2] if found[1] is None else found[1].replace('""', '"')
        at, more = found.end(), bool(found[3])
