"""A sorted set of 16-byte marks (pseudonyms or suppression tags) in one compact piece of memory.

A million people take 16 MB here and about 100 MB as Python objects. Only this module knows numpy.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Final, overload
from uuid import UUID

import numpy as np
from typing_extensions import override

WIDTH: Final = 16  # bytes of one mark


# PostgreSQL's manual, COPY, "Binary Format": a signature, flags and the length of an extension.
_COPY_BEGINS: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_ENDS: Final = b"\xff\xff"
_COPY_ROW: Final = np.dtype(
    [("fields", ">i2"), ("wide", ">i4"), ("mark", f"S{WIDTH}"), ("short", ">i4"), ("number", ">i2")]
)


class Marks(Sequence[UUID]):
    """An immutable set of marks, in the order of their bytes."""

    __slots__ = ("_packed",)

    def __init__(self, packed: bytes | bytearray | memoryview = b"") -> None:
        """Take marks one after the other, in any order and with duplicates."""
        # Only whole arrays leave here as bytes: numpy drops trailing zeros of single "S16" items.
        self._packed = np.unique(np.frombuffer(packed, dtype=f"S{WIDTH}")).tobytes()

    @classmethod
    def of(cls, marks: Iterable[UUID]) -> "Marks":
        """Return the set of these marks."""
        return cls(b"".join(mark.bytes for mark in marks))

    @property
    def packed(self) -> bytes:
        """Return the marks one after the other, sorted, each once."""
        return self._packed

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the sorted marks: equal exactly for equal sets."""
        return sha256(self._packed).hexdigest()

    def common(self, other: "Marks") -> "Marks":
        """Return the marks that are in both sets."""
        mine, theirs = self._array(), other._array()  # noqa: SLF001  # the same class
        return Marks(np.intersect1d(mine, theirs, assume_unique=True).tobytes())

    def _array(self) -> "np.ndarray[tuple[int], np.dtype[np.bytes_]]":
        return np.frombuffer(self._packed, dtype=f"S{WIDTH}")

    @override
    def __len__(self) -> int:
        return len(self._packed) // WIDTH

    @override
    def __iter__(self) -> Iterator[UUID]:
        for start in range(0, len(self._packed), WIDTH):
            yield UUID(bytes=self._packed[start : start + WIDTH])

    @overload
    def __getitem__(self, index: int) -> UUID: ...
    @overload
    def __getitem__(self, index: slice) -> "Marks": ...
    @override
    def __getitem__(self, index: int | slice) -> "UUID | Marks":
        if isinstance(index, slice):
            return Marks(self._array()[index].tobytes())
        start = range(0, len(self._packed), WIDTH)[index]
        return UUID(bytes=self._packed[start : start + WIDTH])

    @override
    def __contains__(self, mark: object) -> bool:
        if not isinstance(mark, UUID):
            return False
        place = int(np.searchsorted(self._array(), np.frombuffer(mark.bytes, f"S{WIDTH}"))[0])
        return place < len(self) and self[place] == mark

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Marks) and self._packed == other._packed

    @override
    def __hash__(self) -> int:
        return hash(self._packed)

    @override
    def __repr__(self) -> str:
        return f"<{len(self)} marks>"  # never the marks: they name people


class Pairs:
    """Marks of the same people under two keys: the second ones stand in the order of the first."""

    __slots__ = ("_seconds", "firsts")

    def __init__(self, packed: bytes | bytearray) -> None:
        """Take a first and a second mark by turns, in any order and with duplicates."""
        both = np.unique(np.frombuffer(packed, dtype=f"S{2 * WIDTH}"))
        each = np.frombuffer(
            both.tobytes(), dtype=[("first", f"S{WIDTH}"), ("second", f"S{WIDTH}")]
        )
        self.firsts = Marks(each["first"].tobytes())
        self._seconds = each["second"].tobytes()

    @property
    def packed(self) -> bytes:
        """Return firsts and seconds by turns, sorted, each pair once."""
        each = np.empty(len(self.firsts), dtype=[("first", f"S{WIDTH}"), ("second", f"S{WIDTH}")])
        each["first"] = np.frombuffer(self.firsts.packed, dtype=f"S{WIDTH}")
        each["second"] = np.frombuffer(self._seconds, dtype=f"S{WIDTH}")
        return each.tobytes()

    def whose(self, seconds: Marks) -> Marks:
        """Return the first marks of those whose second mark is in the set."""
        mine = np.frombuffer(self._seconds, dtype=f"S{WIDTH}")
        theirs = np.frombuffer(seconds.packed, dtype=f"S{WIDTH}")
        firsts = np.frombuffer(self.firsts.packed, dtype=f"S{WIDTH}")
        return Marks(firsts[np.isin(mine, theirs)].tobytes())

    @override
    def __repr__(self) -> str:
        return f"<{len(self.firsts)} pairs of marks>"  # never the marks: they name people


def in_copy_format(marks: Marks, numbers: Sequence[int]) -> bytes:
    """Return rows of (uuid, smallint) as PostgreSQL's binary COPY reads them; one number a mark."""
    rows = np.empty(len(marks), dtype=_COPY_ROW)
    rows["fields"], rows["wide"], rows["short"] = 2, WIDTH, 2
    rows["mark"] = np.frombuffer(marks.packed, dtype=f"S{WIDTH}")
    rows["number"] = numbers
    return _COPY_BEGINS + rows.tobytes() + _COPY_ENDS
