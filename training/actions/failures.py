"""Attempts that came to nothing."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from audits.trail import Actor, audited
from lineage.errors import LeaseLost
from lineage.leases import Token
from training.actions.locks import lock_fit, lock_held_fit, lock_run
from training.actions.moves import fail
from training.driving import back_off
from training.events import FitFailed, StepFailed
from training.models import ShardFit, TrainingRun
from training.states import RUN_OPEN, RunState

DIED: Final = "its worker died"

_FAILED: Final = ["last_error", "lease_until", "not_before"]


def fail_step(  # noqa: PLR0913  # keyword-only, one a field
    *,
    run_id: UUID,
    token: Token,
    error: str,
    most_attempts: int,
    actor: Actor,
    now: datetime,
) -> RunState:
    """Note that an attempt came to nothing, and when the next one is due; the last one ends it."""
    with audited(actor=actor, now=now) as trail:
        run = lock_run(run_id)
        if run.fencing_token != token or run.state not in RUN_OPEN:
            raise LeaseLost
        run.last_error = error[:500]
        run.lease_until = None
        run.not_before = now + back_off(run.attempts)
        run.save(update_fields=_FAILED)
        trail.record(
            StepFailed(
                run_id=str(run.pk), step=run.state, error=run.last_error, attempts=run.attempts
            ),
            about=f"training/{run.pk}",
        )
        if run.attempts >= most_attempts:
            fail(run, error=run.last_error, trail=trail)
    return RunState(run.state)


def fail_fit(  # noqa: PLR0913  # keyword-only, one a field
    *,
    fit_id: int,
    token: Token,
    error: str,
    most_attempts: int,
    actor: Actor,
    now: datetime,
) -> RunState:
    """Note that an attempt at a shard came to nothing; the last one ends the run."""
    with audited(actor=actor, now=now) as trail:
        fit = lock_held_fit(fit_id, token)
        fit.last_error = error[:500]
        fit.lease_until = None
        fit.not_before = now + back_off(fit.attempts)
        fit.save(update_fields=_FAILED)
        trail.record(
            FitFailed(
                run_id=str(fit.run_id),
                shard=fit.shard,
                error=fit.last_error,
                attempts=fit.attempts,
            ),
            about=f"training/{fit.run_id}",
        )
    # A transaction of its own, for the model has to be locked before the run.
    return give_up(run_id=fit.run_id, most_attempts=most_attempts, actor=actor, now=now)


def kill_step(  # noqa: PLR0913  # keyword-only, one a field
    *, run_id: UUID, token: Token, error: str, most_attempts: int, actor: Actor, now: datetime
) -> bool:
    """Cut off a worker that lives but gets nowhere; False if its attempt has ended meanwhile.

    It counts as a failed attempt, and whatever that worker reports from now on is refused.
    """
    with transaction.atomic():
        run = lock_run(run_id)
        if run.fencing_token != token or run.lease_until is None:
            return False
        fail_step(
            run_id=run_id,
            token=token,
            error=error,
            most_attempts=most_attempts,
            actor=actor,
            now=now,
        )
        TrainingRun.objects.filter(pk=run_id).update(fencing_token=token + 1)
    return True


def kill_fit(  # noqa: PLR0913  # keyword-only, one a field
    *, fit_id: int, token: Token, error: str, most_attempts: int, actor: Actor, now: datetime
) -> bool:
    """Cut off the worker of a shard, as `kill_step` does that of a run."""
    with transaction.atomic():
        # The model first, as everywhere: the last attempt ends the run.
        run_id = ShardFit.objects.filter(pk=fit_id).values_list("run_id", flat=True).first()
        if run_id is None:
            return False
        lock_run(run_id)
        fit = lock_fit(fit_id)
        if fit is None or fit.fencing_token != token or fit.lease_until is None:
            return False
        fail_fit(
            fit_id=fit_id,
            token=token,
            error=error,
            most_attempts=most_attempts,
            actor=actor,
            now=now,
        )
        ShardFit.objects.filter(pk=fit_id).update(fencing_token=token + 1)
    return True


def give_up(*, run_id: UUID, most_attempts: int, actor: Actor, now: datetime) -> RunState:
    """End a run whose attempts are used up, also when no worker lived to say so."""
    with transaction.atomic():
        run = lock_run(run_id)
        works = [*run.fits.filter(snapshot=None), run]
        worn_out = [
            work
            for work in works
            if work.attempts >= most_attempts and not (work.lease_until and work.lease_until > now)
        ]
        if run.state not in RUN_OPEN or run.state == RunState.DESTROYING or not worn_out:
            return RunState(run.state)
        with audited(actor=actor, now=now) as trail:
            fail(run, error=worn_out[0].last_error or DIED, trail=trail)
    return RunState(run.state)
