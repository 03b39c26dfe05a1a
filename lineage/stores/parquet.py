"""Parquet files in a local folder, or one of them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from typing_extensions import override

from lineage.identifiers import Wanted
from lineage.stores import second_reader
from lineage.stores.columns import (
    Recogniser,
    Recognisers,
    listed,
    people_among,
    plain,
    recognisers,
    refuse_nulls,
    require_column,
    require_identifiers,
    rows_of,
)
from lineage.stores.errors import (
    ColumnMissing,
    KeptRowsDiffer,
    PartCorrupt,
    StillPresent,
    StoreUnreadable,
)
from lineage.stores.local import RESIDUAL, Identity, LocalFiles, identity_of, place_of
from lineage.stores.parquet_audit import (
    Values,
    gone_values,
    look_beneath,
    people_beneath,
    require_clean,
    require_clean_notes,
)
from lineage.stores.parquet_rewrite import (
    Masks,
    refuse_copies,
    refuse_elsewhere,
    refuse_unsafe,
    rewrite,
)
from lineage.stores.protocol import DeclaredColumn, Erasure, Part, Progress, Step, Store
from lineage.stores.second_reader import READER, Rows, SecondReader
from lineage.stores.staging import Staged, overtake, purge, staging

_BATCH: Final = 1 << 16  # rows


@dataclass(frozen=True, slots=True, kw_only=True)
class _Findings:
    """What the first reader found; raw values, so it never leaves this module."""

    marks: frozenset[UUID]
    raw: Mapping[str, Any]  # by identifier column: the wanted people's values as written here
    masks: Masks
    unused: Values

    @property
    def rows(self) -> int:
        return sum(pc.sum(mask).as_py() for mask in self.masks if mask is not None)

    @property
    def is_clean(self) -> bool:
        return not self.marks and not self.unused


class ParquetStore(Store):
    """A folder of Parquet files, at any depth, or a single file."""

    def __init__(self, uri: str, columns: Sequence[DeclaredColumn]) -> None:
        self._columns = tuple(columns)
        self._files = LocalFiles(
            root=place_of(uri),
            suffix=".parquet",
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
        with _opened(path, name) as file:
            rows = file.metadata.num_rows
        identity = identity_of(path)
        return Part(name=name, digest=identity.digest, rows=rows, size_bytes=identity.size)

    @override
    def scan(self, part: str, column: DeclaredColumn) -> Iterator[Sequence[object]]:
        with _opened(self._files.path_of(part), part) as file:
            require_column(file.schema_arrow, column, part=part)
            for batch in file.iter_batches(_BATCH, columns=[column.name], use_threads=False):
                values = listed(batch.column(column.name))
                require_identifiers(values, column, part=part)
                yield values

    @override
    def read(self, part: str, columns: Sequence[str] | None = None) -> pa.Table:
        with _opened(self._files.path_of(part), part) as file:
            for name in columns or ():
                if file.schema_arrow.get_field_index(name) < 0:
                    raise ColumnMissing(f"{part}: no column named {name}, or more than one")
            return file.read(columns=None if columns is None else list(columns))

    @override
    def erase(self, part: str, wanted: dict[str, Wanted], *, progress: Progress) -> Erasure:
        path = self._files.path_of(part)
        people = recognisers(wanted, declared=self._columns)
        overtake(path)
        before = identity_of(path)
        findings = self._find(path, part, people)
        progress(Step.FOUND, findings.marks)
        refuse_copies(path)
        if findings.is_clean:
            erasure = self._confirm_clean(path, part, people, before)
            progress(Step.VERIFIED, findings.marks)
        else:
            refuse_unsafe(path)
            erasure = self._replace(path, part, people, findings, before, progress)
        purge(path.parent)
        progress(Step.PURGED, findings.marks)
        return erasure

    def _find(self, path: Path, part: str, people: Recognisers) -> _Findings:
        """Find wanted people in rows, and values beneath the rows that no row uses."""
        marks: set[UUID] = set()
        raw = {}
        with _opened(path, part) as file:
            fields = [
                require_column(file.schema_arrow, column, part=part)
                for column in self._columns
                if column.name in people
            ]
            for field in fields:
                found = dict(_people(file, field.name, people[field.name], part))
                marks |= set(found.values())
                raw[field.name] = pa.array(list(found), plain(pa.array([], field.type)).type)
            masks = [_mask(file, number, raw) for number in range(file.metadata.num_row_groups)]
            beneath = look_beneath(path, people, asked={})
        marks |= beneath.people.keys()
        return _Findings(marks=frozenset(marks), raw=raw, masks=masks, unused=beneath.unused)

    def _confirm_clean(
        self, path: Path, part: str, people: Recognisers, before: Identity
    ) -> Erasure:
        with _second(path, part) as reader:
            if any(reader.people(people).values()):
                raise StillPresent(f"{part}: the readers disagree on who is in it")
            rows = reader.kept({})
        return Erasure(
            rows_before=rows.count,
            rows_erased=0,
            values_removed=0,
            digest_before=before.digest,
            digest_after=before.digest,
            kept_rows_digest=rows.digest,
            reader=READER,
            bytes_written=0,
            residual=RESIDUAL,
        )

    def _replace(  # noqa: PLR0913, PLR0917  # the stages of one procedure share all of this
        self,
        path: Path,
        part: str,
        people: Recognisers,
        findings: _Findings,
        before: Identity,
        progress: Progress,
    ) -> Erasure:
        purge(path.parent)
        with staging(path) as staged:
            with _read(part):
                rewrite(path, findings.masks, staged.file)
            staged.seal()
            progress(Step.STAGED, findings.marks)
            kept, removed = self._verify(path, part, people, findings, staged)
            after = identity_of(staged.path)
            progress(Step.VERIFIED, findings.marks)
            staged.swap(before=before)
        progress(Step.SWAPPED, findings.marks)
        return Erasure(
            rows_before=kept.count + findings.rows,
            rows_erased=findings.rows,
            values_removed=removed,
            digest_before=before.digest,
            digest_after=after.digest,
            kept_rows_digest=kept.digest,
            reader=READER,
            bytes_written=after.size,
            residual=RESIDUAL,
        )

    def _verify(
        self, path: Path, part: str, people: Recognisers, findings: _Findings, staged: Staged
    ) -> tuple[Rows, int]:
        """Compare both states with the second reader and search the new one for what went."""
        with _second(path, part) as reader:
            erased = reader.people(people)
            expected = reader.kept({name: list(raw) for name, raw in erased.items()})
            rows_before = reader.kept({}).count
        with _second(staged.path, part) as reader:
            if any(reader.people(people).values()):
                raise StillPresent(f"{part}: a wanted person is in the staged rows")
            kept = reader.kept({})
        if kept != expected or rows_before - kept.count != findings.rows:
            raise KeptRowsDiffer(
                f"{part}: of {rows_before} rows {expected.count} should stay as they are; "
                f"the staged file holds {kept.count} rows or other ones"
            )
        with _read(part):
            gone = gone_values(path, findings.masks, staged.path)
            require_clean(staged.path, gone, people)
            values = {value for values in gone.values() for value in values}
            identifiers = [value for raw in findings.raw.values() for value in listed(raw)]
            require_clean_notes(path, values, identifiers)
            held = set(look_beneath(path, {}, asked=gone).held)
        unused = {(name, value) for name in findings.unused for value in findings.unused[name]}
        return kept, len(held | unused)

    @override
    def prove_absent(self, part: str, wanted: dict[str, Wanted]) -> str:
        path = self._files.path_of(part)
        people = recognisers(wanted, declared=self._columns)
        with _opened(path, part) as file:
            for column in self._columns:
                if column.name in people:
                    require_column(file.schema_arrow, column, part=part)
        with _second(path, part) as reader:
            if any(reader.people(people).values()):
                raise StillPresent(f"{part}: the second reader finds a wanted person's rows")
        for place in people_beneath(path, people).values():
            raise StillPresent(f"{part}: a wanted identifier is in {place}")
        return f"{READER}; Lethe page search"


def _people(
    file: pq.ParquetFile, name: str, people: Recogniser, part: str
) -> Iterator[tuple[object, UUID]]:
    for number in range(file.metadata.num_row_groups):
        column = file.read_row_group(number, columns=[name], use_threads=False).column(name)
        refuse_nulls(column, name, part=part)
        distinct = pc.unique(plain(column))
        for position, mark in people_among(distinct, people):
            yield distinct[position].as_py(), mark


def _mask(file: pq.ParquetFile, number: int, raw: Mapping[str, Any]) -> Any:
    """Return which rows of a row group go, or None if all stay."""
    names = [name for name, values in raw.items() if len(values)]
    if not names:
        return None
    rows = file.read_row_group(number, columns=names, use_threads=False)
    mask = reduce(pc.or_, (rows_of(rows.column(name), raw[name]) for name in names))
    return mask if pc.any(mask).as_py() else None


@contextmanager
def _second(path: Path, part: str) -> Iterator[SecondReader]:
    with _opened(path, part) as file:
        names = tuple(file.schema_arrow.names)
    with second_reader.reading(second_reader.parquet(path), names, part=part) as reader:
        yield reader


@contextmanager
def _opened(path: Path, part: str) -> Iterator[pq.ParquetFile]:
    refuse_elsewhere(path)  # says what is wrong: empty, truncated, encrypted, not Parquet
    # As nanoseconds, which is Arrow's habit, an INT96 year 9999 would come back as 1816.
    with _read(part), pq.ParquetFile(path, coerce_int96_timestamp_unit="us") as file:
        yield file


@contextmanager
def _read(part: str) -> Iterator[None]:
    """Turn what Arrow says about a file into our refusals; its texts may quote values."""
    try:
        yield
    except (pa.ArrowException, OSError) as trouble:
        if isinstance(trouble, OSError) and trouble.errno:  # the machine's word, not Arrow's
            raise StoreUnreadable(f"{part}: {trouble.strerror}") from None
        kind = type(trouble).__name__
        raise PartCorrupt(f"{part}: damaged, or written in a way not supported ({kind})") from None
