"""The work on one file or table: taken, reported step by step, finished or failed.

A worker holds a lease with a fencing token; whoever comes with an older token is refused, so two
workers never both report. Which people were found is written before anything there is replaced.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from audits.trail import Actor, audited
from deletion.actions.locks import lock_held_part, lock_run_of
from deletion.actions.stuck import DIED, attempt_failed, mark_stuck
from deletion.events import AttemptBegan, AttemptFailed, PartStep
from deletion.evidence import of_part
from deletion.models import DeletionRequest, Found, RequestIdentifier, RunPart
from deletion.rounds import GONE
from deletion.states import RequestState, RunState
from lineage.actions.leases import take as take_lease
from lineage.leases import Lease, Token, next_lease
from lineage.stores.errors import ChangedMeanwhile
from lineage.stores.protocol import Erasure, Step

_BEFORE_THE_SWAP: Final = frozenset({Step.FOUND, Step.STAGED, Step.VERIFIED})


def claim_part(  # noqa: PLR0913  # keyword-only; the surfaces read clock and settings
    *,
    part_id: int,
    owner: str,
    length: timedelta,
    most_attempts: int,
    actor: Actor,
    now: datetime,
) -> Lease | None:
    """Take a part to work on it; None while somebody has it, it is done, or it must wait.

    A claim counts as an attempt, since a worker that is killed cannot say that it failed.
    """
    with transaction.atomic():
        run = lock_run_of(part_id)
        part = RunPart.objects.select_for_update(no_key=True).filter(pk=part_id).first()
        if run is None or part is None or run.finished_at or part.finished_at:
            return None
        if part.not_before is not None and part.not_before > now:
            return None
        lease = next_lease(token=part.fencing_token, until=part.lease_until, now=now, length=length)
        if lease is None:
            return None
        if part.attempts >= most_attempts:
            if run.state == RunState.RUNNING:
                with audited(actor=actor, now=now) as trail:
                    mark_stuck(
                        run,
                        why=part.last_error or DIED,
                        part=part.name,
                        trail=trail,
                    )
            return None
        with audited(actor=actor, now=now) as trail:
            take_lease(part, lease=lease, owner=owner, now=now)
            trail.record(
                AttemptBegan(run_id=str(part.run_id), part=part.name, attempt=part.attempts),
                about=f"run/{part.run_id}",
            )
    return lease


def keep_part(*, part_id: int, token: Token, length: timedelta, now: datetime) -> bool:
    """Extend the lease of a worker that is alive, or say that it has passed on.

    Nothing happened, so nothing is recorded.
    """
    kept = RunPart.objects.filter(pk=part_id, fencing_token=token, finished_at=None)
    return kept.update(lease_until=now + length) > 0


def record_step(  # noqa: PLR0913  # keyword-only; the surfaces read clock and settings
    *,
    part_id: int,
    token: Token,
    step: Step,
    found: Collection[UUID],
    length: timedelta,
    actor: Actor,
    now: datetime,
) -> RunPart:
    """Note how far the erasure of a part has come, and durably who was found in it.

    Raises `LeaseLost` for a worker whose lease is not the newest, and `ChangedMeanwhile` if
    somebody found here was held since the work began; either way the adapter stops before its next
    step.
    """
    with audited(actor=actor, now=now) as trail:
        part = lock_held_part(part_id, token)
        requests = set(
            RequestIdentifier.objects.filter(pseudonym__in=list(found), leads=True).values_list(
                "request_id", flat=True
            )
        )
        suspended = DeletionRequest.objects.filter(pk__in=requests).exclude(
            state=RequestState.IN_PROGRESS
        )
        if step in _BEFORE_THE_SWAP and suspended.exists():
            raise ChangedMeanwhile("a request was suspended while its person was looked for")
        Found.objects.bulk_create(
            (Found(part=part, request_id=request) for request in sorted(requests)),
            ignore_conflicts=True,  # an earlier attempt may have found them
        )
        part.step = step.value
        part.lease_until = now + length
        part.save(update_fields=["step", "lease_until"])
        trail.record(
            PartStep(
                run_id=str(part.run_id),
                part=part.name,
                step=step.value,
                evidence={"people": len(requests) or len(found)},  # a replay: marks of no request
            ),
            about=f"run/{part.run_id}",
        )
    return part


def finish_part(  # noqa: PLR0913  # keyword-only
    *,
    part_id: int,
    token: Token,
    erasure: Erasure,
    proven_by: str,
    actor: Actor,
    now: datetime,
) -> RunPart:
    """Note that the second reader finds nobody in a part any more, with the evidence."""
    with audited(actor=actor, now=now) as trail:
        part = lock_held_part(part_id, token)
        part.step = Step.PROVEN.value
        part.digest = erasure.digest_after
        part.evidence = of_part(erasure, proven_by=proven_by, key=settings.PSEUDONYM_KEY)
        part.finished_at = now
        part.lease_until = None
        part.last_error = ""
        part.save(
            update_fields=[
                "step",
                "digest",
                "evidence",
                "finished_at",
                "lease_until",
                "last_error",
            ]
        )
        trail.record(
            PartStep(
                run_id=str(part.run_id),
                part=part.name,
                step=Step.PROVEN.value,
                evidence=part.evidence,
            ),
            about=f"run/{part.run_id}",
        )
    return part


def drop_part(*, part_id: int, token: Token, actor: Actor, now: datetime) -> RunPart:
    """Close a part that is not listed any more; the next listing finds what took its place.

    It is no evidence of an erasure. Whom an earlier attempt found in it was in this store, so that
    stays.
    """
    with audited(actor=actor, now=now) as trail:
        part = lock_held_part(part_id, token)
        part.step = GONE
        part.finished_at = now
        part.lease_until = None
        part.save(update_fields=["step", "finished_at", "lease_until"])
        trail.record(
            PartStep(run_id=str(part.run_id), part=part.name, step=GONE, evidence={}),
            about=f"run/{part.run_id}",
        )
    return part


def fail_part(  # noqa: PLR0913  # keyword-only; the surfaces read clock and settings
    *,
    part_id: int,
    token: Token,
    error: str,
    most_attempts: int,
    actor: Actor,
    now: datetime,
) -> RunPart:
    """Note that an attempt ended without a result; after the last one a person must look."""
    with audited(actor=actor, now=now) as trail:
        run = lock_run_of(part_id)
        part = lock_held_part(part_id, token)
        attempt_failed(part, error=error, now=now)
        trail.record(
            AttemptFailed(
                run_id=str(part.run_id), part=part.name, error=error, attempts=part.attempts
            ),
            about=f"run/{part.run_id}",
        )
        if run is not None and part.attempts >= most_attempts:
            mark_stuck(run, why=error, part=part.name, trail=trail)
    return part
