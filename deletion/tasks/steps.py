"""What one sweep does with the rows, each step by itself."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from audits.errors import TrailRestored, WitnessUnreadable
from audits.queries import require_witnessed_trail
from audits.trail import Actor
from deletion import actions
from deletion.errors import BatchUnknown, MoveNotAllowed, NotComplete, PlanOutdated
from deletion.outlook import Alarm
from deletion.queries import plans, work
from deletion.queries.hangs import hung_attempts
from deletion.queries.merging import whose_turn_it_is
from deletion.queries.targets import is_store
from deletion.queries.workload import ready_obligations, workload
from deletion.scheduling import Start
from deletion.tasks.hangs import cut_off

SWEEPER: Final = Actor("task:deletion.sweep")

Row = TypeVar("Row")

# What one sweep does at most, however much waits: it must come back well within its time limit.
_TURNS: Final = 256  # requests that stood behind another
_BATCHES: Final = 2  # planned, of PLAN_UP_TO people each
_PLANNED: Final = 200  # people without a place to look, of whom somebody is told
_LOOKED_AT: Final = 4  # plans that wait for an officer, compared with lineage as it is now
_SETTLED: Final = 1_000  # requests completed by one sweep; the next one follows at once
_TOGETHER: Final = 50  # in one transaction: the people's lock is held for some 0.2 s


def take_turns() -> bool:
    """Let requests go on that stood behind one that has ended; return whether more may wait."""
    waiting = whose_turn_it_is(limit=_TURNS)
    each(waiting, _take_turn)
    return len(waiting) == _TURNS


def _take_turn(request_id: UUID) -> None:
    actions.take_turn(request_id=request_id, actor=SWEEPER, now=timezone.now())


def plan() -> bool:
    """Plan what nobody has planned yet, so many together, the most urgent first.

    Returns whether more waits. Who has nowhere to be looked for is no part of a plan, and would
    stand before all others for ever.
    """
    each(plans.nowhere_to_look(limit=_PLANNED), _ask_where)
    for _ in range(_BATCHES):
        now = timezone.now()
        waiting = plans.awaiting_plan(limit=settings.PLAN_UP_TO, now=now)
        if waiting:
            actions.plan_batch(request_ids=waiting, actor=SWEEPER, now=now)
        if len(waiting) < settings.PLAN_UP_TO:
            return False
    return True


def _ask_where(request_id: UUID) -> None:
    actions.ask_where(request_id=request_id, actor=SWEEPER, now=timezone.now())


def approve() -> None:
    """Approve what policy allows, and dissolve the plans that lineage has outrun."""
    each(plans.awaiting_approval(limit=_LOOKED_AT), _approve_one)


def _approve_one(batch_id: int) -> None:
    try:
        seen = plans.batch_seen(batch_id)
        if seen.people <= settings.APPROVE_UP_TO:
            actions.approve_plan(
                batch_id=batch_id,
                seen_digest=seen.digest,
                policy=f"up to {settings.APPROVE_UP_TO} people",
                actor=SWEEPER,
                now=timezone.now(),
            )
        elif plans.plan_for(seen.requests, now=timezone.now()).digest != seen.digest:
            actions.dissolve_plan(batch_id=batch_id, actor=SWEEPER, now=timezone.now())
        else:
            actions.note_unchanged(batch_id=batch_id, now=timezone.now())
    except PlanOutdated:
        actions.dissolve_plan(batch_id=batch_id, actor=SWEEPER, now=timezone.now())
    except BatchUnknown:
        return  # an officer was faster


def start() -> None:
    """Raise the alarms, then start what may not wait: a start that fails hides no alarm."""
    seen = workload()
    decision = seen.decide(now=timezone.now())
    each(decision.alarms, _warn)
    demands = seen.demands(now=timezone.now())
    actions.follow_pools(demands=demands, actor=SWEEPER, now=timezone.now())
    each(decision.starts, _start_one)


def _warn(alarm: Alarm) -> None:
    actions.warn_of(alarm=alarm, actor=SWEEPER, now=timezone.now())


def _start_one(start: Start) -> None:
    begin = actions.start_erasure if is_store(start.target) else actions.start_retraining
    begin(
        obligation_ids=ready_obligations(start.target),
        because=start.because,
        actor=SWEEPER,
        now=timezone.now(),
    )


def end_hangs() -> None:
    """Cut off workers that live but get nowhere, so that others take their work over."""
    each(hung_attempts(now=timezone.now()), cut_off)


def watch() -> None:
    """Compare every training that has ended with what it was for."""
    each(work.retrainings(now=timezone.now()), _watch_one)


def _watch_one(run_id: UUID) -> None:
    actions.watch_retraining(
        run_id=run_id, most_attempts=settings.ATTEMPTS, actor=SWEEPER, now=timezone.now()
    )


def settle() -> bool:
    """Complete requests of which all targets have ended well; return whether more may wait."""
    try:
        require_witnessed_trail()
    except (TrailRestored, WitnessUnreadable):
        return False  # nothing is certified; the sealer alerts
    ready = work.ready_to_complete(limit=_SETTLED)
    each(batched(ready, _TOGETHER), _settle_some)
    return len(ready) == _SETTLED


def _settle_some(request_ids: Sequence[UUID]) -> None:
    try:
        settled = actions.complete_requests(
            request_ids=request_ids, actor=SWEEPER, now=timezone.now()
        )
    except Exception:  # noqa: BLE001  # whoever it is about is found, and raised, below
        each(request_ids, _settle_one)
    else:
        actions.note_waiting(request_ids=settled.waiting, now=timezone.now())


def _settle_one(request_id: UUID) -> None:
    try:
        actions.complete_request(request_id=request_id, actor=SWEEPER, now=timezone.now())
    except (MoveNotAllowed, NotComplete):
        # Somebody held it meanwhile, or the person is where only others can act.
        actions.note_waiting(request_ids=[request_id], now=timezone.now())
    except Exception:
        actions.note_waiting(request_ids=[request_id], now=timezone.now())
        raise


def tell() -> None:
    """Ask people to tell whom no message reaches, and about answers that do not come."""
    actions.ask_people(actor=SWEEPER, now=timezone.now())
    actions.ask_about_answers(actor=SWEEPER, now=timezone.now())


def follow_dates() -> None:
    """Alert people of dates that draw near with nobody at work, and close what is answered."""
    actions.follow_dates(actor=SWEEPER, now=timezone.now())


def follow_pauses() -> None:
    """Alert people of who does not answer, and close what has been decided."""
    actions.follow_pauses(actor=SWEEPER, now=timezone.now())


def follow_checks() -> None:
    """Destroy addresses that nobody has confirmed in time, and ask people to decide."""
    actions.follow_checks(actor=SWEEPER, now=timezone.now())


def follow_windows() -> None:
    """Alert people of targets whose window is too short for them, and close what is over."""
    actions.follow_windows(actor=SWEEPER, now=timezone.now())


def batched(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    """Yield rows in their order, some at a time."""
    return (rows[first : first + size] for first in range(0, len(rows), size))


def each(rows: Iterable[Row], do: Callable[[Row], None]) -> None:
    """Do something with every row; one that fails holds up no other, and is raised at the end."""
    failures: list[Exception] = []
    for row in rows:
        try:
            do(row)
        except Exception as failure:  # noqa: BLE001  # raised below
            failures.append(failure)
    if failures:
        raise ExceptionGroup("not every row could be worked on", failures)


SWEEP: Final = (
    take_turns,
    plan,
    approve,
    end_hangs,
    watch,
    start,
    settle,
    tell,
    follow_dates,
    follow_pauses,
    follow_checks,
    follow_windows,
)
"""The steps of a sweep, in their order."""
