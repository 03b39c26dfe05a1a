"""Several identifiers of one person: what links add to a demand that names only some. Pure.

A link says that two identifiers are one person's. It holds in both directions, and through others:
if a is linked to b and b to c, a demand that names a looks for c as well.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from deletion.errors import LinkOfOne
from deletion.intake import Claim, SaidIdentifier, claims_of
from lineage.errors import NamespaceUnknown
from lineage.identifiers import IdentifierKind

MOST_LINKED: Final = 20
"""Identifiers that links may add to one demand; more are a mistake, and somebody has to look."""

Pair = tuple[Claim, Claim]
"""Two identifiers of one person. Personal data."""

WAITS_OF_A_CLOCK: Final = 3
"""A request waits for officers to undo a link while three such times are left for its data."""

Neighbours = Callable[[frozenset[UUID]], Mapping[UUID, Collection[UUID]]]
"""Returns the other ends of the links of some marks; of a mark without a link nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """What links add to one demand."""

    claims: tuple[tuple[UUID, Claim], ...] = ()  # each with its pseudonym, in its order
    too_many: bool = False  # then nothing is added

    @property
    def pseudonyms(self) -> tuple[UUID, ...]:
        """Return the identifiers that are added."""
        return tuple(pseudonym for pseudonym, _ in self.claims)


NOTHING_LINKED: Final = Linked()


def pair_of(
    one: SaidIdentifier, other: SaidIdentifier, *, kinds: Mapping[str, IdentifierKind]
) -> Pair:
    """Return two identifiers that somebody says are one person's, in their order."""
    if one.namespace not in kinds or other.namespace not in kinds:
        raise NamespaceUnknown  # unrepeated: somebody may have sent an identifier in its place
    claims = claims_of((one, other), kinds=kinds)
    if len(claims) == 1:
        raise LinkOfOne
    return claims[0], claims[-1]


def reached(
    named: Sequence[Collection[UUID]], neighbours: Neighbours, *, most: int = MOST_LINKED
) -> list[frozenset[UUID] | None]:
    """Return what links add to each of some demands; None where that is more than `most`.

    All demands are walked together, one step at a time, so the steps are as many as the longest
    chain has links, however many demands there are.
    """
    found = [set(marks) for marks in named]
    edges = [set(marks) for marks in named]
    while ends := frozenset[UUID]().union(*edges):
        near = neighbours(ends)
        for place, marks in enumerate(named):
            new = {other for mark in edges[place] for other in near.get(mark, ())} - found[place]
            found[place] |= new
            is_bounded = len(found[place].difference(marks)) <= most
            edges[place] = new if is_bounded else set()
    added = [frozenset(known).difference(marks) for known, marks in zip(found, named, strict=True)]
    return [one if len(one) <= most else None for one in added]


def undoable_until(*, opened_at: datetime, erase_by: datetime, wait: timedelta) -> datetime:
    """Return from when on a request with linked identifiers is planned; its due date always wins.

    `opened_at` is when its person had shown who they are.
    """
    return min(opened_at + wait, max(opened_at, erase_by - WAITS_OF_A_CLOCK * wait))


def without_bridges(
    links: Collection[tuple[UUID, UUID]], *, kept: Collection[UUID], dropped: Collection[UUID]
) -> list[tuple[UUID, UUID]]:
    """Return the links that join none who are kept to any who are dropped."""
    return [
        (one, other)
        for one, other in links
        if not ((one in kept and other in dropped) or (one in dropped and other in kept))
    ]


def still_reached(
    named: Collection[UUID],
    links: Collection[tuple[UUID, UUID]],
    *,
    without: UUID | None = None,
) -> frozenset[UUID]:
    """Return what links lead to from what was named, when one identifier is left out of them."""
    found = set(named)
    pairs = [pair for pair in links if without not in pair]
    while new := {
        there
        for one, other in pairs
        for here, there in ((one, other), (other, one))
        if here in found and there not in found
    }:
        found |= new
    return frozenset(found.difference(named))
