"""One PostgreSQL table: how to reach it, what it is, and the questions that an erasure asks.

No message holds the address, which may hold a password, or a server's text, which quotes values.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from uuid import UUID

import psycopg2
from psycopg2 import errors, sql
from psycopg2.extensions import connection as Connection  # noqa: N812  # a class, named like a function

from lineage.identifiers import IdentifierKind
from lineage.liveness import ASKED, ASKING
from lineage.stores.columns import Recogniser, Recognisers
from lineage.stores.errors import (
    ChangedMeanwhile,
    ColumnMissing,
    ColumnTypeMismatch,
    NotSafelyErasable,
    NullIdentifier,
    PlaceMissing,
    StoreUnreadable,
)
from lineage.stores.protocol import DeclaredColumn

BATCH: Final = 10_000  # rows
_MAINTAIN: Final = 170_000
_TABLES: Final = ("r", "p")  # pg_class.relkind: ordinary, partitioned
_TEXTS: Final = frozenset({"text", "varchar", "bpchar", "citext", "name"})
_HOLDS: Final[Mapping[IdentifierKind, frozenset[str]]] = {
    IdentifierKind.INTEGER: frozenset({"int2", "int4", "int8"}),
    IdentifierKind.TEXT: _TEXTS,
    IdentifierKind.EMAIL: _TEXTS,
    IdentifierKind.UUID: _TEXTS | {"uuid"},
}
# Rows are compared as text, so nothing that changes how text is written may come from outside.
# Row security off: a policy must raise an error, not hide people.
_SESSION: Final = """
SET row_security = off; SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'iso_8601';
SET extra_float_digits = 1; SET bytea_output = 'hex'; SET lock_timeout = '30s';
"""
_ASKED: Final = " ".join(f"SET {one};" for one in ASKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the server is: a URL, or the name of an environment variable that holds it."""

    url: str
    variable: str
    schema: str
    table: str

    @property
    def part(self) -> str:
        """Return the name by which people know the table."""
        return f"{self.schema}.{self.table}"


def address_of(uri: str) -> Address:
    """Read `postgres://…/database?table=schema.table` or `env:NAME?table=schema.table`."""
    split = urlsplit(uri)
    query = dict(parse_qsl(split.query))
    schema, dot, table = query.pop("table", "").rpartition(".")
    is_url = split.scheme in {"postgres", "postgresql"}
    if not table or (dot and not schema) or not (is_url or (split.scheme == "env" and split.path)):
        raise StoreUnreadable(
            "not the address of a table: write postgres://…/database?table=schema.table, "
            "or env:NAME?table=schema.table for an address in the environment"
        )
    return Address(
        url=split._replace(query=urlencode(query, quote_via=quote)).geturl() if is_url else "",
        variable="" if is_url else split.path,
        schema=schema or "public",
        table=table,
    )


@contextmanager
def connected(address: Address) -> Iterator[Connection]:
    """Connect with a repeatable view of the table; turn the server's refusals into ours."""
    url = address.url or os.environ.get(address.variable, "")
    if not url:
        raise StoreUnreadable(f"{address.part}: the variable {address.variable} is not set")
    with (
        _refusals(address.part),
        closing(psycopg2.connect(url, application_name="lethe", **ASKING)) as connection,
    ):
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(_SESSION + _ASKED)
        connection.autocommit = False
        connection.set_session(isolation_level="REPEATABLE READ")
        yield connection


@contextmanager
def _refusals(part: str) -> Iterator[None]:
    try:
        yield
    except (errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable):
        raise ChangedMeanwhile(f"{part}: somebody else changes or locks these rows") from None
    except (errors.UndefinedTable, errors.InvalidSchemaName):
        raise PlaceMissing(f"{part}: no such table") from None
    except errors.UndefinedColumn:
        raise ColumnMissing(f"{part}: a column was renamed or removed") from None
    except errors.InsufficientPrivilege:
        raise StoreUnreadable(
            f"{part}: the role may not do this, or row security hides rows from it"
        ) from None
    except psycopg2.IntegrityError as refused:
        name = refused.diag.constraint_name
        raise NotSafelyErasable(
            f"{part}: constraint {name} of another table needs these rows; erase there first"
        ) from None
    except psycopg2.Error as trouble:
        raise StoreUnreadable(
            f"{part}: the server cannot be reached or refuses (SQLSTATE {trouble.pgcode})"
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How many rows, a digest of them that no order changes, and their size as text.

    Not the size on disk: that moves while nobody changes a row.
    """

    rows: int
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as one transaction sees it."""

    connection: Connection
    address: Address
    oid: int
    types: Mapping[str, str]  # by column, in order; a domain counts as what it is made of

    @property
    def name(self) -> sql.Composable:
        """Return the qualified name, quoted."""
        return sql.Identifier(self.address.schema, self.address.table)

    def require(self, column: DeclaredColumn) -> None:
        """Refuse a declared column that is gone or cannot hold its identifiers."""
        found = self.types.get(column.name)
        if found is None:
            raise ColumnMissing(f"{self.address.part}: no column named {column.name}")
        if found not in _HOLDS[column.kind]:
            raise ColumnTypeMismatch(
                f"{self.address.part}: column {column.name} is {found}, "
                f"which cannot hold {column.kind} identifiers"
            )

    def refuse_nulls(self, name: str) -> None:
        """Refuse a column in which some row names nobody."""
        rows = self.one("SELECT count(*) FROM {table} WHERE {column} IS NULL", column=name)[0]
        if rows:
            raise NullIdentifier(
                f"{self.address.part}: column {name} has {rows} rows without a value; "
                "nobody can say whose they are"
            )

    def people(self, name: str, people: Recogniser) -> dict[str, UUID]:
        """Return the values of a column that name wanted people, as text, with their marks."""
        query = self._sql("SELECT DISTINCT {text} FROM {table}", column=name)
        found: dict[str, UUID] = {}
        for (value,) in self.stream(query):
            if isinstance(value, str) and (mark := people.mark_of(value)) is not None:
                found[value] = mark
        return found

    def statistics(self, people: Recognisers) -> Iterator[str]:
        """Yield the columns whose planner statistics hold a wanted person's value."""
        for name in people:
            for kept in self._all(
                "SELECT unnest(most_common_vals::text::text[] || histogram_bounds::text::text[]) "
                "FROM pg_stats WHERE schemaname = %s AND tablename = %s AND attname = %s",
                (self.address.schema, self.address.table, name),
            ):
                if people[name].mark_of(kept[0]) is not None:
                    yield name
                    break

    def state(self, *, without: Mapping[str, Sequence[str]]) -> State:
        """Count and digest the rows that hold none of the values."""
        rows, total, parity, size = self.one(
            "SELECT count(*), sum(hashtextextended((t.*)::text, 0)::numeric), "
            "bit_xor(hashtextextended((t.*)::text, 1)), sum(octet_length((t.*)::text)) "
            "FROM {table} AS t WHERE NOT {holds}",
            holds=without,
        )
        digest = sha256(f"{rows} {total or 0} {parity or 0}".encode()).hexdigest()
        return State(rows=rows, digest=digest, size_bytes=size or 0)

    def delete(self, raw: Mapping[str, Sequence[str]]) -> int:
        """Delete the rows that hold one of the values; return how many."""
        with self.connection.cursor() as cursor:
            cursor.execute(self._sql("DELETE FROM {table} WHERE {holds}", holds=raw))
            return cursor.rowcount

    def refuse_copies(self) -> None:
        """Refuse a table whose deletions something copies or turns into something else."""
        names = self._all(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s AND NOT tgisinternal "
            "AND tgenabled <> 'D' AND tgtype & 8 <> 0 "  # 8: it fires on DELETE
            "UNION SELECT rulename FROM pg_rewrite WHERE ev_class = %s ORDER BY 1",
            (self.oid, self.oid),
        )
        for (name,) in names:
            raise NotSafelyErasable(
                f"{self.address.part}: {name} acts on deletions and may keep a copy; "
                "remove or disable it for the erasure"
            )

    def may_vacuum(self) -> bool:
        """Tell whether the role owns the table, or may maintain it (PostgreSQL 17)."""
        may = "pg_has_role(relowner, 'USAGE')"
        if self.connection.server_version >= _MAINTAIN:
            may += " OR has_table_privilege(oid, 'MAINTAIN')"
        query = f"SELECT {may} FROM pg_class WHERE oid = %s"  # noqa: S608  # fixed texts
        return bool(self._all(query, (self.oid,))[0][0])

    def vacuum(self) -> None:
        """Remove dead rows, also from the indexes, and sample anew; outside any transaction."""
        with self.connection.cursor() as cursor:
            cursor.execute(self._sql("VACUUM (ANALYZE, INDEX_CLEANUP ON) {table}"))

    def clear_statistics(self) -> None:
        """Remove the planner's samples of every column (PostgreSQL 18)."""
        for name in self.types:
            self._all(
                "SELECT pg_clear_attribute_stats(%s, %s, %s, inherited)::text "
                "FROM unnest(ARRAY[false, true]) AS inherited",
                (self.address.schema, self.address.table, name),
            )

    def stream(self, query: sql.Composable) -> Iterator[tuple[object, ...]]:
        """Yield rows as the server sends them, a batch in memory at a time."""
        with self.connection.cursor(name="lethe") as cursor:
            cursor.itersize = BATCH
            cursor.execute(query)
            yield from cursor

    def one(
        self, query: str, *, column: str = "", holds: Mapping[str, Sequence[str]] | None = None
    ) -> tuple[int, ...]:
        """Return the only row of a question."""
        with self.connection.cursor() as cursor:
            cursor.execute(self._sql(query, column=column, holds=holds))
            row = cursor.fetchone()
        return row or ()

    def _all(self, query: str, values: Sequence[object]) -> list[tuple[str, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(query, values)
            return cursor.fetchall()

    def _sql(
        self, query: str, *, column: str = "", holds: Mapping[str, Sequence[str]] | None = None
    ) -> sql.Composed:
        conditions = [
            sql.SQL("{} = ANY({}::text[])").format(_text(name), sql.Literal(list(raw)))
            for name, raw in (holds or {}).items()
        ]
        return sql.SQL(query).format(
            table=self.name,
            column=sql.Identifier(column),
            text=_text(column),
            holds=sql.SQL("({})").format(sql.SQL(" OR ").join([sql.SQL("false"), *conditions])),
        )


def described(connection: Connection, address: Address) -> Table:
    """Look the table up; a view or a missing table is refused."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.oid, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relname = %s",
            (address.schema, address.table),
        )
        oid, kind = cursor.fetchone() or (0, "")
        if kind not in _TABLES:
            why = "not a table whose rows can be deleted" if kind else "no such table"
            raise StoreUnreadable(f"{address.part}: {why}")
        cursor.execute(
            "SELECT a.attname, b.typname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid "
            "JOIN pg_type b ON b.oid = coalesce(nullif(t.typbasetype, 0), t.oid) "
            "WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            (oid,),
        )
        types = dict(cursor.fetchall())
    return Table(connection=connection, address=address, oid=oid, types=types)


def _text(column: str) -> sql.Composable:
    """Return a column as text that compares byte by byte: no collation may join two people."""
    return sql.SQL('{}::text COLLATE "C"').format(sql.Identifier(column))
