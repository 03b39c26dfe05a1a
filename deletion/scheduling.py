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

from deletion.outlook import (
    Alarm,
    Danger,
    Forecast,
    alarm_of_running,
    alarms_of,
    by_due,
    forecast_of_running,
    forecasts_of,
    unknown,
)
from deletion.workload import Estimate, Job, Obligation, Pool, Rules, Running, Target

_LEAST_LEAD: Final = 0.1  # of an obligation's window
_MOST_LEAD: Final = 0.6
_NONE: Final = timedelta(0)
_INSTANT: Final = timedelta(microseconds=1)


class Reason(StrEnum):
    """Why a run starts now."""

    LATEST_SAFE_START = "the latest safe start has come"
    WAITED_LONG_ENOUGH = "the first of them has waited long enough"
    POOL_CROWDED = "the pool is crowded until then"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A run to start now and the obligations that it discharges."""

    target: str
    reason: Reason
    because: str  # for people
    obligations: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do now, and what to expect."""

    starts: tuple[Start, ...]
    alarms: tuple[Alarm, ...]
    forecasts: Mapping[str, Forecast]


def decide(  # noqa: PLR0913  # the whole state, each part under its name
    *,
    now: datetime,
    obligations: Collection[Obligation],
    targets: Mapping[str, Target],
    pools: Mapping[str, Pool],
    running: Collection[Running],
    rules: Rules,
) -> Decision:
    """Return the runs to start now, the alarms, and a forecast for every target with open work.

    `obligations` are all that are open, those that a run is discharging included. The same state
    always gives the same decision.
    """
    due = _effective_dues(obligations, targets, rules)
    at_work = {run.target for run in running}
    every = _by_target(obligations)
    ready: dict[str, list[Obligation]] = {}
    back: dict[str, list[Obligation]] = {}
    for name, mine in every.items():
        if name not in at_work:
            free = [o for o in mine if o.after.isdisjoint(due)]  # (5)
            if free and not targets[name].stopped:
                ready[name] = free
            else:
                back[name] = mine

    alarms: list[Alarm] = []
    forecasts: dict[str, Forecast] = {}
    ends: defaultdict[str, list[datetime]] = defaultdict(list)
    for run in sorted(running, key=lambda run: run.target):
        target = targets[run.target]
        if not run.stuck:
            ends[target.pool].append(max(now, run.started_at + target.estimate.mean))
        alarm = alarm_of_running(run, target, now=now)
        alarms += [alarm] if alarm is not None else []
        forecasts[run.target] = forecast_of_running(run, target, now=now)

    jobs: defaultdict[str, list[Job]] = defaultdict(list)
    for name, mine in ready.items():
        jobs[targets[name].pool].append(_job(targets[name], mine, due, rules))
    starts: list[Start] = []
    for name, pool in sorted(pools.items()):
        begun = _starts(jobs[name], pool=pool, ends=ends[name], now=now, rules=rules)
        starts += begun
        alarms += alarms_of(jobs[name], pool=pool, ends=ends[name], now=now)
        for forecast in forecasts_of(
            jobs[name],
            starting={start.target: start.because for start in begun},
            pool=pool,
            ends=ends[name],
            now=now,
        ):
            forecasts[forecast.target] = forecast

    alarms += [
        alarm
        for name, mine in sorted(_held_up(every, targets, running).items())
        if (alarm := _alarm_of_held_up(targets[name], mine, due, rules, now)) is not None
    ]
    names = {o.id: o.target for o in obligations}
    for name, mine in sorted(back.items()):
        before = sorted({names[i] for o in mine for i in o.after if i in names})
        why = "a stop is down" if targets[name].stopped else f"waits for {', '.join(before)}"
        forecasts[name] = unknown(name, because=why)
    return Decision(starts=tuple(starts), alarms=tuple(alarms), forecasts=forecasts)


def latest_safe_start(
    *, created_at: datetime, due_at: datetime, estimate: Estimate, rules: Rules
) -> datetime:
    """Return the last moment at which a run still ends in time, as well as can be known (1)."""
    window = max(due_at - created_at, _NONE)
    lead = min(max(estimate.safe + rules.margin, window * _LEAST_LEAD), window * _MOST_LEAD)
    return due_at - lead


def _by_target(obligations: Iterable[Obligation]) -> Mapping[str, list[Obligation]]:
    found: defaultdict[str, list[Obligation]] = defaultdict(list)
    for obligation in sorted(obligations, key=lambda o: o.id):
        found[obligation.target].append(obligation)
    return found


def _effective_dues(
    obligations: Collection[Obligation], targets: Mapping[str, Target], rules: Rules
) -> dict[int, datetime]:
    """Return the due dates with time left for what waits behind each obligation (5)."""
    due = {o.id: o.due_at for o in obligations}
    for behind in obligations:
        lead = targets[behind.target].estimate.safe + rules.margin
        for before in behind.after & due.keys():
            due[before] = min(due[before], behind.due_at - lead)
    return due


def _job(
    target: Target, mine: Sequence[Obligation], due: Mapping[int, datetime], rules: Rules
) -> Job:
    return Job(
        target=target.name,
        estimate=target.estimate,
        due_at=min(due[o.id] for o in mine),
        safe_start=min(
            latest_safe_start(
                created_at=o.created_at, due_at=due[o.id], estimate=target.estimate, rules=rules
            )
            for o in mine
        ),
        waited_start=min(o.created_at for o in mine) + rules.coalesce,  # (2)
        obligations=tuple(o.id for o in mine),
        people=sum(o.people for o in mine),
    )


def _starts(
    jobs: Sequence[Job], *, pool: Pool, ends: Sequence[datetime], now: datetime, rules: Rules
) -> list[Start]:
    crowded = _crowded_until(jobs, pool=pool, ends=ends, now=now, rules=rules)
    starts: list[Start] = []
    for job in by_due(jobs):  # (4)
        if len(starts) >= pool.slots - len(ends):
            break
        if job.safe_start <= now + rules.tick:
            reason = Reason.LATEST_SAFE_START
        elif job.waited_start <= now + rules.tick:
            reason = Reason.WAITED_LONG_ENOUGH
        elif crowded is not None and job.finish_by <= crowded:
            reason = Reason.POOL_CROWDED
        else:
            continue
        starts.append(
            Start(
                target=job.target,
                reason=reason,
                because=f"{job.waits}: {reason}",
                obligations=job.obligations,
            )
        )
    return starts


def _crowded_until(
    jobs: Collection[Job], *, pool: Pool, ends: Sequence[datetime], now: datetime, rules: Rules
) -> datetime | None:
    """Return the last moment before which known work fills too much of the pool (3).

    The backward fill of the slots in fluid form: one pass over the jobs by the time they must be
    finished.
    """
    work = sum((end - now for end in ends), _NONE)
    until = None
    for job in sorted(jobs, key=lambda job: job.finish_by):
        work += job.estimate.mean
        if work > rules.crowded * pool.slots * max(job.finish_by - now, _INSTANT):
            until = job.finish_by
    return until


def _held_up(
    every: Mapping[str, Sequence[Obligation]],
    targets: Mapping[str, Target],
    running: Collection[Running],
) -> Mapping[str, Sequence[Obligation]]:
    """Return what cannot begin before a person acts: behind a stop, or a run that is stuck.

    That holds for what waits behind such an obligation as well, however far away.
    """
    stuck = {run.target for run in running if run.stuck}
    going = {run.target for run in running} - stuck
    idle = [o for name, mine in every.items() if name not in going for o in mine]
    held = {o.id for o in idle if o.target in stuck or targets[o.target].stopped}
    while more := {o.id for o in idle if o.id not in held and not held.isdisjoint(o.after)}:
        held |= more
    return _by_target(o for o in idle if o.id in held)


def _alarm_of_held_up(
    target: Target,
    mine: Sequence[Obligation],
    due: Mapping[int, datetime],
    rules: Rules,
    now: datetime,
) -> Alarm | None:
    """Return the alarm of what nobody can start, once the latest safe start has gone by."""
    job = _job(target, mine, due, rules)
    if now < job.safe_start and now + target.estimate.mean <= job.due_at:
        return None
    return Alarm(
        danger=Danger.WILL_BE_LATE, target=target.name, due_at=job.due_at, expected_at=None
    )
