"""Which parts of a place a run still has to look at. Pure.

Other programs may write while a run works. A part that is new or changed since it was proven could
hold the person again, so it gets another round.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from lineage.stores.errors import ChangedMeanwhile
from lineage.stores.protocol import Part

MOST_ROUNDS: Final = 12
"""Where parts still appear after so many, its writer must be paused: a person's decision. When
somebody has looked and retries the run, it gets as many again."""

GONE: Final = "gone"
"""The step of a part that was listed and is not there any more. It proves nothing: what took its
place is a part of its own."""

SET_ASIDE: Final = "set aside"
"""The step of a part that was not done when somebody retried the run. It proves nothing either."""


def next_round(
    listed: Sequence[Part], *, proven: Mapping[str, str], rounds: int, settled: Collection[str]
) -> tuple[Part, ...]:
    """Return the parts to do next; none: the place is free of the wanted people.

    `proven` maps the parts that are done to the digest of the state in which they were proven. A
    part that only changed is looked at once more; when that found nobody in it, it is `settled`
    and may go on changing, since a table that others use is never still. Whoever is written back
    later is caught when a version is registered.
    """
    unknown = tuple(part for part in listed if part.name not in proven)
    changed = tuple(
        part
        for part in listed
        if part.name in proven and proven[part.name] != part.digest and part.name not in settled
    )
    again = (*unknown, *changed)
    if again and rounds and rounds % MOST_ROUNDS == 0:
        raise ChangedMeanwhile(f"{len(again)} parts still changed after {rounds} rounds")
    return again
