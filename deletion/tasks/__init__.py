"""Celery's door into the road. Rows are the queue; a lost message costs one sweep."""

from contextlib import suppress
from datetime import timedelta
from typing import Final
from uuid import UUID

from celery import shared_task
from celery.signals import worker_ready
from django.conf import settings
from django.utils import timezone

from audits.trail import Actor
from deletion import actions
from deletion.actions.locks import one_sweep
from deletion.disgorgement import OrderState
from deletion.queries import disgorgement as disgorgements
from deletion.queries import work
from deletion.queries.identity import codes_wanted
from deletion.queries.orders import waiting_notices
from deletion.queries.recipients import waiting_tellings, waiting_tests
from deletion.tasks.attempts import attempt, me
from deletion.tasks.letters import write_code
from deletion.tasks.steps import SWEEP, SWEEPER, each, start
from deletion.tasks.telling import TELLER, tell, tell_of_order, test_recipient
from lineage.actions import let_expired_go, register_version
from lineage.leases import Token
from lineage.queries import adapter_of, head_of, scan_family
from lineage.stores import errors as stores
from lineage.stores.protocol import Step
from training.errors import Stopped
from training.queries import is_given_up
from training.tasks.steps import destroy_doomed, files_of

__all__ = [
    "ERASER",
    "SWEEPER",
    "TELLER",
    "WARDEN",
    "close_run",
    "erase_part",
    "follow_disgorgement",
    "follow_disgorgements",
    "send_code",
    "sweep",
    "tell",
    "tell_of_order",
    "test_recipient",
    "watch_shields",
]

ERASER: Final = Actor("task:deletion.erase")
WARDEN: Final = Actor("task:deletion.watch_shields")
BAILIFF: Final = Actor("task:deletion.follow_disgorgement")

_MESSAGES: Final = 64  # sent by one sweep: enough for every worker, too few to bury the broker
_NEXT: Final = 2  # sent by a worker that has finished: for itself, and one that may sleep
_LETTER_SECONDS: Final = 60.0  # then the next sweep sends it again
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
        is_more = False
        for step in SWEEP:
            try:
                is_more = bool(step()) or is_more
            except Exception as failure:  # noqa: BLE001  # raised below, after the other steps
                failures.append(failure)
            if step is start:  # the workers begin while this sweep goes on to certify
                _wake(most=_MESSAGES)
                _write(most=_MESSAGES)
    if is_more:
        _sweep_soon()
    if failures:
        raise ExceptionGroup("a sweep could not do everything", failures)


def _write(*, most: int) -> None:
    """Have every code sent that a person waits for."""
    for request_id in codes_wanted(now=timezone.now(), limit=most):
        send_code.apply_async((str(request_id),), expires=_LETTER_SECONDS)


@shared_task(ignore_result=True, soft_time_limit=120, time_limit=150)
def send_code(request_id: str) -> None:
    """Send a person a code. Safe to run twice: the second time none is wanted."""
    write_code(UUID(request_id))


def _sweep_soon() -> None:
    """Ask for a sweep before beat does: something has ended, or a step did not do all at once."""
    sweep.apply_async(expires=max(1.0, settings.SWEEP_SECONDS))


@worker_ready.connect
def _begin_at_once(**_said: object) -> None:
    """Look at what waits as soon as a worker is there, and not only when beat next says so."""
    _sweep_soon()


def _wake(*, most: int) -> None:
    """Send what waits to the workers; what nobody takes in time is dropped and sent again."""
    expires = max(30.0, 3 * settings.SWEEP_SECONDS)
    now = timezone.now()
    for part_id in work.waiting_parts(now=now, limit=most):
        erase_part.apply_async((part_id,), expires=expires)
    for run_id in work.waiting_runs(now=now, limit=most):
        close_run.apply_async((str(run_id),), expires=expires)
    for telling_id in waiting_tellings(now=now, limit=most):
        tell.apply_async((str(telling_id),), expires=expires)
    for notice_id in waiting_notices(now=now, limit=most):
        tell_of_order.apply_async((str(notice_id),), expires=expires)
    for recipient_id in waiting_tests(limit=most):
        test_recipient.apply_async((recipient_id,), expires=expires)


@shared_task(ignore_result=True, soft_time_limit=240, time_limit=300)
def watch_shields() -> None:
    """Follow what ends on a day. Beat runs this each hour.

    People are alerted of shields that end, what these deferred is trained again, and marks whose
    time on the suppression list is over are deleted.
    """
    let_expired_go(actor=WARDEN, now=timezone.now())
    due = actions.follow_shields(
        notice=timedelta(days=settings.SHIELD_NOTICE_DAYS), actor=WARDEN, now=timezone.now()
    )
    each(due, _retrain_one)


@shared_task(ignore_result=True, time_limit=300)
def follow_disgorgements() -> None:
    """Send every open order to give data up to a worker. Beat runs this."""
    for disgorgement_id in disgorgements.open_orders():
        follow_disgorgement.delay(disgorgement_id)


@shared_task(ignore_result=True, acks_late=True, time_limit=3600)
def follow_disgorgement(disgorgement_id: int) -> None:
    """Destroy what is left of an order's models on the disk, and close the order if nothing is.

    Safe to run twice, and to kill at any moment.
    """
    row = disgorgements.disgorgement_numbered(disgorgement_id)
    models = disgorgements.models_of(row) if row.state == OrderState.APPROVED else []
    for model in models:
        destroy_doomed(model)
    actions.follow_disgorgement(
        disgorgement_id=disgorgement_id,
        models_with_files=[model for model in models if is_given_up(model) and files_of(model)],
        actor=BAILIFF,
        now=timezone.now(),
    )


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
        owner=me(),
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

    with attempt(keep=keep, failed=failed):
        todo = work.part_work(part_id, now=timezone.now())
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
        owner=me(),
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

    has_ended = False
    with attempt(keep=keep, failed=failed):
        has_ended = _close(run, lease.token)
    if has_ended:
        _sweep_soon()  # its people may be done, and others may wait for the same place
    _wake(most=_NEXT)


def _close(run_id: UUID, token: Token) -> bool:
    """List the parts again, or finish the run; say whether it has ended."""
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
            since = head_of(family_id)
            scanned = scan_family(family_id)  # reads files: never inside a transaction
            register_version(
                family_id=family_id,
                scanned=scanned,
                since=since,
                after_erasure=True,
                actor=ERASER,
                now=timezone.now(),
            )
        actions.finish_erasure(run_id=run_id, token=token, actor=ERASER, now=timezone.now())
    return is_proven
