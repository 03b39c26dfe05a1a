"""Cutting off workers that live but get nowhere: a failed attempt, and their word counts no more.

The process itself is not ended from here, since it may be on another machine: its lease is gone,
its token is old, so whatever it reports is refused, and Celery's time limit ends it. Somebody else
begins the next attempt meanwhile.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from audits.trail import Actor, Trail, audited
from deletion.actions.locks import lock_run, lock_run_of
from deletion.actions.stuck import attempt_failed, mark_stuck
from deletion.events import AttemptFailed
from deletion.models import Run, RunPart
from deletion.states import RunState
from lineage.leases import Token

HUNG: Final = "hung: it worked for longer than eight medians of its target"


def kill_part(
    *, part_id: int, token: Token, most_attempts: int, actor: Actor, now: datetime
) -> bool:
    """Cut off the worker of a part; False if the attempt has ended, or passed on, meanwhile."""
    with transaction.atomic():
        run = lock_run_of(part_id)
        part = RunPart.objects.select_for_update(no_key=True).filter(pk=part_id).first()
        if run is None or part is None or part.finished_at is not None:
            return False
        if part.fencing_token != token or part.lease_until is None:
            return False
        with audited(actor=actor, now=now) as trail:
            _cut_off(part, run, part.name, most_attempts=most_attempts, trail=trail)
    return True


def kill_closing(
    *, run_id: UUID, token: Token, most_attempts: int, actor: Actor, now: datetime
) -> bool:
    """Cut off the worker that lists the parts of a place; False as for a part."""
    with transaction.atomic():
        run = lock_run(run_id)
        if run.state != RunState.RUNNING or run.fencing_token != token or run.lease_until is None:
            return False
        with audited(actor=actor, now=now) as trail:
            _cut_off(run, run, "", most_attempts=most_attempts, trail=trail)
    return True


def _cut_off(work: Run | RunPart, run: Run, part: str, *, most_attempts: int, trail: Trail) -> None:
    work.fencing_token += 1  # whatever its worker says from now on is refused
    work.save(update_fields=["fencing_token"])
    attempt_failed(work, error=HUNG, now=trail.now)
    trail.record(
        AttemptFailed(run_id=str(run.pk), part=part, error=HUNG, attempts=work.attempts),
        about=f"run/{run.pk}",
    )
    if work.attempts >= most_attempts:
        mark_stuck(run, why=HUNG, part=part, trail=trail)
