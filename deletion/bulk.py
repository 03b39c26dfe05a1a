"""Many demands in one upload: CSV or NDJSON, read line by line. Pure; bounded whatever comes in.

A line that says no demand as documented refuses only itself. A stream that cannot be read any
further raises `UploadUnreadable`: the lines before it were read.
"""

import csv
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from deletion.errors import LineMalformed, UploadUnreadable
from deletion.identity import EMAIL_CODE
from deletion.intake import KEY, MOST_IDENTIFIERS, WORD, SaidDemand, identifier_said

BLOCK: Final = 1 << 16  # bytes that are read, or inflated, at a time
CHUNK: Final = 1000  # lines that are worked on in one transaction

_GZIP: Final = 16 + zlib.MAX_WBITS  # zlib's way to say: a gzip header, and nothing else
_FREE: Final = 1 << 20  # bytes that an upload may expand to, however short it is
_MARK: Final = b"\xef\xbb\xbf"  # that some editors put before UTF-8
_MEMBERS: Final = frozenset({"regime", "verification", "key", "identifiers"})
_ONCE: Final = ("regime", "verification", "key")


class Form(StrEnum):
    """How the lines of an upload are written."""

    CSV = "csv"
    NDJSON = "ndjson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one upload may be at most."""

    lines: int = 1_000_000  # a header apart
    line_bytes: int = 1 << 16
    expansion: int = 200  # bytes that a byte of gzip may stand for: text stays far below


LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: a demand with the caller's own key for it (or none), or why it is none."""

    number: int  # as an editor counts, from 1
    said: SaidDemand | LineMalformed
    key: str = ""


def lines_in(
    blocks: Iterable[bytes], *, form: Form, gzipped: bool = False, limits: Limits = LIMITS
) -> Iterator[Line]:
    """Read an upload; blank lines are passed over, but counted."""
    if gzipped:
        blocks = inflated(blocks, limits=limits)
    match form:
        case Form.CSV:
            texts = texts_in(blocks, limits=limits, header=1)
            for number, header in texts:
                yield from _read(texts, _rows_under(header, number=number))
        case Form.NDJSON:
            yield from _read(texts_in(blocks, limits=limits, header=0), _object)


def chunks_of(lines: Iterable[Line], *, size: int = CHUNK) -> Iterator[Sequence[Line]]:
    """Yield the lines in chunks; when the stream breaks, first those that came before."""
    chunk: list[Line] = []
    broken: UploadUnreadable | None = None
    try:
        for line in lines:
            chunk.append(line)
            if len(chunk) == size:
                yield chunk
                chunk = []
    except UploadUnreadable as exc:
        broken = exc
    if chunk:
        yield chunk
    if broken is not None:
        raise broken


def inflated(blocks: Iterable[bytes], *, limits: Limits = LIMITS) -> Iterator[bytes]:
    """Yield what a gzip stream of one or more members holds, a bounded piece at a time."""
    member = zlib.decompressobj(_GZIP)
    taken = given = 0
    for block in blocks:
        taken += len(block)
        rest = block
        while rest:
            if member.eof:
                member = zlib.decompressobj(_GZIP)
            try:
                piece = member.decompress(rest, BLOCK)
            except zlib.error:
                raise UploadUnreadable("the gzip stream is damaged") from None
            given += len(piece)
            if given > max(_FREE, limits.expansion * taken):
                raise UploadUnreadable(
                    f"the gzip stream expands more than {limits.expansion} times"
                )
            yield piece
            rest = member.unused_data if member.eof else member.unconsumed_tail
    if not member.eof:
        raise UploadUnreadable("the gzip stream ends in the middle")


def texts_in(blocks: Iterable[bytes], *, limits: Limits, header: int) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, with their numbers; none is longer than a limit."""
    for number, line in _split(blocks, limits=limits):
        if number > limits.lines + header:
            raise UploadUnreadable(
                f"line {number}: more than {limits.lines:,} lines;"
                " send the rest as another upload, with another key"
            )
        try:
            text = line.decode()
        except UnicodeDecodeError:  # its message quotes the bytes
            raise UploadUnreadable(f"line {number}: not UTF-8") from None
        if text and not text.isspace():
            yield number, text


def _split(blocks: Iterable[bytes], *, limits: Limits) -> Iterator[tuple[int, bytes]]:
    number, rest = 1, b""
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            _bound(number, line, limits)
            yield number, (line.removeprefix(_MARK) if number == 1 else line).removesuffix(b"\r")
            number += 1
        _bound(number, rest, limits)
    if rest:
        yield number, rest.removeprefix(_MARK) if number == 1 else rest


def _bound(number: int, line: bytes, limits: Limits) -> None:
    if len(line) > limits.line_bytes:
        raise UploadUnreadable(f"line {number}: longer than {limits.line_bytes:,} bytes")


_Reader = Callable[[str], Mapping[str, Any]]


def _read(texts: Iterable[tuple[int, str]], reader: _Reader) -> Iterator[Line]:
    for number, text in texts:
        try:
            said = reader(text)
            demand, key = _demand(said), _key(said)
        except LineMalformed as refusal:
            yield Line(number=number, said=refusal)
        else:
            yield Line(number=number, said=demand, key=key)


def _object(text: str) -> Mapping[str, Any]:
    """Read a line of NDJSON."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise LineMalformed("not JSON") from None
    if not isinstance(said, dict):
        raise LineMalformed("not a JSON object")
    if not said.keys() <= _MEMBERS:
        raise LineMalformed(f"a member that is none of: {', '.join(sorted(_MEMBERS))}")
    return said


def _rows_under(header: str, *, number: int) -> _Reader:
    """Return what reads a line of CSV below this header."""
    try:
        columns = [column.strip() for column in cells_in(header)]
    except LineMalformed as exc:
        raise UploadUnreadable(f"line {number}: {exc}") from None
    known = all(column in _ONCE or column.startswith(("value:", "sha256:")) for column in columns)
    if not known or any(columns.count(column) > 1 for column in _ONCE):
        raise UploadUnreadable(
            f"line {number}: the columns are regime, verification, key (each once),"
            " value:NAMESPACE and sha256:NAMESPACE"
        )
    kinds = [column.partition(":") for column in columns]

    def read(text: str) -> Mapping[str, Any]:
        cells = cells_in(text)
        if len(cells) != len(columns):
            raise LineMalformed(f"{len(cells)} fields where the header has {len(columns)}")
        said: dict[str, Any] = {"identifiers": []}
        for (kind, colon, namespace), cell in zip(kinds, cells, strict=True):
            if not colon:
                said[kind] = cell
            elif cell:
                said["identifiers"].append({"namespace": namespace, kind: cell})
        return said

    return read


def cells_in(text: str) -> list[str]:
    """Return the fields of one line of CSV, or raise `LineMalformed`."""
    try:
        # One line at a time: a quotation mark that is not closed must not swallow the next people.
        return next(csv.reader([text], strict=True))
    except csv.Error:
        raise LineMalformed("not CSV: a quotation mark is not closed or stands alone") from None


def _demand(said: Mapping[str, Any]) -> SaidDemand:
    regime, verification = said.get("regime"), said.get("verification")
    identifiers = said.get("identifiers")
    if not isinstance(regime, str):
        raise LineMalformed("regime: a text is needed")
    if not isinstance(verification, str) or not WORD.fullmatch(verification):
        raise LineMalformed("verification: one word such as account-login is needed")
    if verification == EMAIL_CODE:
        raise LineMalformed("verification: a code is sent for requests that come alone")
    if not isinstance(identifiers, list) or not 0 < len(identifiers) <= MOST_IDENTIFIERS:
        raise LineMalformed(f"identifiers: 1 to {MOST_IDENTIFIERS} are needed")
    read = [identifier_said(one) for one in identifiers]
    if not all(read):
        raise LineMalformed(
            "identifiers: each has a namespace, and either a value or a sha256, all texts"
        )
    return SaidDemand(
        regime=regime,
        verification=verification,
        identifiers=tuple(one for one in read if one),
    )


def _key(said: Mapping[str, Any]) -> str:
    key = said.get("key", "")
    if not isinstance(key, str) or (key and not KEY.fullmatch(key)):
        raise LineMalformed("key: 1 to 200 visible ASCII characters are needed")
    return key
