"""Which part of a training set a person falls into: a declared function, pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NewType
from uuid import UUID

from lineage.keyed import keyed

Shard = NewType("Shard", int)
HOLD_OUT: Final = Shard(-1)
"""The people whom training never sees, in any version of the family."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharding:
    """How one dataset family is cut: by person, under a key so that nobody can aim for a shard."""

    family: str
    shards: int
    hold_out_permille: int
    key: bytes

    def shard_of(self, pseudonym: UUID) -> Shard:
        """Return the person's shard, or `HOLD_OUT`; the same in every version of the family."""
        return self.sharder()(pseudonym.bytes)

    def sharder(self) -> Callable[[bytes], Shard]:
        """Return `shard_of` as a function of the pseudonym's bytes, for many people at once."""
        mac = keyed(self.key, context=self.family.encode() + b"\x00")

        def shard_of(pseudonym: bytes) -> Shard:
            draw = mac(pseudonym)
            # Two independent draws: whether to hold out must not depend on the number of shards.
            if int.from_bytes(draw[:8]) % 1000 < self.hold_out_permille:
                return HOLD_OUT
            return Shard(int.from_bytes(draw[8:16]) % self.shards)

        return shard_of

    def slicer(self, slices: int) -> Callable[[bytes], int]:
        """Return which of its shard's slices a person is in, by the pseudonym's bytes.

        It depends on the person alone: who comes or goes moves nobody else into another slice.
        """
        mac = keyed(self.key, context=self.family.encode() + b"\x00")
        return lambda pseudonym: int.from_bytes(mac(pseudonym)[16:24]) % slices
