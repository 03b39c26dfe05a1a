"""How much of a pool the known work takes, over the next days. Pure.

A pool is loaded by what must be done by some moment, over what its slots can do until then; the
peak within a window counts, since an average hides the days after a burst. Above 1 somebody will be
late, whatever starts when. A moment nearer than the shortest window counts as that window: what is
due within hours is foreseen target by target.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from deletion.workload import Pending, Pool, Running, Target

_SHORTEST: Final = timedelta(hours=72)
_NONE: Final = timedelta(0)

WINDOWS: Final[Mapping[str, timedelta]] = {
    "72h": _SHORTEST,
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """The peak of what is asked of a pool within a window, as a share of what it can do."""

    pool: str
    slots: int
    window: str  # one of WINDOWS
    ratio: float

    @property
    def slots_that_would_do(self) -> int:
        """Return how many slots bring the share down to 1."""
        return max(ceil(self.ratio * self.slots), 1)


def demands(
    *,
    pending: Collection[Pending],
    running: Collection[Running],
    targets: Mapping[str, Target],
    pools: Mapping[str, Pool],
    now: datetime,
) -> list[Demand]:
    """Return the demand on each pool in each window: the next run of every target, at its mean."""
    first: dict[tuple[str, bool], datetime] = {}
    for one in pending:
        key = one.target, one.is_blocked
        first[key] = min(first.get(key, one.due_at), one.due_at)
    work = [
        (targets[name].pool, due_at, targets[name].estimate.mean)
        for (name, _), due_at in first.items()
    ]
    for run in running:
        target = targets[run.target]
        left = max(run.started_at + target.estimate.mean - now, _NONE)
        work += [] if run.stuck else [(target.pool, run.due_at, left)]
    found: list[Demand] = []
    for name, pool in sorted(pools.items()):
        mine = sorted((due_at, mean) for at, due_at, mean in work if at == name)
        for window, length in WINDOWS.items():
            peak, until = 0.0, _NONE
            for due_at, mean in mine:
                if due_at > now + length:
                    break
                until += mean
                peak = max(peak, until / (pool.slots * max(due_at - now, _SHORTEST)))
            found.append(Demand(pool=name, slots=pool.slots, window=window, ratio=peak))
    return found
