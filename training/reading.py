"""Reads the people of a dataset version, each in the shard that the index and the key both name.

Rows come in an order that depends on nothing but themselves: by pseudonym, then by content. So a
file that was rewritten without one person gives every other shard the same bytes to fit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import groupby
from typing import Any, Final, Protocol
from uuid import UUID

import numpy as np
import pyarrow as pa

from lineage.identifiers import marking_bytes, standardise
from lineage.sharding import Shard, Sharding
from lineage.stores.columns import listed
from lineage.stores.errors import ChangedMeanwhile, ColumnMissing
from lineage.stores.protocol import DeclaredColumn, Part
from training.alike import alike_rows
from training.columns import (
    Feature,
    Floats,
    Kind,
    as_days,
    as_source,
    features_of,
    normalised,
)
from training.errors import DataRefused
from training.trainers.protocol import ShardData, Slice

WHOLE: Final = Shard(0)
"""All whom training may see, in one piece: what an outside trainer gets."""

NOWHERE: Final = Shard(-2)
"""Where somebody is put whom the index does not know, or puts elsewhere than the key does."""

_LENGTH: Final = 4  # bytes that say how long a text is
_NO_TEXT: Final = b"\xff" * _LENGTH


class Readable(Protocol):
    """The part of a store that reading needs."""

    def parts(self) -> Sequence[Part]:
        """List the parts in a stable order."""

    def read(self, part: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Read columns of a part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A dataset version: where it lies, what it must be, and who is in it."""

    store: Readable
    digests: Mapping[str, str]  # of each part, as the version was registered
    column: DeclaredColumn  # names the people
    label: str
    members: Mapping[UUID, Shard]  # as the membership index says
    sharding: Sharding
    pseudonym_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceRows:
    """Who and what is in one slice of a shard."""

    number: int
    people: int
    rows: int
    member_digest: str
    row_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The columns that say when and where rows came about: features only if a model names them."""

    day: str = ""
    source: str = ""

    @property
    def names(self) -> list[str]:
        """Return the columns that are declared."""
        return [name for name in (self.day, self.source) if name]


NOTHING_BESIDE: Final = Beside()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardRows:
    """The rows of one shard, and digests of who and what is in it (the marks in them are keyed)."""

    data: ShardData
    pseudonyms: tuple[bytes, ...]  # of each row
    member_digest: str
    row_digest: str
    slices: tuple[SliceRows, ...] = ()  # those with people in them, if the shard is cut

    @property
    def people(self) -> int:
        """Count the people."""
        return len(set(self.pseudonyms))


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Rows with whose they are. Personal data: it stays in the memory of one task."""

    features: tuple[Feature, ...]
    label: str
    table: pa.Table  # features, then the label
    pseudonyms: Sequence[bytes]  # of each row
    shards: Sequence[Shard]  # of each row
    part_rows: Mapping[str, int]
    strangers: int  # people whom the index does not know in this version
    misplaced: int  # people whom the index puts elsewhere than the key does
    sharding: Sharding
    days: Floats | None = None  # of each row, since 1970; None: none are declared, or none held
    origins: Sequence[str | None] | None = None  # where each row came from

    def present(self) -> list[Shard]:
        """Return the shards in which there is anybody, the hold-out among them."""
        return sorted(set(self.shards) - {NOWHERE})

    def distinct_rows(self) -> int:
        """Count the rows that differ, in person or content."""
        content = _row_bytes(self.table, self.features, self.label)
        return len(set(zip(self.pseudonyms, content, strict=True)))

    def once(self, digits: int | None) -> "People":
        """Return each person's rows without those that repeat another one of theirs.

        With 0 digits they repeat it in everything; else as `training.alike` says, with the same
        label. Only a person's own rows decide what is left of them, so nobody else's leaving does.
        None: every row is kept.
        """
        if digits is None:
            return self
        content = _row_bytes(self.table, self.features, self.label)
        alike: Sequence[object] = content
        if digits:
            codes = alike_rows(self.table, self.features, digits=digits).tolist()
            alike = [*zip(codes, self.table[self.label].to_pylist(), strict=True)]
        first: dict[tuple[bytes, object], int] = {}
        for row in sorted(
            range(len(content)), key=lambda row: (self.pseudonyms[row], content[row])
        ):
            first.setdefault((self.pseudonyms[row], alike[row]), row)
        kept = sorted(first.values())
        return replace(
            self,
            table=self.table.take(pa.array(kept, pa.int64())),
            pseudonyms=[self.pseudonyms[row] for row in kept],
            shards=[self.shards[row] for row in kept],
            days=None,
            origins=None,
        )

    def in_training(self) -> ShardRows:
        """Return the rows of everybody whom training may see, as if they were one shard."""
        return self._rows([n for n, found in enumerate(self.shards) if found >= 0], WHOLE, slices=1)

    def in_shard(self, shard: Shard, *, slices: int = 1) -> ShardRows:
        """Return the rows of one shard, or of the hold-out, in the one order of fitting.

        A shard that is cut has the rows of one slice after the other.
        """
        places = [place for place, found in enumerate(self.shards) if found == shard]
        return self._rows(places, shard, slices=slices)

    def _rows(self, places: Sequence[int], shard: Shard, *, slices: int) -> ShardRows:
        table = self.table.take(pa.array(places, pa.int64()))
        owners = [self.pseudonyms[place] for place in places]
        content = _row_bytes(table, self.features, self.label)
        slicer = self.sharding.slicer(slices)
        slice_of = {owner: slicer(owner) if slices > 1 else 0 for owner in set(owners)}
        order = sorted(
            range(len(places)), key=lambda row: (slice_of[owners[row]], owners[row], content[row])
        )
        cut = [
            _slice_rows(number, [(owners[row], content[row]) for row in rows])
            for number, rows in groupby(order, key=lambda row: slice_of[owners[row]])
            if slices > 1
        ]
        return ShardRows(
            data=ShardData(
                shard=shard,
                features=self.features,
                label=self.label,
                table=table.take(pa.array(order, pa.int64())),
                slices=tuple(Slice(number=each.number, rows=each.rows) for each in cut),
            ),
            pseudonyms=tuple(owners[row] for row in order),
            member_digest=_members_digest(owners),
            row_digest=_rows_digest((owners[row], content[row]) for row in order),
            slices=tuple(cut),
        )


def _slice_rows(number: int, rows: Sequence[tuple[bytes, bytes]]) -> SliceRows:
    owners = {owner for owner, _ in rows}
    return SliceRows(
        number=number,
        people=len(owners),
        rows=len(rows),
        member_digest=_members_digest(owners),
        row_digest=_rows_digest(rows),
    )


def _members_digest(owners: Iterable[bytes]) -> str:
    return sha256(b"".join(sorted(set(owners)))).hexdigest()


def _rows_digest(rows: Iterable[tuple[bytes, bytes]]) -> str:
    digest = sha256()
    for owner, content in rows:
        digest.update(owner)
        digest.update(len(content).to_bytes(_LENGTH))
        digest.update(content)
    return digest.hexdigest()


def read_people(
    source: Source,
    names: Sequence[str],
    *,
    features: tuple[Feature, ...] | None = None,
    only: Shard | None = None,
    beside: Beside = NOTHING_BESIDE,
) -> People:
    """Read the parts of a version; `names` are the features, none of them: every other column.

    With `features` their kinds are known already; with `only` the rows of one shard are kept.
    Raises `ChangedMeanwhile` unless the parts are, after reading, still those that were registered.
    """
    column = source.column
    index = _Index(source)
    tables: list[pa.Table] = []
    placed: list[tuple[bytes, Shard]] = []
    part_rows: dict[str, int] = {}
    for part in source.digests:
        wanted = dict.fromkeys([column.name, *names, *beside.names, source.label])
        table = source.store.read(part, list(wanted) if names else None)
        for name in (source.label, *beside.names):
            if name not in table.column_names:
                raise ColumnMissing(f"{part}: no column named {name}")
        part_rows[part] = table.num_rows
        people = [index.place(value) for value in listed(table[column.name])]
        if only is not None:
            table = table.filter(pa.array([shard == only for _, shard in people], pa.bool_()))
            people = [(owner, shard) for owner, shard in people if shard == only]
        tables.append(table)
        placed += people
    # Compared after reading: what was read is then what the lineage graph will say was read. Parts
    # that came since belong to a later version.
    there = {part.name: part.digest for part in source.store.parts()}
    if not source.digests.items() <= there.items():
        raise ChangedMeanwhile("the place is not as it was when this version was registered")
    chosen = names or _every_other_column(source, tables, beside=beside)
    known = features or features_of([table.schema for table in tables], chosen)
    return People(
        features=known,
        label=source.label,
        table=pa.concat_tables(normalised(table, known, label=source.label) for table in tables),
        pseudonyms=[owner for owner, _ in placed],
        shards=[shard for _, shard in placed],
        part_rows=part_rows,
        strangers=len(index.strangers),
        misplaced=len(index.misplaced),
        sharding=source.sharding,
        days=_days(tables, beside.day),
        origins=_origins(tables, beside.source),
    )


def _days(tables: Sequence[pa.Table], name: str) -> Floats | None:
    found = [as_days(table[name]) for table in tables] if name else []
    said = [days for days in found if days is not None]
    return np.concatenate(said) if said and len(said) == len(found) else None


def _origins(tables: Sequence[pa.Table], name: str) -> list[str | None] | None:
    found = [as_source(table[name]) for table in tables] if name else []
    said = [names for names in found if names is not None]
    return [one for names in said for one in names] if said and len(said) == len(found) else None


class _Index:
    """Says where each identifier belongs, and remembers who is not where they should be."""

    def __init__(self, source: Source) -> None:
        column = source.column
        self._kind = column.kind
        self._mark = marking_bytes(namespace=column.namespace, key=source.pseudonym_key)
        self._shard_of = source.sharding.sharder()
        self._members = {mark.bytes: shard for mark, shard in source.members.items()}
        self._known: dict[object, tuple[bytes, Shard]] = {}
        self.strangers: set[bytes] = set()
        self.misplaced: set[bytes] = set()

    def place(self, raw: object) -> tuple[bytes, Shard]:
        """Return the pseudonym and the shard of an identifier."""
        if raw not in self._known:
            value = standardise(raw, kind=self._kind)
            self._known[raw] = self._place(self._mark(sha256(value.encode()).digest()))
        return self._known[raw]

    def _place(self, mark: bytes) -> tuple[bytes, Shard]:
        if mark not in self._members:
            self.strangers.add(mark)
            return mark, NOWHERE
        shard = self._shard_of(mark)
        # Asked twice: an index that was meddled with must not move somebody out of the hold-out.
        if self._members[mark] != shard:
            self.misplaced.add(mark)
            return mark, NOWHERE
        return mark, shard


def _every_other_column(source: Source, tables: Sequence[pa.Table], *, beside: Beside) -> list[str]:
    aside = {source.column.name, source.label, *beside.names}
    names = [name for name in tables[0].column_names if name not in aside]
    for part, table in zip(source.digests, tables, strict=True):
        if differing := sorted(set(names) ^ (set(table.column_names) - aside)):
            raise DataRefused(f"column {differing[0]} is not in every part (see {part})")
    if not names:
        raise DataRefused("there is no column beside the identifier and the label")
    return names


def _row_bytes(table: pa.Table, features: Sequence[Feature], label: str) -> list[bytes]:
    """Return each row as bytes, equal exactly for rows that a trainer cannot tell apart."""
    columns = [
        _number_bytes(table[feature.name])
        if feature.kind is Kind.NUMBER
        else _text_bytes(table[feature.name])
        for feature in features
    ]
    columns.append(_text_bytes(table[label]))
    return [b"".join(cells) for cells in zip(*columns, strict=True)]


def _number_bytes(column: Any) -> list[bytes]:
    numbers = column.to_numpy().astype("<f8")
    numbers = np.where(np.isnan(numbers), np.nan, numbers)  # one NaN
    packed = numbers.astype("<f8").tobytes()
    return [packed[place : place + 8] for place in range(0, len(packed), 8)]


def _text_bytes(column: Any) -> list[bytes]:
    said = (None if text is None else text.encode() for text in column.to_pylist())
    return [_NO_TEXT if text is None else len(text).to_bytes(_LENGTH) + text for text in said]
