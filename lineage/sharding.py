"""Which part of a training set a person falls into. Pure: a declared function, never stored per version."""

import hmac
from dataclasses import dataclass
from typing import Final, NewType
from uuid import UUID

Shard = NewType("Shard", int)
HOLD_OUT: Final = Shard(-1)
"""The people whom training never sees, in any version of the family."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharding:
    """How one dataset family is cut: by person, with a secret key so that nobody can aim for a shard."""

    family: str
    shards: int
    hold_out_permille: int
    key: bytes

    def shard_of(self, pseudonym: UUID) -> Shard:
        """Return the person's shard, or `HOLD_OUT`; the same in every version of the family."""
        mac = hmac.digest(self.key, self.family.encode() + b"\x00" + pseudonym.bytes, "sha256")
        if int.from_bytes(mac[:8]) % 1000 < self.hold_out_permille:
            return HOLD_OUT
        return Shard(int.from_bytes(mac[8:16]) % self.shards)
