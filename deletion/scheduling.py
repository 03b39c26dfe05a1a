"""Decides which runs start now. Pure: no clock, no database, no randomness.

One run of a target discharges every obligation that was there when it started, so waiting lets one
run serve many people. A run therefore starts as late as is safe, where

1. *safe* leaves a high quantile of the time until success before the earliest due date, but at
   least a tenth of the window and at most six tenths of it;
2. nobody waits longer than `Rules.coalesce`, however far away the due date is;
3. while known work fills more than `Rules.crowded` of a pool until some moment, the runs that must
   be finished before that moment start early;
4. the earliest due date goes first. The safe quantile says when to start, never who goes first, or
   the most uncertain targets would starve the others;
5. what feeds a target goes before it: its due date leaves time for what waits behind it, which is
   not started before.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from deletion.feeding import Due, floors_of, held_of, lead_of
from deletion.outlook import (
    Alarm,
    Danger,
    Forecast,
    alarm_of_running,
    alarms_of,
    by_due,
    forecast_of_running,
    forecasts_of,
    soonest,
    unknown,
    who_waits,
)
from deletion.workload import Estimate, Feed, Job, Pending, Pool, Rules, Running, Target

_NONE: Final = timedelta(0)
_INSTANT: Final = timedelta(microseconds=1)


class Reason(StrEnum):
    """Why a run starts now."""

    LATEST_SAFE_START = "the latest safe start has come"
    WAITED_LONG_ENOUGH = "the first of them has waited long enough"
    POOL_CROWDED = "the pool is crowded until then"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A run to start now, of everything of its target that is ready."""

    target: str
    reason: Reason
    people: int
    due_at: datetime

    @property
    def because(self) -> str:
        """Say for whom it starts, and why now."""
        return f"{who_waits(self.people, self.due_at)}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do now, and what to expect."""

    starts: tuple[Start, ...]
    alarms: tuple[Alarm, ...]
    forecasts: Mapping[str, Forecast]


def decide(  # noqa: PLR0913  # the whole state, each part under its name
    *,
    now: datetime,
    pending: Collection[Pending],
    feeds: Collection[Feed],
    targets: Mapping[str, Target],
    pools: Mapping[str, Pool],
    running: Collection[Running],
    rules: Rules,
) -> Decision:
    """Return the runs to start now, the alarms, and a forecast for every target with open work.

    `pending` is what no run discharges yet. The same state always gives the same decision, however
    finely it is cut into rows.
    """
    held = held_of(pending, feeds, targets, running)
    at_work = {run.target: run for run in running}
    ends = _ends(running, targets, now)
    jobs = _jobs(pending, feeds, targets, rules)
    queues = _queues(
        [
            job
            for name, job in jobs.items()
            if name not in at_work
            and name not in held.targets
            and not (job.waits_for and name in held.behind)
        ],
        targets=targets,
        pools=pools,
        ends=ends,
        now=now,
    )
    starts: list[Start] = []
    alarms: list[Alarm] = []
    forecasts: dict[str, Forecast] = {}
    for name in sorted(at_work):
        alarm = alarm_of_running(at_work[name], targets[name], now=now)
        alarms += [alarm] if alarm is not None else []
        forecasts[name] = forecast_of_running(at_work[name], targets[name], now=now)
    for name, pool in sorted(pools.items()):
        ordered = queues[name]
        begun = _starts(ordered, pool=pool, ends=ends[name], now=now, rules=rules)
        finishes = soonest(ordered, slots=pool.slots, ends=ends[name], now=now)
        starts += begun
        alarms += alarms_of(ordered, finishes=finishes, pool=pool, ends=ends[name], now=now)
        reasons: dict[str, str] = {start.target: start.reason for start in begun}
        for forecast in forecasts_of(ordered, starting=reasons, finishes=finishes, now=now):
            forecasts[forecast.target] = forecast
    in_part = [one for one in pending if one.is_blocked and one.target in held.behind]
    blocked = _jobs(in_part, feeds, targets, rules) if in_part else {}
    for name in sorted(held.targets | held.behind):
        job = jobs.get(name) if name in held.targets else blocked[name]
        alarm = _alarm_of_held(targets[name], job, at_work.get(name), rules=rules, now=now)
        alarms += [alarm] if alarm is not None else []
        if job is not None and name not in forecasts:
            forecasts[name] = unknown(name, why=_why_held(targets[name], job))
    return Decision(starts=tuple(starts), alarms=tuple(alarms), forecasts=forecasts)


def latest_safe_start(
    *, window: timedelta, due_at: datetime, estimate: Estimate, rules: Rules
) -> datetime:
    """Return the last moment at which a run still ends in time, as well as can be known (1)."""
    return due_at - lead_of(window=window, estimate=estimate, rules=rules)


def _ends(
    running: Collection[Running], targets: Mapping[str, Target], now: datetime
) -> defaultdict[str, list[datetime]]:
    """Return, for each pool, when the runs that hold its slots are expected to end."""
    ends: defaultdict[str, list[datetime]] = defaultdict(list)
    for run in running:
        if not run.stuck:
            target = targets[run.target]
            ends[target.pool].append(max(now, run.started_at + target.estimate.mean))
    return ends


def _jobs(
    pending: Iterable[Pending],
    feeds: Collection[Feed],
    targets: Mapping[str, Target],
    rules: Rules,
) -> dict[str, Job]:
    """Return the next run of every target for which something waits."""
    mine: defaultdict[str, list[Pending]] = defaultdict(list)
    for one in pending:
        mine[one.target].append(one)
    feeders: defaultdict[str, set[str]] = defaultdict(set)
    for feed in feeds:
        feeders[feed.behind].add(feed.before)
    floors = floors_of(feeds, targets, rules)
    jobs: dict[str, Job] = {}
    for name, every in mine.items():
        ready = [one for one in every if not one.is_blocked]
        behind = () if ready else tuple(sorted(feeders[name]))
        jobs[name] = _job(targets[name], ready or every, floors.get(name, ()), behind, rules)
    return jobs


def _job(
    target: Target,
    mine: Sequence[Pending],
    floors: Iterable[Due],
    waits_for: tuple[str, ...],
    rules: Rules,
) -> Job:
    estimate = target.estimate
    dates = [(one.due_at, one.window) for one in mine]
    dates += floors
    starts = [
        due_at - lead_of(window=window, estimate=estimate, rules=rules) for due_at, window in dates
    ]
    return Job(
        due_at=min(dates)[0],
        target=target.name,
        mean=estimate.mean,
        safe_start=min(starts),
        waited_start=min([one.created_at for one in mine]) + rules.coalesce,  # (2)
        people=sum([one.people for one in mine]),
        waits_for=waits_for,
    )


def _queues(
    jobs: Iterable[Job],
    *,
    targets: Mapping[str, Target],
    pools: Mapping[str, Pool],
    ends: Mapping[str, Sequence[datetime]],
    now: datetime,
) -> dict[str, list[Job]]:
    """Return each pool's jobs, the earliest due date first (4).

    When what waits for others can begin is seen once it is known when those would end.
    """
    queues: dict[str, list[Job]] = {name: [] for name in pools}
    behind: list[Job] = []
    for job in jobs:
        if job.waits_for:
            behind.append(job)
        else:
            queues[targets[job.target].pool].append(job)
    known: dict[str, datetime] = {}
    for name, queue in queues.items():
        queue[:] = by_due(queue)
        if behind:
            known |= soonest(queue, slots=pools[name].slots, ends=ends.get(name, ()), now=now)
    for job in behind:
        ready_at = max((known[name] for name in job.waits_for if name in known), default=now)
        queues[targets[job.target].pool].append(job._replace(ready_at=ready_at))
    return {name: by_due(queue) for name, queue in queues.items()} if behind else queues


def _starts(
    ordered: Sequence[Job], *, pool: Pool, ends: Sequence[datetime], now: datetime, rules: Rules
) -> list[Start]:
    free = pool.slots - len(ends)
    if free <= 0:
        return []
    crowded = _crowded_until(ordered, pool=pool, ends=ends, now=now, rules=rules)
    soon = now + rules.tick
    starts: list[Start] = []
    for job in ordered:  # (4)
        if len(starts) >= free:
            break
        if job.waits_for:
            continue
        if job.safe_start <= soon:
            reason = Reason.LATEST_SAFE_START
        elif job.waited_start <= soon:
            reason = Reason.WAITED_LONG_ENOUGH
        elif crowded is not None and job.finish_by <= crowded:
            reason = Reason.POOL_CROWDED
        else:
            continue
        starts.append(Start(target=job.target, reason=reason, people=job.people, due_at=job.due_at))
    return starts


def _crowded_until(
    jobs: Collection[Job], *, pool: Pool, ends: Sequence[datetime], now: datetime, rules: Rules
) -> datetime | None:
    """Return the last moment before which known work fills too much of the pool (3).

    The backward fill of the slots in fluid form: one pass over the jobs by the time they must be
    finished.
    """
    work = sum((end - now for end in ends), _NONE)
    share = rules.crowded * pool.slots
    until = None
    for finish_by, mean in sorted([(job.finish_by, job.mean) for job in jobs]):
        work += mean
        if work > share * max(finish_by - now, _INSTANT):
            until = finish_by
    return until


def _why_held(target: Target, job: Job) -> str:
    return "a stop is down" if target.stopped else f"waits for {', '.join(job.waits_for)}"


def _alarm_of_held(
    target: Target, job: Job | None, run: Running | None, *, rules: Rules, now: datetime
) -> Alarm | None:
    """Return the alarm of what nobody can start, once the latest safe start has gone by."""
    dates = [] if job is None else [(job.due_at, job.safe_start)]
    if run is not None:
        safe_start = latest_safe_start(
            window=max(run.due_at - run.started_at, _NONE),
            due_at=run.due_at,
            estimate=target.estimate,
            rules=rules,
        )
        dates.append((run.due_at, safe_start))
    due_at, safe_start = (min(moments) for moments in zip(*dates, strict=True))
    if now < safe_start and now + target.estimate.mean <= due_at:
        return None
    return Alarm(danger=Danger.WILL_BE_LATE, target=target.name, due_at=due_at, expected_at=None)
