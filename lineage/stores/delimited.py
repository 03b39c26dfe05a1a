"""CSV files in a local folder, or one of them. Kept records keep their bytes, quoting included."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final
from uuid import UUID

import pyarrow as pa
from pyarrow import csv
from typing_extensions import override

from lineage.identifiers import IdentifierKind, Wanted
from lineage.stores.columns import Recognisers, recognisers, require_identifiers
from lineage.stores.errors import KeptRowsDiffer, NullIdentifier, PartCorrupt, StillPresent
from lineage.stores.local import (
    RESIDUAL,
    Identity,
    LocalFiles,
    identity_of,
    place_of,
    refuse_other_names,
)
from lineage.stores.protocol import DeclaredColumn, Erasure, Part, Progress, Step, Store
from lineage.stores.records import BOM, Delimited, read_delimited
from lineage.stores.second_reader import (
    READER,
    Rows,
    SecondReader,
    literal,
    reading,
    without_pattern,
)
from lineage.stores.staging import overtake, purge, staging

_BATCH: Final = 10_000  # records
_BLOCK: Final = (1 << 31) - 1  # the largest that Arrow takes
_LONGEST_RECORD: Final = 1 << 27  # bytes; DuckDB's default of 2 MB is short for quoted documents


@dataclass(frozen=True, slots=True, kw_only=True)
class _Findings:
    marks: frozenset[UUID]
    erased: Sequence[tuple[int, int]]  # the byte ranges of the records that go


class CsvStore(Store):
    """A folder of CSV files, at any depth, or a single file."""

    def __init__(self, uri: str, columns: Sequence[DeclaredColumn]) -> None:
        self._columns = tuple(columns)
        self._files = LocalFiles(
            root=place_of(uri),
            suffix=".csv",
            identifiers=tuple(column.name for column in self._columns),
        )

    @property
    @override
    def columns(self) -> Sequence[DeclaredColumn]:
        return self._columns

    @override
    def parts(self) -> Sequence[Part]:
        return [self._part(name) for name in self._files.names()]

    def _part(self, name: str) -> Part:
        path = self._files.path_of(name)
        rows = sum(1 for _ in self._read(path, name).records())
        identity = identity_of(path)
        return Part(name=name, digest=identity.digest, rows=rows, size_bytes=identity.size)

    def _read(self, path: Path, part: str) -> Delimited:
        return read_delimited(path, part, expected=[column.name for column in self._columns])

    @override
    def scan(self, part: str, column: DeclaredColumn) -> Iterator[Sequence[object]]:
        file = self._read(self._files.path_of(part), part)
        for batch in file.batches(column.name, _BATCH):
            require_identifiers(batch, column, part=part)
            yield batch

    @override
    def read(self, part: str, columns: Sequence[str] | None = None) -> pa.Table:
        file = self._read(self._files.path_of(part), part)
        for name in columns or ():
            file.column(name)
        whole_numbers = {c.name for c in self._columns if c.kind is IdentifierKind.INTEGER}
        types = {
            column.name: pa.int64() if column.name in whole_numbers else pa.string()
            for column in self._columns
        }
        try:
            return csv.read_csv(
                BytesIO(file.data.removeprefix(BOM)),
                # One block: types are inferred from all records, not from the first megabyte.
                read_options=csv.ReadOptions(block_size=min(len(file.data) + 1, _BLOCK)),
                parse_options=csv.ParseOptions(
                    delimiter=file.delimiter.decode(), newlines_in_values=True
                ),
                convert_options=csv.ConvertOptions(
                    column_types=types, include_columns=None if columns is None else list(columns)
                ),
            )
        except pa.ArrowException as trouble:
            kind = type(trouble).__name__
            raise PartCorrupt(f"{part}: its columns cannot be read as a table ({kind})") from None

    @override
    def erase(self, part: str, wanted: dict[str, Wanted], *, progress: Progress) -> Erasure:
        path = self._files.path_of(part)
        people = recognisers(wanted, declared=self._columns)
        overtake(path)
        before = identity_of(path)
        file = self._read(path, part)
        findings = _find(file, people)
        progress(Step.FOUND, findings.marks)
        purge(path.parent)
        if findings.erased:
            refuse_other_names(path)
            erasure = _replace(path, file, people, findings, before, progress)
        else:
            kept = _compare(path, path, file, people, erased=0)
            erasure = Erasure(
                rows_before=kept.count,
                rows_erased=0,
                values_removed=0,
                digest_before=before.digest,
                digest_after=before.digest,
                kept_rows_digest=kept.digest,
                reader=READER,
                bytes_written=0,
                residual=RESIDUAL,
            )
            progress(Step.VERIFIED, findings.marks)
        purge(path.parent)
        progress(Step.PURGED, findings.marks)
        return erasure

    @override
    def prove_absent(self, part: str, wanted: dict[str, Wanted]) -> str:
        path = self._files.path_of(part)
        people = recognisers(wanted, declared=self._columns)
        with _second(path, self._read(path, part)) as reader:
            if any(reader.people(people).values()):
                raise StillPresent(f"{part}: the second reader finds a wanted person's rows")
        return READER


def _find(file: Delimited, people: Recognisers) -> _Findings:
    columns = [(name, file.column(name), people[name]) for name in people]
    marks: set[UUID] = set()
    erased = []
    for record in file.records():
        found = {
            mark
            for name, index, recogniser in columns
            if (mark := recogniser.mark_of(_identifier(file, name, record.fields[index])))
        }
        if found:
            marks |= found
            erased.append((record.start, record.end))
    return _Findings(marks=frozenset(marks), erased=erased)


def _identifier(file: Delimited, name: str, value: str) -> str:
    if not value:
        raise NullIdentifier(
            f"{file.part}: column {name} has a row without a value; nobody can say whose it is"
        )
    return value


def _replace(  # noqa: PLR0913, PLR0917  # the stages of one procedure share all of this
    path: Path,
    file: Delimited,
    people: Recognisers,
    findings: _Findings,
    before: Identity,
    progress: Progress,
) -> Erasure:
    with staging(path) as staged:
        staged.write(_kept(file.data, findings.erased))
        staged.seal()
        progress(Step.STAGED, findings.marks)
        kept = _compare(path, staged.path, file, people, erased=len(findings.erased))
        after = identity_of(staged.path)
        progress(Step.VERIFIED, findings.marks)
        staged.swap(before=before)
    progress(Step.SWAPPED, findings.marks)
    return Erasure(
        rows_before=kept.count + len(findings.erased),
        rows_erased=len(findings.erased),
        values_removed=0,
        digest_before=before.digest,
        digest_after=after.digest,
        kept_rows_digest=kept.digest,
        reader=READER,
        bytes_written=after.size,
        residual=RESIDUAL,
    )


def _kept(data: bytes, erased: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    at = 0
    for start, end in erased:
        yield data[at:start]
        at = end
    yield data[at:]


def _compare(
    source: Path, staged: Path, file: Delimited, people: Recognisers, *, erased: int
) -> Rows:
    """Compare both states with the second reader; return what the staged file holds."""
    with _second(source, file) as reader:
        found = reader.people(people)
        expected = reader.kept({name: list(raw) for name, raw in found.items()})
        rows_before = reader.kept({}).count
    with _second(staged, file) as reader:
        if any(reader.people(people).values()):
            raise StillPresent(f"{file.part}: a wanted person is in the staged rows")
        kept = reader.kept({})
    if kept != expected or rows_before - kept.count != erased:
        raise KeptRowsDiffer(
            f"{file.part}: of {rows_before} rows {expected.count} should stay as they are; "
            f"the staged file holds {kept.count} rows or other ones"
        )
    return kept


@contextmanager
def _second(path: Path, file: Delimited) -> Iterator[SecondReader]:
    # DuckDB's strict mode refuses files whose line ends differ; ours has settled what a record is.
    is_strict = "false" if file.mixes_line_ends else "true"
    columns = ", ".join(f"'c{n}': 'VARCHAR'" for n in range(len(file.header)))
    source = (
        f"read_csv({literal(without_pattern(path))}, auto_detect = false, header = true, "
        f"delim = {literal(file.delimiter.decode())}, quote = '\"', escape = '\"', "
        f"columns = {{{columns}}}, max_line_size = {_LONGEST_RECORD}, parallel = false, "
        f"strict_mode = {is_strict})"
    )
    with reading(source, file.header, part=file.part) as reader:
        yield reader
