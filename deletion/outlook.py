"""When each target will be worked on, and which due dates will probably be missed. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from heapq import heapify, heapreplace
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
    because: str


def by_due(jobs: Iterable[Job]) -> list[Job]:
    """Return the jobs in the order in which slots are given."""
    return sorted(jobs, key=lambda job: (job.due_at, job.target))


def alarms_of(
    jobs: Collection[Job], *, pool: Pool, ends: Sequence[datetime], now: datetime
) -> list[Alarm]:
    """Return the due dates that the pool will probably miss, each with the slots that save it.

    `ends` are the expected ends of the runs that hold slots now.
    """
    ordered = by_due(jobs)

    def late(slots: int) -> set[str]:
        finish = _finishes(ordered, slots=slots, ends=ends, now=now)
        return {
            job.target
            for job in ordered
            if job.target not in finish or finish[job.target] > job.due_at
        }

    missed = late(pool.slots)
    hopeless = {job.target for job in ordered if now + job.estimate.mean > job.due_at}
    saved_by: dict[str, int] = {}
    extra = 1
    while missed - hopeless - saved_by.keys() and extra <= _MOST_EXTRA * max(pool.slots, 1):
        for target in missed - late(pool.slots + extra) - saved_by.keys():
            saved_by[target] = extra
        extra *= 2
    expected = _finishes(ordered, slots=pool.slots, ends=ends, now=now)
    return [
        Alarm(
            danger=Danger.CANNOT_BE_MET if job.target in hopeless else Danger.WILL_BE_LATE,
            target=job.target,
            due_at=job.due_at,
            expected_at=expected.get(job.target),
            extra_slots=saved_by.get(job.target),
        )
        for job in ordered
        if job.target in missed
    ]


def forecasts_of(
    jobs: Collection[Job],
    *,
    starting: Mapping[str, str],
    pool: Pool,
    ends: Sequence[datetime],
    now: datetime,
) -> list[Forecast]:
    """Return when each job will be done; `starting` says why the ones that begin now do."""
    soonest = _finishes(by_due(jobs), slots=pool.slots, ends=ends, now=now)
    found: list[Forecast] = []
    for job in by_due(jobs):
        if job.target not in soonest:
            found.append(unknown(job.target, because="the pool has no slot"))
            continue
        possible = soonest[job.target] - job.estimate.mean
        if job.target in starting:
            starts_at, why = now, starting[job.target]
        elif possible > job.start_by:
            starts_at, why = possible, f"{job.waits}: for a free slot"
        else:
            starts_at, why = job.start_by, f"{job.waits}: until then one run can serve more"
        found.append(
            Forecast(
                target=job.target,
                starts_at=starts_at,
                finishes_at=starts_at + job.estimate.mean,
                because=why,
            )
        )
    return found


def unknown(target: str, *, because: str) -> Forecast:
    """Return the forecast of a target of which nobody can say when it will be worked on."""
    return Forecast(target=target, starts_at=None, finishes_at=None, because=because)


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
        because="stuck: a person must look" if run.stuck else "at work",
    )


def _finishes(
    jobs: Iterable[Job], *, slots: int, ends: Sequence[datetime], now: datetime
) -> dict[str, datetime]:
    """Return when each job ends if all are started in this order as slots come free."""
    free = [now] * (slots - len(ends)) + list(ends)
    heapify(free)
    finishes: dict[str, datetime] = {}
    for job in jobs:
        if free:
            finishes[job.target] = max(now, free[0]) + job.estimate.mean
            heapreplace(free, finishes[job.target])
    return finishes
