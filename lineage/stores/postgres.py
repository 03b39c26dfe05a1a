"""A PostgreSQL table. Rows go in one transaction; what the server keeps beside them is said."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import islice
from typing import Final
from uuid import UUID

import pyarrow as pa
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812  # a class, named like a function
from typing_extensions import override

from lineage.identifiers import Wanted
from lineage.stores.columns import Recognisers, recognisers, require_identifiers
from lineage.stores.errors import ColumnMissing, KeptRowsDiffer, StillPresent, StoreUnreadable
from lineage.stores.postgres_table import (
    BATCH,
    Address,
    State,
    Table,
    address_of,
    connected,
    described,
)
from lineage.stores.protocol import DeclaredColumn, Erasure, Part, Progress, Step, Store

RESIDUAL: Final = (
    "Write-ahead log, its archive, replicas, replication slots and backups hold the deleted rows "
    "until their own retention ends; free space and index pages may hold bytes of them until they "
    "are reused or rebuilt (VACUUM FULL, REINDEX)."
)
_NOT_VACUUMED: Final = (
    " The role may not VACUUM this table: dead rows and samples stay until its owner does."
)
_CLEARS: Final = 180_000  # PostgreSQL 18 has a function that clears statistics
_ARROW: Final = {
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "numeric": pa.float64(),  # for training; the exact decimal stays in the table
    "bool": pa.bool_(),
    "bytea": pa.binary(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
}


class PostgresStore(Store):
    """One table, reached by URL or by the name of an environment variable that holds the URL."""

    def __init__(self, uri: str, columns: Sequence[DeclaredColumn]) -> None:
        self._address = address_of(uri)
        self._columns = tuple(columns)

    @property
    @override
    def columns(self) -> Sequence[DeclaredColumn]:
        return self._columns

    @override
    def parts(self) -> Sequence[Part]:
        """Return the table as one part. Its digest covers name, columns, types and all rows."""
        with connected(self._address) as connection:
            table = described(connection, self._address)
            state = table.state(without={})
        return [
            Part(
                name=self._address.part,
                digest=_digest(table, state),
                rows=state.rows,
                size_bytes=state.size_bytes,
            )
        ]

    @override
    def scan(self, part: str, column: DeclaredColumn) -> Iterator[Sequence[object]]:
        with connected(self._of(part)) as connection:
            table = described(connection, self._address)
            table.require(column)
            query = _select(table, [column.name])
            values = (value for (value,) in table.stream(query))
            while batch := list(islice(values, BATCH)):
                require_identifiers(batch, column, part=part)
                yield batch

    @override
    def read(self, part: str, columns: Sequence[str] | None = None) -> pa.Table:
        with connected(self._of(part)) as connection:
            table = described(connection, self._address)
            names = list(table.types if columns is None else columns)
            for name in names:
                if name not in table.types:
                    raise ColumnMissing(f"{part}: no column named {name}")
            types = [_ARROW.get(table.types[name], pa.string()) for name in names]
            try:
                rows = list(table.stream(_select(table, names, order=self._columns)))
                values = zip(*rows, strict=True) if rows else ([] for _ in names)
                arrays = [pa.array(v, type_) for v, type_ in zip(values, types, strict=True)]
            except ValueError as trouble:  # Arrow's, or Python's, whose years end at 9999
                kind = type(trouble).__name__
                raise StoreUnreadable(f"{part}: cannot be read as a table ({kind})") from None
        return pa.table(dict(zip(names, arrays, strict=True)))

    @override
    def erase(self, part: str, wanted: dict[str, Wanted], *, progress: Progress) -> Erasure:
        people = recognisers(wanted, declared=self._columns)
        with connected(self._of(part)) as connection:
            table = described(connection, self._address)
            marks, erasure = self._delete(table, people, progress)
            connection.commit()
        if erasure.rows_erased:
            progress(Step.SWAPPED, marks)
        # Also when nobody was found: an earlier run may have been killed between commit and here.
        is_vacuumed = self._vacuum(people)
        progress(Step.PURGED, marks)
        return replace(erasure, residual=RESIDUAL if is_vacuumed else RESIDUAL + _NOT_VACUUMED)

    def _delete(
        self, table: Table, people: Recognisers, progress: Progress
    ) -> tuple[frozenset[UUID], Erasure]:
        """Delete and verify inside the transaction that is open; the caller commits."""
        self._require(table, people)
        found = _people(table, people)
        marks = frozenset(mark for values in found.values() for mark in values.values())
        raw = {name: list(values) for name, values in found.items()}
        progress(Step.FOUND, marks)
        before = table.state(without={})
        expected = after = table.state(without=raw)
        erased = before.rows - expected.rows
        if erased:
            table.refuse_copies()
            deleted = table.delete(raw)
            progress(Step.STAGED, marks)
            after = table.state(without={})
            if deleted != erased or any(_people(table, people).values()):
                raise StillPresent(f"{self._address.part}: {deleted} of {erased} rows were deleted")
            if after != expected:
                raise KeptRowsDiffer(
                    f"{self._address.part}: the deletion changed other rows; it was rolled back"
                )
        progress(Step.VERIFIED, marks)
        return marks, Erasure(
            rows_before=before.rows,
            rows_erased=erased,
            values_removed=0,
            digest_before=_digest(table, before),
            digest_after=_digest(table, after),
            kept_rows_digest=after.digest,
            reader=_reader(table.connection),
            bytes_written=0,
        )

    def _vacuum(self, people: Recognisers) -> bool:
        """Remove dead rows and the planner's samples of them; return False if the role may not."""
        with connected(self._address) as connection:
            table = described(connection, self._address)
            if not table.may_vacuum():
                return False
            connection.rollback()
            connection.autocommit = True
            table.vacuum()
            if next(table.statistics(people), None) and connection.server_version >= _CLEARS:
                table.clear_statistics()  # ANALYZE keeps those of a table that is empty now
        return True

    @override
    def prove_absent(self, part: str, wanted: dict[str, Wanted]) -> str:
        """Look again on a new connection: at the rows, and at the planner's samples of them."""
        people = recognisers(wanted, declared=self._columns)
        with connected(self._of(part)) as connection:
            table = described(connection, self._address)
            self._require(table, people)
            if any(_people(table, people).values()):
                raise StillPresent(f"{part}: a wanted person's rows are in the table")
            for name in table.statistics(people):
                raise StillPresent(
                    f"{part}: the planner's samples of column {name} hold a wanted person's "
                    "value; the table's owner must run VACUUM ANALYZE"
                )
            return _reader(connection)

    def _of(self, part: str) -> Address:
        if part != self._address.part:
            raise StoreUnreadable(f"{part}: this store is another table")
        return self._address

    def _require(self, table: Table, people: Recognisers) -> None:
        for column in self._columns:
            if column.name in people:
                table.require(column)
                table.refuse_nulls(column.name)


def _people(table: Table, people: Recognisers) -> dict[str, dict[str, UUID]]:
    return {name: table.people(name, people[name]) for name in people}


def _digest(table: Table, state: State) -> str:
    shape = ", ".join(f"{name} {type_}" for name, type_ in table.types.items())
    return sha256(f"{table.address.part} ({shape}) {state.digest}".encode()).hexdigest()


def _reader(connection: Connection) -> str:
    major, minor = divmod(connection.server_version, 10_000)
    return f"PostgreSQL {major}.{minor}"


def _select(
    table: Table, names: Sequence[str], *, order: Sequence[DeclaredColumn] = ()
) -> sql.Composed:
    """Return the query that reads columns; with an order, rows of one person stand together."""
    # Text, where what a driver makes of a type depends on who else uses it in this process.
    casts = {**dict.fromkeys(_ARROW, sql.SQL("")), "numeric": sql.SQL("::float8")}
    query = sql.SQL("SELECT {} FROM {}").format(
        sql.SQL(", ").join(
            sql.Identifier(name) + casts.get(table.types[name], sql.SQL("::text")) for name in names
        ),
        table.name,
    )
    if not order:
        return query
    people = [sql.Identifier(column.name) for column in order if column.name in table.types]
    all_selected = [sql.SQL(str(number)) for number in range(1, len(names) + 1)]
    return query + sql.SQL(" ORDER BY ") + sql.SQL(", ").join([*people, *all_selected])
