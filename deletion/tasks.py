"""Celery's door into the road. Rows are the queue; a lost message costs one sweep."""

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Final, TypeVar
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.db import InterfaceError, OperationalError, connections
from django.utils import timezone

from audits.trail import Actor
from deletion import actions
from deletion.actions.locks import one_sweep
from deletion.errors import BatchUnknown, MoveNotAllowed, NotComplete, PlanOutdated
from deletion.failures import said_of
from deletion.outlook import Alarm
from deletion.queries import plans, work
from deletion.queries.targets import is_store
from deletion.queries.workload import workload
from deletion.scheduling import Start
from lineage.actions import register_version
from lineage.errors import LeaseLost
from lineage.leases import Token
from lineage.queries import adapter_of, scan_family
from lineage.stores import errors as stores
from lineage.stores.protocol import Step
from training.errors import Stopped
from training.heartbeat import beating

SWEEPER: Final = Actor("task:deletion.sweep")
ERASER: Final = Actor("task:deletion.erase")
WARDEN: Final = Actor("task:deletion.watch_shields")

REFUSALS: Final = (
    stores.ChangedMeanwhile,
    stores.ColumnMissing,
    stores.ColumnTypeMismatch,
    stores.KeptRowsDiffer,
    stores.KindUnknown,
    stores.MalformedIdentifier,
    stores.NotSafelyErasable,
    stores.NullIdentifier,
    stores.PartCorrupt,
    stores.StillPresent,
    stores.StoreUnreadable,
)
"""Why a store says no, in words that are safe to keep."""

Row = TypeVar("Row")

_MESSAGES: Final = 64  # sent by one sweep: enough for every worker, too few to bury the broker
_NEXT: Final = 2  # sent by a worker that has finished: for itself, and one that may sleep
_DAY_SECONDS: Final = 24 * 3600


@shared_task(ignore_result=True, soft_time_limit=240, time_limit=300)
def sweep() -> None:
    """Take every request one step further, and wake workers for what waits. Beat runs this.

    One sweep works at a time. A step that fails does not keep the others from being taken; what
    failed is raised at the end.
    """
    with one_sweep() as mine:
        if not mine:
            return
        failures: list[Exception] = []
        for step in (_plan, _approve, _watch, _start, _settle, _follow_dates):
            try:
                step()
            except Exception as failure:  # noqa: BLE001  # raised below, after the other steps
                failures.append(failure)
    _wake(most=_MESSAGES)
    if failures:
        raise ExceptionGroup("a sweep could not do everything", failures)


def _plan() -> None:
    waiting = plans.awaiting_plan()
    if waiting:
        actions.plan_batch(request_ids=waiting, actor=SWEEPER, now=timezone.now())


def _approve() -> None:
    """Approve what policy allows, and dissolve every plan that lineage has outrun."""
    _each(plans.awaiting_approval(), _approve_one)


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


def _start() -> None:
    """Raise the alarms, then start what may not wait: a start that fails hides no alarm."""
    decision = workload().decide(now=timezone.now())
    _each(decision.alarms, _warn)
    _each(decision.starts, _start_one)


def _warn(alarm: Alarm) -> None:
    actions.warn_of(alarm=alarm, actor=SWEEPER, now=timezone.now())


def _start_one(start: Start) -> None:
    begin = actions.start_erasure if is_store(start.target) else actions.start_retraining
    begin(
        obligation_ids=start.obligations,
        because=start.because,
        actor=SWEEPER,
        now=timezone.now(),
    )


def _watch() -> None:
    """Compare every training that has ended with what it was for."""
    _each(work.retrainings(now=timezone.now()), _watch_one)


def _watch_one(run_id: UUID) -> None:
    actions.watch_retraining(
        run_id=run_id, most_attempts=settings.ATTEMPTS, actor=SWEEPER, now=timezone.now()
    )


def _settle() -> None:
    """Complete every request of which all targets have ended well."""
    _each(work.ready_to_complete(), _settle_one)


def _settle_one(request_id: UUID) -> None:
    # Somebody held it meanwhile, or the person is where only others can act.
    with suppress(MoveNotAllowed, NotComplete):
        actions.complete_request(request_id=request_id, actor=SWEEPER, now=timezone.now())


def _follow_dates() -> None:
    """Alert people of dates that draw near with nobody at work, and close what is answered."""
    actions.follow_dates(actor=SWEEPER, now=timezone.now())


def _each(rows: Iterable[Row], do: Callable[[Row], None]) -> None:
    """Do something with every row; one that fails holds up no other, and is raised at the end."""
    failures: list[Exception] = []
    for row in rows:
        try:
            do(row)
        except Exception as failure:  # noqa: BLE001  # raised below
            failures.append(failure)
    if failures:
        raise ExceptionGroup("not every row could be worked on", failures)


def _wake(*, most: int) -> None:
    """Send what waits to the workers; what nobody takes in time is dropped and sent again."""
    expires = max(30.0, 3 * settings.SWEEP_SECONDS)
    now = timezone.now()
    for part_id in work.waiting_parts(now=now, limit=most):
        erase_part.apply_async((part_id,), expires=expires)
    for run_id in work.waiting_runs(now=now, limit=most):
        close_run.apply_async((str(run_id),), expires=expires)


@shared_task(ignore_result=True, soft_time_limit=240, time_limit=300)
def watch_shields() -> None:
    """Alert people of shields that end, and have what they deferred trained again. Beat runs it."""
    due = actions.follow_shields(
        notice=timedelta(days=settings.SHIELD_NOTICE_DAYS), actor=WARDEN, now=timezone.now()
    )
    _each(due, _retrain_one)


def _retrain_one(model_id: int) -> None:
    with suppress(Stopped):  # somebody was faster: the alert stays until the stop is lifted
        actions.retrain_unshielded(model_id=model_id, actor=WARDEN, now=timezone.now())


@shared_task(ignore_result=True, acks_late=True, time_limit=_DAY_SECONDS)
def erase_part(part_id: int) -> None:
    """Erase the people of a run from one file or table, and look again with other eyes.

    Safe to run twice, and to kill at any moment: the lease passes on, and the work converges.
    """
    lease = actions.claim_part(
        part_id=part_id,
        owner=_me(),
        length=settings.LEASE,
        most_attempts=settings.ATTEMPTS,
        actor=ERASER,
        now=timezone.now(),
    )
    if lease is None:
        return

    def keep() -> bool:
        return actions.keep_part(
            part_id=part_id, token=lease.token, length=settings.LEASE, now=timezone.now()
        )

    def report(step: Step, found: frozenset[UUID]) -> None:
        actions.record_step(
            part_id=part_id,
            token=lease.token,
            step=step,
            found=found,
            length=settings.LEASE,
            actor=ERASER,
            now=timezone.now(),
        )

    def failed(error: str) -> None:
        actions.fail_part(
            part_id=part_id,
            token=lease.token,
            error=error,
            most_attempts=settings.ATTEMPTS,
            actor=ERASER,
            now=timezone.now(),
        )

    with _attempt(keep=keep, failed=failed):
        todo = work.part_work(part_id)
        store, wanted = adapter_of(todo.store_id), dict(todo.wanted)
        try:
            erasure = store.erase(todo.part, wanted, progress=report)
            proven_by = store.prove_absent(todo.part, wanted)
        except stores.StoreUnreadable:
            if todo.part in {part.name for part in store.parts()}:
                raise
            actions.drop_part(part_id=part_id, token=lease.token, actor=ERASER, now=timezone.now())
        else:
            actions.finish_part(
                part_id=part_id,
                token=lease.token,
                erasure=erasure,
                proven_by=proven_by,
                actor=ERASER,
                now=timezone.now(),
            )
    _wake(most=_NEXT)


@shared_task(ignore_result=True, acks_late=True, time_limit=_DAY_SECONDS)
def close_run(run_id: str) -> None:
    """List the parts of a place; when all are proven, register what is there now and finish."""
    run = UUID(run_id)
    lease = actions.claim_run(
        run_id=run,
        owner=_me(),
        length=settings.LEASE,
        most_attempts=settings.ATTEMPTS,
        actor=ERASER,
        now=timezone.now(),
    )
    if lease is None:
        return

    def keep() -> bool:
        return actions.keep_run(
            run_id=run, token=lease.token, length=settings.LEASE, now=timezone.now()
        )

    def failed(error: str) -> None:
        actions.fail_run(
            run_id=run,
            token=lease.token,
            error=error,
            most_attempts=settings.ATTEMPTS,
            actor=ERASER,
            now=timezone.now(),
        )

    with _attempt(keep=keep, failed=failed):
        _close(run, lease.token)
    _wake(most=_NEXT)


def _close(run_id: UUID, token: Token) -> None:
    store_id = work.store_of(run_id)
    is_proven = actions.list_parts(
        run_id=run_id,
        token=token,
        listed=adapter_of(store_id).parts(),
        actor=ERASER,
        now=timezone.now(),
    )
    if is_proven:
        for family_id in work.families_in(store_id):
            scanned = scan_family(family_id)  # reads files: never inside a transaction
            register_version(family_id=family_id, scanned=scanned, actor=ERASER, now=timezone.now())
        actions.finish_erasure(run_id=run_id, token=token, actor=ERASER, now=timezone.now())


@contextmanager
def _attempt(*, keep: Callable[[], bool], failed: Callable[[str], None]) -> Iterator[None]:
    """Keep the lease alive during an attempt, and record how it failed.

    What a store refuses is recorded in its own words; of anything else only the kind, since its
    text may hold anything, and it is raised.
    """
    with suppress(LeaseLost):  # then another worker has it, and will report
        try:
            with beating(
                keep,
                every=settings.LEASE / 3,
                done=connections.close_all,
                passing=(InterfaceError, OperationalError),
            ):
                yield
        except LeaseLost:
            raise
        except REFUSALS as refusal:
            failed(said_of(type(refusal).__name__, str(refusal)))
        except Exception as unknown:
            failed(type(unknown).__name__)
            raise


def _me() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"[:120]
