"""One shard of a run: claimed by a worker, fitted outside, kept as a snapshot."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from audits.trail import Actor, audited
from lineage.actions.leases import take as take_lease
from lineage.leases import Lease, Token, next_lease
from training.actions.endings import ARTEFACT_DAMAGED, warn
from training.actions.locks import lock_fit, lock_held, lock_held_fit
from training.events import FitClaimed, ShardFitted, SnapshotsRefused
from training.models import ShardFit, Snapshot
from training.queries import is_stopped
from training.states import JobState, RunState


def claim_fit(  # noqa: PLR0913  # keyword-only; the surfaces read clock and settings
    *, fit_id: int, most_attempts: int, owner: str, length: timedelta, actor: Actor, now: datetime
) -> Lease | None:
    """Take a shard to fit it; None if it must wait, is held by somebody, or is done."""
    with transaction.atomic():
        fit = lock_fit(fit_id)
        if fit is None:
            return None
        lease = next_lease(token=fit.fencing_token, until=fit.lease_until, now=now, length=length)
        is_ready = (
            fit.snapshot_id is None
            and not (fit.not_before and fit.not_before > now)
            and fit.attempts < most_attempts
            and not is_stopped(fit.run.model.name)
        )
        if lease is None or not is_ready:
            return None
        if fit.run.jobs.filter(state=JobState.RUNNING).exists():
            # Somebody looks after a trainer at work outside: that is no fact of its own.
            take_lease(fit, lease=lease, owner=owner, now=now)
            return lease
        with audited(actor=actor, now=now) as trail:
            take_lease(fit, lease=lease, owner=owner, now=now)
            trail.record(
                FitClaimed(
                    run_id=str(fit.run_id), shard=fit.shard, slice=fit.slice, token=lease.token
                ),
                about=f"training/{fit.run_id}",
            )
    return lease


def keep_fit(*, fit_id: int, token: Token, length: timedelta, now: datetime) -> bool:
    """Extend a lease while its worker lives; False if it has another one now. Records nothing."""
    with transaction.atomic():
        fit = ShardFit.objects.select_for_update(no_key=True).filter(pk=fit_id).first()
        if fit is None or fit.fencing_token != token or fit.snapshot_id is not None:
            return False
        fit.lease_until = now + length
        fit.save(update_fields=["lease_until"])
    return True


def finish_fit(  # noqa: PLR0913  # keyword-only, one a field
    *,
    fit_id: int,
    token: Token,
    file: str,
    digest: str,
    seconds: float | None = None,
    actor: Actor,
    now: datetime,
) -> Snapshot:
    """Keep the snapshot of a shard. The file is written and flushed before this."""
    with audited(actor=actor, now=now) as trail:
        fit = lock_held_fit(fit_id, token)
        snapshot = Snapshot.objects.create(
            model=fit.run.model,
            shard=fit.shard,
            slice=fit.slice,
            key=fit.key,
            file=file,
            digest=digest,
            fitted_at=now,
            seconds=seconds,
        )
        fit.snapshot = snapshot
        fit.lease_until = None
        fit.fencing_token += 1  # a slow worker's second report is refused
        fit.save(update_fields=["snapshot", "lease_until", "fencing_token"])
        trail.record(
            ShardFitted(
                run_id=str(fit.run_id),
                shard=fit.shard,
                slice=fit.slice,
                key=fit.key,
                snapshot=digest,
            ),
            about=f"training/{fit.run_id}",
        )
    return snapshot


def fit_again(
    *, run_id: UUID, token: Token, snapshot_ids: Collection[int], actor: Actor, now: datetime
) -> RunState:
    """Discard snapshots whose files are not as they were written, and fit their shards again."""
    with audited(actor=actor, now=now) as trail:
        run = lock_held(run_id, token, state=RunState.FITTING)
        damaged = Snapshot.objects.filter(pk__in=list(snapshot_ids), model=run.model)
        shards = sorted(set(damaged.values_list("shard", flat=True)))
        damaged.update(doomed_at=now)
        fits = run.fits.filter(snapshot__in=damaged)
        fits.update(snapshot=None, reused=False, attempts=0, not_before=None)
        run.shards_hit = run.fits.filter(reused=False).values("shard").distinct().count()
        run.lease_until = None
        run.fencing_token += 1
        run.attempts = 0
        run.save(update_fields=["shards_hit", "lease_until", "fencing_token", "attempts"])
        trail.record(
            SnapshotsRefused(run_id=str(run.pk), shards=tuple(shards)),
            about=f"training/{run.pk}",
        )
        warn(
            run.model,
            kind=ARTEFACT_DAMAGED,
            detail={"run": str(run.pk), "shards": shards},
            actor=actor,
            now=now,
        )
    return RunState(run.state)
