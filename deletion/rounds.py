"""Which parts of a place a run still has to look at. Pure.

Other programs may write while a run works. A part that is new or changed since it was proven could
hold the person again, so it gets another round.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from lineage.stores.errors import ChangedMeanwhile
from lineage.stores.protocol import Part

MOST_ROUNDS: Final = 12
"""Where parts still appear after so many, its writer must be paused: a person's decision."""


def next_round(
    listed: Sequence[Part], *, proven: Mapping[str, str], rounds: int, found_last: bool
) -> tuple[Part, ...]:
    """Return the parts to do next; none: the place is free of the wanted people.

    `proven` maps the parts that are done to the digest of the state in which they were proven. A
    part that only changed is looked at once more; if that round found nobody it ends, since a table
    that others use is never still. Whoever is written back later is caught when a version is
    registered.
    """
    unknown = tuple(part for part in listed if part.name not in proven)
    changed = tuple(
        part for part in listed if part.name in proven and proven[part.name] != part.digest
    )
    if rounds > 1 and not found_last:
        changed = ()
    again = (*unknown, *changed)
    if again and rounds >= MOST_ROUNDS:
        raise ChangedMeanwhile(f"{len(again)} parts still changed after {rounds} rounds")
    return again
