"""What the scheduler looks at, as plain values: what waits, for what, in which pool. Pure.

Nothing here counts people one by one: the obligations of a target are one `Pending` for each class
of windows, so that a decision costs as much for a hundred people as for a million.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

_DAYS_FROM: Final = timedelta(days=2)
_HOURS_FROM: Final = timedelta(hours=2)
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)
_NONE: Final = timedelta(0)


def window_class(*, created_at: datetime, due_at: datetime) -> timedelta:
    """Return the time from an obligation to its due date, rounded down, so that few differ.

    Whole days from two days on, whole hours from two hours on, else whole minutes; never less than
    nothing.
    """
    window = max(due_at - created_at, _NONE)
    unit = _DAY if window >= _DAYS_FROM else _HOUR if window >= _HOURS_FROM else _MINUTE
    return window - window % unit


class Standing(StrEnum):
    """How far open obligations have come."""

    READY = "ready"  # a run of them may start
    BLOCKED = "blocked"  # something that feeds them is still open
    AT_WORK = "at work"  # a run discharges them


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Obligations of one target, of one class of windows, that no run discharges yet."""

    target: str
    window: timedelta  # the class, not the exact time
    created_at: datetime  # of the first
    due_at: datetime  # the earliest
    people: int
    is_blocked: bool = False  # something that feeds them is still open


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Obligations of one target that wait until those of another are discharged."""

    before: str
    behind: str
    window: timedelta  # the class of those behind
    due_at: datetime  # the earliest of those behind
    before_is: Standing = Standing.READY


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What past runs say about the next one."""

    mean: timedelta  # expected time of one success, failed attempts included
    safe: timedelta  # high quantile of the time from first start to success


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A store to erase from or a model to retrain."""

    name: str
    pool: str
    estimate: Estimate
    stopped: bool = False  # a stop switch is down: nothing of it starts


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Machines that work on a kind of target; each run takes one slot."""

    name: str
    slots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A run and the earliest due date it serves; a stuck one holds its target, but no slot."""

    target: str
    started_at: datetime
    due_at: datetime
    stuck: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How late a run may start."""

    tick: timedelta  # until the scheduler is asked again, at the latest
    coalesce: timedelta  # the longest that anybody waits for company
    margin: timedelta = timedelta(minutes=5)  # on top of the estimate
    crowded: float = 0.9  # start early once known work fills this share of a pool


class Job(NamedTuple):
    """The next run of a target, as far as it can be seen now.

    A tuple, since each decision makes one for every target that waits.
    """

    due_at: datetime
    target: str
    mean: timedelta
    safe_start: datetime
    waited_start: datetime
    people: int
    waits_for: tuple[str, ...] = ()  # what must end before it may begin
    ready_at: datetime | None = None  # None: now; else when that is expected

    @property
    def start_by(self) -> datetime:
        """Return the latest moment at which the run may start."""
        return min(self.safe_start, self.waited_start)

    @property
    def finish_by(self) -> datetime:
        """Return when a run that started at the latest moment is expected to end."""
        return self.start_by + self.mean
