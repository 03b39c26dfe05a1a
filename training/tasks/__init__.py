"""Celery's door into training. Rows are the queue; a lost message costs one sweep.

A task does one step of a run and sends what comes next. A task that is run twice, or late, finds
its lease taken and does nothing.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from training import actions, queries
from training.driving import Due, Step
from training.states import RunState
from training.tasks import steps

_HOUR: Final = 3600  # seconds


@shared_task(ignore_result=True, time_limit=300)
def sweep() -> None:
    """Send every step that may be taken now to a worker, and look whose release ends."""
    _send(queries.steps_due(most_attempts=settings.ATTEMPTS, now=timezone.now()))
    for model_id in queries.doomed_models(now=timezone.now()):
        destroy.delay(model_id)
    notice = timedelta(days=settings.RELEASE_NOTICE_DAYS)
    actions.watch_expiries(notice=notice, actor=steps.TRAINER, now=timezone.now())


@shared_task(ignore_result=True, acks_late=True, time_limit=6 * _HOUR)
def check(run_id: str) -> None:
    """Look at the data of a run, and plan its fits."""
    steps.check(UUID(run_id))
    _send_next(UUID(run_id))


@shared_task(ignore_result=True, acks_late=True, time_limit=24 * _HOUR)
def fit(fit_id: int) -> None:
    """Fit one shard of a run; the last one sends the next step."""
    steps.fit(fit_id)
    fitted = queries.fitted_run(fit_id)
    if fitted is not None:
        _send_next(fitted)


@shared_task(ignore_result=True, acks_late=True, time_limit=_HOUR)
def assemble(run_id: str) -> None:
    """Put the snapshots of a run together."""
    steps.assemble(UUID(run_id))
    _send_next(UUID(run_id))


@shared_task(ignore_result=True, acks_late=True, time_limit=6 * _HOUR)
def judge(run_id: str) -> None:
    """Measure the challenger on people whom no training has seen."""
    steps.judge(UUID(run_id))
    _send_next(UUID(run_id))


@shared_task(ignore_result=True, acks_late=True, time_limit=_HOUR)
def destroy(model_id: int) -> None:
    """Destroy what is doomed of a model, and end the run that waits for it."""
    steps.destroy_doomed(model_id)


@shared_task(ignore_result=True, acks_late=True, time_limit=300)
def give_up(run_id: str) -> None:
    """End a run whose attempts are used up."""
    steps.give_up(UUID(run_id))


def drive(run_id: UUID) -> RunState:
    """Take a run as far as it goes now in this process: what the workers do, without a worker.

    It returns when the run has ended, or waits for a moment or for somebody else's lease; an
    attempt that comes to nothing raises `AttemptFailed`.
    """
    while any([_take(due) for due in _due(run_id)]):  # noqa: C419  # all steps, not up to the first
        pass
    return RunState(queries.run_numbered(run_id).state)


def _due(run_id: UUID) -> list[Due]:
    return queries.steps_due(most_attempts=settings.ATTEMPTS, now=timezone.now(), run_ids=[run_id])


def _send_next(run_id: UUID) -> None:
    _send(_due(run_id))


def _send(ready: Sequence[Due]) -> None:
    for due in ready:
        match due.step:
            case Step.CHECK:
                check.delay(str(due.run_id))
            case Step.FIT:
                fit.delay(due.fit_id)
            case Step.ASSEMBLE:
                assemble.delay(str(due.run_id))
            case Step.JUDGE:
                judge.delay(str(due.run_id))
            case Step.DESTROY:
                destroy.delay(due.model_id)
            case Step.GIVE_UP:
                give_up.delay(str(due.run_id))


def _take(due: Due) -> bool:
    """Take one step here; return whether there was anything to do."""
    match due.step:
        case Step.CHECK:
            return steps.check(due.run_id)
        case Step.FIT:
            return steps.fit(due.fit_id)
        case Step.ASSEMBLE:
            return steps.assemble(due.run_id)
        case Step.JUDGE:
            return steps.judge(due.run_id)
        case Step.DESTROY:
            return steps.destroy_doomed(due.model_id)
        case Step.GIVE_UP:
            return steps.give_up(due.run_id)
