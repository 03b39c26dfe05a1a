"""What waits behind what: dates that leave time for others, what a person holds up. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from deletion.workload import Estimate, Feed, Pending, Rules, Running, Standing, Target

# Of an obligation's window. As whole numbers: a decision takes them thousands of times.
_TENTHS: Final = 10
_LEAST_LEAD: Final = 1  # tenths
_MOST_LEAD: Final = 6

Due = tuple[datetime, timedelta]
"""A due date, and the window that leads to it."""


def lead_of(*, window: timedelta, estimate: Estimate, rules: Rules) -> timedelta:
    """Return how long before a due date a run must start, as well as can be known.

    A high quantile of the time until success, but at least a tenth of the window and at most six
    tenths of it.
    """
    tenth = window // _TENTHS
    return min(max(estimate.safe + rules.margin, tenth * _LEAST_LEAD), tenth * _MOST_LEAD)


def floors_of(
    feeds: Iterable[Feed], targets: Mapping[str, Target], rules: Rules
) -> Mapping[str, Collection[Due]]:
    """Return by when each target must be done to leave time for what waits behind it."""
    ways: defaultdict[str, list[Feed]] = defaultdict(list)
    for feed in feeds:
        if feed.before_is is not Standing.AT_WORK:
            ways[feed.behind].append(feed)
    floors: defaultdict[str, dict[timedelta, datetime]] = defaultdict(dict)

    def lower(feed: Feed, due: Due, past: frozenset[str]) -> None:
        """Leave time for what is due behind a way, and go on to what feeds it in turn."""
        due_at, window = due
        lead = lead_of(window=window, estimate=targets[feed.behind].estimate, rules=rules)
        earlier, left = due_at - lead, window - lead
        mine = floors[feed.before]
        mine[left] = min(mine.get(left, earlier), earlier)
        if feed.before_is is Standing.BLOCKED:
            # Obligations never wait in a circle; targets may, if others of theirs do.
            past |= {feed.behind}
            for onward in ways.get(feed.before, ()):
                if onward.before not in past:
                    lower(onward, (earlier, left), past)

    for found in list(ways.values()):
        for feed in found:
            lower(feed, (feed.due_at, feed.window), frozenset())
    return {
        name: [(due_at, window) for window, due_at in found.items()]
        for name, found in floors.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What cannot begin before a person acts."""

    targets: frozenset[str]  # behind a stop, or a run that is stuck
    behind: frozenset[str]  # what waits for such a target, however far away; the rest of it may go


def held_of(
    pending: Iterable[Pending],
    feeds: Iterable[Feed],
    targets: Mapping[str, Target],
    running: Iterable[Running],
) -> Held:
    """Return the targets that nobody can start, and those of which that is true in part."""
    stuck, going = set[str](), set[str]()
    for run in running:
        (stuck if run.stuck else going).add(run.target)
    idle = {one.target for one in pending} - going
    roots = stuck | {name for name in idle if targets[name].stopped}
    ways = [feed for feed in feeds if feed.behind in idle] if roots else []
    behind = set[str]()
    while more := {
        feed.behind
        for feed in ways
        if feed.behind not in behind | roots
        and (feed.before in roots or (feed.before in behind and feed.before_is is Standing.BLOCKED))
    }:
        behind |= more
    return Held(targets=frozenset(roots), behind=frozenset(behind))
