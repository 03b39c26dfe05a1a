"""What every store can do. An adapter is a small class that keeps these promises for one place.

Promises: `scan` and `read` change nothing. `erase` is idempotent and safe to kill at any moment:
the place is whole-old or whole-new, and running it again converges. `prove_absent` uses other eyes
than `erase` did. No method puts a value of a record into a log, an exception or a file name.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import pyarrow as pa

from lineage.identifiers import IdentifierKind, Wanted


class Step(StrEnum):
    """How far the erasure of one part has come; reported before the next step begins."""

    FOUND = "found"  # the wanted people present here are known; nothing has changed yet
    STAGED = "staged"  # the new state is written and flushed beside the old one
    VERIFIED = "verified"  # the second reader agrees with the staged state
    SWAPPED = "swapped"  # the new state is in place
    PURGED = "purged"  # old copies and staging files are gone
    PROVEN = "proven"  # the second reader finds nobody in the place itself


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredColumn:
    """A column that names people, and how its values are written."""

    name: str
    namespace: str
    kind: IdentifierKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The unit of work: one file or one table. `name` is stable and holds no personal data."""

    name: str
    digest: str  # of the bytes, or of what identifies a state of the table
    rows: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Evidence of one part's erasure: counts and digests, no personal data."""

    rows_before: int
    rows_erased: int
    values_removed: int  # erased values that other structures (dictionaries, statistics) held
    digest_before: str
    digest_after: str
    kept_rows_digest: str  # of the rows that stay; the second reader found it before and after
    reader: str  # the second reader and its version
    bytes_written: int
    residual: str = ""  # what erasing here does not reach, in words for the officer


Progress = Callable[[Step, frozenset[UUID]], None]
"""Called at each step with the marks found in the part; raising stops before the next step.

The caller stores who was found *before* anything is replaced, so that a crash after the swap cannot
turn `erased` into `absent`.
"""


class Store(Protocol):
    """One place that holds records."""

    @property
    def columns(self) -> Sequence[DeclaredColumn]:
        """The declared identifier columns."""

    def parts(self) -> Sequence[Part]:
        """List the units of work in a stable order; raise `StoreUnreadable` or `PartCorrupt`."""

    def scan(self, part: str, column: DeclaredColumn) -> Iterator[Sequence[object]]:
        """Yield every value of an identifier column, in batches, duplicates included."""

    def read(self, part: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Read whole columns for training; identifier columns are included when named."""

    def erase(self, part: str, wanted: dict[str, Wanted], *, progress: Progress) -> Erasure:
        """Erase the rows of the wanted people (by column name) and the values they left behind."""

    def prove_absent(self, part: str, wanted: dict[str, Wanted]) -> str:
        """Look again with other eyes; return the reader's name or raise `StillPresent`."""
