"""Obligations one by one, and what the database makes of them: a row for each target and window."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from deletion.workload import Feed, Pending, Standing, window_class
from tests.cast import MONDAY

DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Owed:
    """One obligation, as it would be a row."""

    id: int
    target: str
    created_at: datetime
    due_at: datetime
    people: int = 1
    after: frozenset[int] = frozenset()
    at_work: bool = False

    @property
    def window(self):
        return window_class(created_at=self.created_at, due_at=self.due_at)


def owed(  # noqa: PLR0913  # each has a default
    id_=1, name="store/a", *, created=MONDAY, due=MONDAY + 10 * DAY, after=(), people=1
):
    return Owed(
        id=id_,
        target=name,
        created_at=created,
        due_at=due,
        people=people,
        after=frozenset(after),
    )


def one_by_one(obligations) -> tuple[list[Pending], list[Feed]]:
    """Return a row for each obligation, and for each pair of them."""
    open_ones = {o.id: o for o in obligations}

    def is_blocked(o):
        return not o.after.isdisjoint(open_ones)

    def stands(o):
        if o.at_work:
            return Standing.AT_WORK
        return Standing.BLOCKED if is_blocked(o) else Standing.READY

    rows = [
        Pending(
            target=o.target,
            window=o.window,
            created_at=o.created_at,
            due_at=o.due_at,
            people=o.people,
            is_blocked=is_blocked(o),
        )
        for o in obligations
        if not o.at_work
    ]
    feeds = [
        Feed(
            before=open_ones[before].target,
            behind=o.target,
            window=o.window,
            due_at=o.due_at,
            before_is=stands(open_ones[before]),
        )
        for o in obligations
        for before in sorted(o.after & open_ones.keys())
    ]
    return rows, feeds


def summed_up(obligations) -> tuple[list[Pending], list[Feed]]:
    """Return what the database makes of them: a row for each target and class of windows."""
    rows, feeds = one_by_one(obligations)
    sums: defaultdict[tuple, list[Pending]] = defaultdict(list)
    for row in rows:
        sums[row.target, row.window, row.is_blocked].append(row)
    ways: defaultdict[tuple, list[Feed]] = defaultdict(list)
    for feed in feeds:
        ways[feed.before, feed.behind, feed.window, feed.before_is].append(feed)
    return [
        replace(
            mine[0],
            created_at=min(row.created_at for row in mine),
            due_at=min(row.due_at for row in mine),
            people=sum(row.people for row in mine),
        )
        for mine in sums.values()
    ], [replace(mine[0], due_at=min(feed.due_at for feed in mine)) for mine in ways.values()]
