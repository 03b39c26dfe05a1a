"""Decides how many people one erasure takes at once. Pure.

A pass over a place costs about the same for one person as for a thousand, so taking many together
pays; but whoever is in a pass waits for its end, and so does whoever is more urgent and came later.
Where a pass is quick, what waits is therefore cut into slices, the most urgent people first: each
slice goes through all its places and is certified before the next one has begun to slow it down.
Where a pass takes long, everybody who waits goes at once, as many as memory allows.
"""

from datetime import timedelta
from typing import Final

SLICES: Final = 8
"""Into so many passes a backlog is cut: the median then ends soon after half of the time."""

FEWEST: Final = 24
"""People a pass: with 40, the median of 300 ended after 57 % of the time; with 24, after 53 %."""

MOST: Final = 20_000
"""People a pass, and so in one worker's memory, some 60 MB; one more pass serves the others."""

QUICK: Final = timedelta(minutes=1)
"""A pass that took longer than this is not repeated for the sake of order."""


def people_at_once(waiting: int, *, lasted: timedelta | None) -> int:
    """Return how many of the people who wait for a place its next run takes.

    `lasted` is how long the newest run there took; None: there was none, and it is taken for quick.
    """
    if lasted is not None and lasted > QUICK:
        return MOST
    return min(MOST, max(FEWEST, -(-waiting // SLICES)))
