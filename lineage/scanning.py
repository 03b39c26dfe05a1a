"""Who is in a place: every identifier of one column, standardised, keyed and sorted."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from typing import Final, Protocol
from uuid import UUID

from lineage.errors import IdentifierMalformed
from lineage.identifiers import IdentifierKind, marking_bytes, standardise
from lineage.keyed import keyed
from lineage.marks import WIDTH, Marks, Pairs
from lineage.sharding import Shard, Sharding
from lineage.stores.errors import ChangedMeanwhile, MalformedIdentifier, NullIdentifier
from lineage.stores.protocol import DeclaredColumn, Part

_REMEMBERED: Final = 1 << 18  # raw values kept to pass over repetitions, a few tens of megabytes
_NAMING: Final = {str, int, UUID}
_NULL: Final = "null"
_SPARE: Final = 1 << 20  # marks collected before repetitions are dropped from the collection


class Scannable(Protocol):
    """The part of a store that a scan needs."""

    def parts(self) -> Sequence[Part]:
        """List the parts in a stable order."""

    def scan(self, part: str, column: DeclaredColumn) -> Iterator[Sequence[object]]:
        """Yield every value of a column, in batches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """What one scan of one identifier column found."""

    namespace: str
    people: Pairs  # pseudonyms, each with the same person's mark under the suppression list's key
    shards: Sequence[int]  # of each pseudonym, in the same order
    parts: tuple[Part, ...]
    row_count: int

    @property
    def pseudonyms(self) -> Marks:
        """Return everybody whom the scan found."""
        return self.people.firsts

    def suppressed(self, tags: Marks) -> Marks:
        """Return the pseudonyms of those whom the suppression list names by these tags."""
        return self.people.whose(tags)

    @property
    def member_digest(self) -> str:
        """Return the SHA-256 of the sorted pseudonyms: a keyed digest of the set of people."""
        return self.pseudonyms.digest

    def parts_digest(self, *, key: bytes) -> str:
        """Return the keyed digest over the parts' names and digests, in the order of names.

        Without the key nobody can put a guessed row into a file and see whether it stood there.
        """
        lines = sorted(f"{part.name}\x00{part.digest}\n" for part in self.parts)
        return keyed(key, context=b"\x00parts\x00")("".join(lines).encode()).hex()

    def members(self) -> Iterator[tuple[UUID, Shard]]:
        """Yield every pseudonym with its shard, in order."""
        return zip(self.pseudonyms, map(Shard, self.shards), strict=True)


def scan(
    store: Scannable,
    column: DeclaredColumn,
    *,
    pseudonym_key: bytes,
    suppression_key: bytes,
    sharding: Sharding,
) -> Scanned:
    """Read the identifier column of every part.

    Raises `NullIdentifier` or `MalformedIdentifier`, which name part, column and row but never
    the value, and `ChangedMeanwhile` when a part is another after the scan than before it.
    """
    parts = tuple(store.parts())
    found = _Collection(
        pseudonym_of=marking_bytes(namespace=column.namespace, key=pseudonym_key),
        tag_of=marking_bytes(namespace=column.namespace, key=suppression_key),
    )
    row_count = 0
    seen: set[object] = set()
    for part in parts:
        row_in_part = 0
        for batch in store.scan(part.name, column):
            try:
                fresh = _distinct(batch) - seen
                digests = _digests(fresh, kind=column.kind)
            except IdentifierMalformed:
                raise _refusal(batch, column=column, part=part.name, before=row_in_part) from None
            found.add(digests)
            row_in_part += len(batch)
            if len(seen) > _REMEMBERED:
                seen.clear()
            seen |= fresh
        row_count += row_in_part
    if tuple(store.parts()) != parts:
        raise ChangedMeanwhile("the place changed while it was read")
    people = found.pairs()
    shard_of = sharding.sharder()
    return Scanned(
        namespace=column.namespace,
        people=people,
        shards=array("h", map(shard_of, _each(people.firsts.packed))),  # two bytes a person
        parts=parts,
        row_count=row_count,
    )


def _distinct(batch: Sequence[object]) -> set[object]:
    # By type first: in a set, True and 1.0 would hide behind 1.
    if not set(map(type, batch)) <= _NAMING:
        raise IdentifierMalformed
    return set(batch)


def _digests(values: set[object], *, kind: IdentifierKind) -> list[bytes]:
    return [sha256(standardise(value, kind=kind).encode()).digest() for value in values]


def _refusal(
    batch: Sequence[object], *, column: DeclaredColumn, part: str, before: int
) -> NullIdentifier | MalformedIdentifier:
    """Find the first bad value again and say where it is, without saying what it is."""
    row, reason = next(
        (row, reason)
        for row, value in enumerate(batch, start=before + 1)
        if (reason := _reason_against(value, kind=column.kind)) is not None
    )
    place = f"part {part}, column {column.name}, row {row}"
    if reason is _NULL:
        return NullIdentifier(f"{place}: the identifier is null")
    return MalformedIdentifier(f"{place}: not an identifier of kind {column.kind}: {reason}")


def _reason_against(value: object, *, kind: IdentifierKind) -> str | None:
    if value is None:
        return _NULL
    try:
        standardise(value, kind=kind)
    except IdentifierMalformed as reason:
        return str(reason)
    return None


def _each(packed: bytes) -> Iterator[bytes]:
    return (packed[start : start + WIDTH] for start in range(0, len(packed), WIDTH))


class _Collection:
    """People gathered in one piece of memory, which drops repetitions rather than grow for them."""

    def __init__(
        self, *, pseudonym_of: Callable[[bytes], bytes], tag_of: Callable[[bytes], bytes]
    ) -> None:
        self._pseudonym_of = pseudonym_of
        self._tag_of = tag_of
        self._packed = bytearray()
        self._compact_at = 2 * _SPARE * WIDTH

    def add(self, digests: Sequence[bytes]) -> None:
        pseudonyms, tags = map(self._pseudonym_of, digests), map(self._tag_of, digests)
        self._packed += b"".join(chain.from_iterable(zip(pseudonyms, tags, strict=True)))
        if len(self._packed) > self._compact_at:
            self._packed = bytearray(self.pairs().packed)
            self._compact_at = 2 * (len(self._packed) + _SPARE * WIDTH)

    def pairs(self) -> Pairs:
        return Pairs(self._packed)
