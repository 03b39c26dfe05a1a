"""The second reader: DuckDB, which writes none of the files that it judges.

It runs in memory, single-threaded, without extensions and without spilling to disk. Its error texts
may quote records, so none of them is passed on.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final
from uuid import UUID

import duckdb

from lineage.stores.columns import Recognisers
from lineage.stores.errors import NotSafelyErasable

READER: Final = f"DuckDB {duckdb.__version__}"

_BATCH: Final = 10_000
_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "threads": 1,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "temp_directory": "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """How many rows, and a digest of them that no order changes."""

    count: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondReader:
    """One file as DuckDB reads it, its columns known by position: DuckDB ignores letter case."""

    connection: duckdb.DuckDBPyConnection
    source: str  # a table function call
    names: Sequence[str]

    def people(self, people: Recognisers) -> dict[str, dict[object, UUID]]:
        """Return, by column, the values that name wanted people, with their marks."""
        return {name: dict(self._people(name, people)) for name in people}

    def _people(self, name: str, people: Recognisers) -> Iterator[tuple[object, UUID]]:
        found = self.connection.execute(
            f"SELECT DISTINCT {self._column(name)} FROM {self._from}"  # noqa: S608  # positions only
        )
        while batch := found.fetchmany(_BATCH):
            for (raw,) in batch:
                value = UUID(bytes=raw) if isinstance(raw, bytes) else raw
                if value is not None and (mark := people[name].mark_of(value)) is not None:
                    yield raw, mark

    def kept(self, erased: Mapping[str, Sequence[object]]) -> Rows:
        """Count and digest the rows that hold none of the erased values."""
        conditions, values = ["true"], []
        for name, raw in erased.items():
            if raw:
                column = self._column(name)
                # A row without a value is kept: NULL IN (…) is neither true nor false.
                conditions.append(f"NOT coalesce({column} IN (SELECT unnest(?)), false)")
                values.append(list(raw))
        count, total, parity = self.connection.execute(
            f"SELECT count(*), sum(hash(t)), bit_xor(hash(t, 1)) FROM {self._from} "  # noqa: S608  # positions only
            f"WHERE {' AND '.join(conditions)}",
            values,
        ).fetchall()[0]
        return Rows(
            count=count, digest=sha256(f"{count} {total or 0} {parity or 0}".encode()).hexdigest()
        )

    def _column(self, name: str) -> str:
        return f"c{self.names.index(name)}"

    @property
    def _from(self) -> str:
        return f"{self.source} AS t({', '.join(f'c{n}' for n in range(len(self.names)))})"


@contextmanager
def reading(source: str, names: Sequence[str], *, part: str) -> Iterator[SecondReader]:
    """Open a file with the second reader; refuse if it cannot read what the first one could."""
    with duckdb.connect(":memory:", config=_CONFIG) as connection:
        try:
            yield SecondReader(connection=connection, source=source, names=names)
        except duckdb.Error as unreadable:
            kind = type(unreadable).__name__
            raise NotSafelyErasable(
                f"{part}: the second reader cannot read it ({kind}), so nothing can be proven"
            ) from None


def parquet(path: Path) -> str:
    """Return the table function that reads one Parquet file."""
    return f"read_parquet({literal(without_pattern(path))}, hive_partitioning = false)"


def literal(text: str) -> str:
    """Quote a text for SQL."""
    return "'" + text.replace("'", "''") + "'"


def without_pattern(path: Path) -> str:
    """Return a path with those characters quoted that would make DuckDB search for files."""
    return re.sub(r"([\[*?])", r"[\1]", str(path))
