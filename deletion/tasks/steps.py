"""What one sweep does with the rows, each step by itself."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, TypeVar
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from audits.trail import Actor
from deletion import actions
from deletion.errors import BatchUnknown, MoveNotAllowed, NotComplete, PlanOutdated
from deletion.outlook import Alarm
from deletion.queries import plans, work
from deletion.queries.targets import is_store
from deletion.queries.workload import ready_obligations, workload
from deletion.scheduling import Start

SWEEPER: Final = Actor("task:deletion.sweep")

Row = TypeVar("Row")


def plan() -> None:
    """Plan together what nobody has planned yet."""
    waiting = plans.awaiting_plan()
    if waiting:
        actions.plan_batch(request_ids=waiting, actor=SWEEPER, now=timezone.now())


def approve() -> None:
    """Approve what policy allows, and dissolve every plan that lineage has outrun."""
    each(plans.awaiting_approval(), _approve_one)


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
    except PlanOutdated:
        actions.dissolve_plan(batch_id=batch_id, actor=SWEEPER, now=timezone.now())
    except BatchUnknown:
        return  # an officer was faster


def start() -> None:
    """Raise the alarms, then start what may not wait: a start that fails hides no alarm."""
    decision = workload().decide(now=timezone.now())
    each(decision.alarms, _warn)
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


def watch() -> None:
    """Compare every training that has ended with what it was for."""
    each(work.retrainings(now=timezone.now()), _watch_one)


def _watch_one(run_id: UUID) -> None:
    actions.watch_retraining(
        run_id=run_id, most_attempts=settings.ATTEMPTS, actor=SWEEPER, now=timezone.now()
    )


def settle() -> None:
    """Complete every request of which all targets have ended well."""
    each(work.ready_to_complete(), _settle_one)


def _settle_one(request_id: UUID) -> None:
    # Somebody held it meanwhile, or the person is where only others can act.
    with suppress(MoveNotAllowed, NotComplete):
        actions.complete_request(request_id=request_id, actor=SWEEPER, now=timezone.now())


def follow_dates() -> None:
    """Alert people of dates that draw near with nobody at work, and close what is answered."""
    actions.follow_dates(actor=SWEEPER, now=timezone.now())


def follow_pauses() -> None:
    """Alert people of who does not answer, and close what has been decided."""
    actions.follow_pauses(actor=SWEEPER, now=timezone.now())


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


SWEEP: Final = (plan, approve, watch, start, settle, follow_dates, follow_pauses)
"""The steps of a sweep, in their order."""
