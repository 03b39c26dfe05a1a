"""Stores in which ALICE, who is looked for, and BOB, who is not, have records."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from lineage.stores.delimited import CsvStore
from lineage.stores.local import PREFIX
from lineage.stores.parquet import ParquetStore
from lineage.stores.protocol import DeclaredColumn, Step
from tests.cast import ALICE, BOB
from tests.lineage.stores.marks import USER

CLARA = "clara-canary-9e03"
DIANA = "diana-canary-c4c4"  # has no record anywhere
ELSEWHERE = "erik-canary-elsewhere"  # his records are in another file


class Interrupted(Exception):
    """The caller stopped the erasure at a step."""


class Steps:
    """Remembers the steps and who was found; acts or stops where a test says so."""

    def __init__(
        self, *, stop_at: Step | None = None, act: Mapping[Step, Callable[[], object]] | None = None
    ) -> None:
        self.seen: list[Step] = []
        self.found: frozenset[UUID] = frozenset()
        self._stop_at = stop_at
        self._act = act or {}

    def __call__(self, step: Step, marks: frozenset[UUID]) -> None:
        self.seen.append(step)
        self.found = marks
        self._act.get(step, lambda: None)()
        if step is self._stop_at:
            raise Interrupted


def people(**more: Any) -> pa.Table:
    """Return five records: ALICE in two spellings, BOB twice, CLARA; and the columns given."""
    return pa.table(
        {
            "user": [ALICE, BOB, CLARA, ALICE.upper(), BOB],
            "city": ["Aachen-on-Worm", "Bonn", "Bonn", "Atlantis-under-Sea", "Celle"],
            **more,
        }
    )


def write(path: Path, table: pa.Table, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)
    return path


def parquet(path: Path, *columns: DeclaredColumn) -> ParquetStore:
    return ParquetStore(str(path), columns or (USER,))


def csv(path: Path, *columns: DeclaredColumn) -> CsvStore:
    return CsvStore(str(path), columns or (USER,))


def leftovers(folder: Path) -> list[str]:
    """Return the staging files anywhere below a folder."""
    return sorted(path.name for path in folder.rglob(f"{PREFIX}*"))


def rows_seen_by_duckdb(path: Path) -> list[tuple[object, ...]]:
    """Return all rows, in order, as a reader that wrote none of them sees them."""
    return duckdb.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall()


@contextmanager
def without_write_permission(folder: Path) -> Iterator[None]:
    """Be somebody who may read a folder and not write there; root is not, so root steps down."""
    folder.chmod(0o555)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o755)
