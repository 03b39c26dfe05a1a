"""A place that was given up and seen gone: that it is missing is no trouble any more."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from lineage.identifiers import Wanted
from lineage.stores.errors import PlaceMissing
from lineage.stores.protocol import DeclaredColumn, Erasure, Part, Progress, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """Another adapter, of which a missing place has no parts. What comes back is found again."""

    place: Store

    @property
    def columns(self) -> Sequence[DeclaredColumn]:
        """The declared identifier columns."""
        return self.place.columns

    def parts(self) -> Sequence[Part]:
        """List what is there, which is nothing where there is no place."""
        try:
            return self.place.parts()
        except PlaceMissing:
            return ()

    def scan(self, part: str, column: DeclaredColumn) -> Iterator[Sequence[object]]:
        """Yield every value of an identifier column, in batches."""
        return self.place.scan(part, column)

    def read(self, part: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Read whole columns."""
        return self.place.read(part, columns)

    def erase(self, part: str, wanted: dict[str, Wanted], *, progress: Progress) -> Erasure:
        """Erase the rows of the wanted people and the values they left behind."""
        return self.place.erase(part, wanted, progress=progress)

    def prove_absent(self, part: str, wanted: dict[str, Wanted]) -> str:
        """Look again with other eyes."""
        return self.place.prove_absent(part, wanted)
