"""When each target will be worked on, and which due dates will probably be missed. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from heapq import heapify, heappop, heappush, heapreplace
from typing import Final

from deletion.workload import Job, Pool, Running, Target

_MOST_EXTRA: Final = 64  # times a pool's slots: beyond that nobody would add slots


class Danger(StrEnum):
    """How a due date is in danger."""

    WILL_BE_LATE = "will-be-late"
    CANNOT_BE_MET = "cannot-be-met"  # even a run that started now would be late
    RUNNING_LATE = "running-late"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A due date that will probably be missed."""

    danger: Danger
    target: str
    due_at: datetime
    expected_at: (
        datetime | None
    )  # None: nobody can say, since a stop or a stuck run holds the target
    extra_slots: int | None = None  # an addition to the pool that saves it, a power of two


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """When a target is expected to be worked on, and what it waits for."""

    target: str
    starts_at: datetime | None  # None: nobody can say
    finishes_at: datetime | None
    why: str
    people: int = 0  # who wait; nobody is counted who is being worked on
    due_at: datetime | None = None  # the earliest date of theirs

    @property
    def because(self) -> str:
        """Say for whom it is done, and why then."""
        if self.due_at is None:
            return self.why
        return f"{who_waits(self.people, self.due_at)}: {self.why}"

    @property
    def in_words(self) -> str:
        """Say it as one sentence, in UTC."""
        if self.starts_at is None:
            return f"nobody can say when it starts: {self.because}"
        return f"starts {self.starts_at:%A %Y-%m-%d %H:%M} because {self.because}"


def who_waits(people: int, due_at: datetime) -> str:
    """Say how many people wait, and until when the first of them may."""
    if people == 1:
        return f"1 person waits, due {due_at:%A %Y-%m-%d %H:%M}"
    return f"{people:,} people wait, the earliest due {due_at:%A %Y-%m-%d %H:%M}"


def by_due(jobs: Iterable[Job]) -> list[Job]:
    """Return the jobs in the order in which slots are given."""
    return sorted(jobs)  # the due date is the first of its fields, and the target the second


def soonest(
    ordered: Sequence[Job], *, slots: int, ends: Sequence[datetime], now: datetime
) -> dict[str, datetime]:
    """Return when each job would end if every slot that comes free took the first that is ready.

    `ordered` says who goes first, and `ends` are the expected ends of the runs that hold slots now.
    """
    free = [now] * (slots - len(ends)) + list(ends)
    finishes: dict[str, datetime] = {}
    if not free:
        return finishes
    heapify(free)
    ready = [place for place, job in enumerate(ordered) if job.ready_at is None]  # a heap: sorted
    later = sorted(
        (job.ready_at, place) for place, job in enumerate(ordered) if job.ready_at is not None
    )
    come = 0
    while ready or come < len(later):
        moment = max(now, free[0])
        if not ready and later[come][0] > moment:
            moment = later[come][0]
        while come < len(later) and later[come][0] <= moment:
            heappush(ready, later[come][1])
            come += 1
        job = ordered[heappop(ready)]
        finishes[job.target] = end = moment + job.mean
        heapreplace(free, end)
    return finishes


def alarms_of(  # the state of one pool, each part under its name
    ordered: Sequence[Job],
    *,
    finishes: Mapping[str, datetime],
    pool: Pool,
    ends: Sequence[datetime],
    now: datetime,
) -> list[Alarm]:
    """Return the due dates that the pool will probably miss, each with the slots that save it.

    `ordered` are the pool's jobs, the earliest due date first, and `finishes` their soonest ends.
    """
    missed = _late(ordered, finishes)
    if not missed:
        return []
    hopeless = {job.target for job in ordered if now + job.mean > job.due_at}
    saved_by: dict[str, int] = {}
    extra = 1
    while missed - hopeless - saved_by.keys() and extra <= _MOST_EXTRA * max(pool.slots, 1):
        more = soonest(ordered, slots=pool.slots + extra, ends=ends, now=now)
        for target in missed - _late(ordered, more) - saved_by.keys():
            saved_by[target] = extra
        extra *= 2
    return [
        Alarm(
            danger=Danger.CANNOT_BE_MET if job.target in hopeless else Danger.WILL_BE_LATE,
            target=job.target,
            due_at=job.due_at,
            expected_at=finishes.get(job.target),
            extra_slots=saved_by.get(job.target),
        )
        for job in ordered
        if job.target in missed
    ]


def _late(ordered: Iterable[Job], finishes: Mapping[str, datetime]) -> set[str]:
    return {
        job.target
        for job in ordered
        if (end := finishes.get(job.target)) is None or end > job.due_at
    }


def forecasts_of(
    ordered: Iterable[Job],
    *,
    starting: Mapping[str, str],
    finishes: Mapping[str, datetime],
    now: datetime,
) -> list[Forecast]:
    """Return when each job will be done; `starting` says why the ones that begin now do."""
    found: list[Forecast] = []
    for job in ordered:
        end = finishes.get(job.target)
        if job.waits_for:
            why = f"waits for {', '.join(job.waits_for)}"
            starts_at = None if job.ready_at is None else max(job.ready_at, job.start_by)
        elif end is None:
            why, starts_at = "the pool has no slot", None
        elif job.target in starting:
            why, starts_at = starting[job.target], now
        elif end > job.finish_by:
            why, starts_at = "for a free slot", end - job.mean
        else:
            why, starts_at = "until then one run can serve more", job.start_by
        found.append(
            Forecast(
                target=job.target,
                starts_at=starts_at,
                finishes_at=None if starts_at is None else starts_at + job.mean,
                why=why,
                people=job.people,
                due_at=job.due_at,
            )
        )
    return found


def unknown(target: str, *, why: str) -> Forecast:
    """Return the forecast of a target of which nobody can say when it will be worked on."""
    return Forecast(target=target, starts_at=None, finishes_at=None, why=why)


def alarm_of_running(run: Running, target: Target, *, now: datetime) -> Alarm | None:
    """Return the alarm of a run that will probably end too late; of a stuck one nobody can say."""
    expected = max(now, run.started_at + target.estimate.mean)
    if run.stuck or expected <= run.due_at:
        return None
    return Alarm(
        danger=Danger.RUNNING_LATE, target=run.target, due_at=run.due_at, expected_at=expected
    )


def forecast_of_running(run: Running, target: Target, *, now: datetime) -> Forecast:
    """Return when a run will probably end."""
    return Forecast(
        target=run.target,
        starts_at=run.started_at,
        finishes_at=None if run.stuck else max(now, run.started_at + target.estimate.mean),
        why="stuck: a person must look" if run.stuck else "at work",
    )
