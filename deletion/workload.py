"""What the scheduler looks at, as plain values: obligations, targets, pools, runs. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """A target must be free of some people by a date, once those in `after` are discharged."""

    id: int
    target: str
    created_at: datetime
    due_at: datetime
    people: int = 1
    after: frozenset[int] = frozenset()


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A target with open obligations that no running run will discharge, seen as one run."""

    target: str
    estimate: Estimate
    due_at: datetime
    safe_start: datetime
    waited_start: datetime
    obligations: tuple[int, ...]
    people: int

    @property
    def start_by(self) -> datetime:
        """Return the latest moment at which a run may start."""
        return min(self.safe_start, self.waited_start)

    @property
    def finish_by(self) -> datetime:
        """Return when a run that started at the latest moment is expected to end."""
        return self.start_by + self.estimate.mean

    @property
    def waits(self) -> str:
        """Say for whom it is done."""
        who = "1 person waits" if self.people == 1 else f"{self.people:,} people wait"
        return f"{who}, due {self.due_at:%Y-%m-%d %H:%M}"
