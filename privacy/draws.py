"""What a draw needs to know, whose records it may see, and what has to be done with one that waits.

Pure: the rows of releases are read and locked elsewhere.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

from lineage.identifiers import Digest, IdentifierKind, marker
from lineage.sharding import HOLD_OUT, Shard
from privacy.ledger import NanoRho
from privacy.recipes import Recipe
from privacy.states import ReleaseState


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One draw to be made: the recipe, where its source lies, and what was paid."""

    recipe: Recipe
    unit: IdentifierKind
    store_id: int
    version_id: int
    digests: Mapping[str, str]  # of each part, as the version was registered
    charged: NanoRho


class Step(StrEnum):
    """What has to be done with a release that nobody works on."""

    DRAW = "draw"
    VOID = "void"
    FAIL = "fail"


def next_step(
    state: ReleaseState,
    *,
    lease_until: datetime | None,
    attempts: int,
    most_attempts: int,
    now: datetime,
) -> Step | None:
    """Return what has to be done with a release; None while it is worked on or if it has ended."""
    if lease_until is not None and lease_until > now:
        return None
    if state is ReleaseState.RESERVED:
        return Step.DRAW if attempts < most_attempts else Step.VOID
    return Step.FAIL if state is ReleaseState.DRAWING else None


def trained_people(
    shards: Mapping[UUID, Shard], *, namespace: str, key: bytes
) -> Callable[[str], bool]:
    """Return the test for the people whom a release may see: members that training may see too.

    The held-out are left out, or a model trained on the release would be measured on people it has
    seen. So is whoever is not registered as a member: lineage could not say that they are in it.
    """
    mark = marker(namespace=namespace, key=key)

    def included(identifier: str) -> bool:
        digest = Digest(sha256(identifier.encode()).digest())
        return shards.get(mark(digest), HOLD_OUT) != HOLD_OUT

    return included
