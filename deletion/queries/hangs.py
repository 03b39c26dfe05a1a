"""Which attempts work for longer than they can need: their workers live, but get nowhere."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from deletion.estimates import NO_HISTORY, hung_after
from deletion.models import Run, RunPart
from deletion.queries.workload import Key, histories, priors_of
from deletion.states import ObligationKind, RunState
from lineage.leases import Token
from lineage.models import LeasedWork
from training.models import ShardFit, TrainingRun
from training.states import RUN_OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class HungPart:
    """An attempt at one file or table, cut off only while its token is still the newest."""

    part_id: int
    token: Token


@dataclass(frozen=True, slots=True, kw_only=True)
class HungClosing:
    """An attempt at listing the parts of a place, and registering what is there."""

    run_id: UUID
    token: Token


@dataclass(frozen=True, slots=True, kw_only=True)
class HungFit:
    """An attempt at one shard of a training."""

    fit_id: int
    token: Token


@dataclass(frozen=True, slots=True, kw_only=True)
class HungStep:
    """An attempt at a step of a training as a whole."""

    run_id: UUID
    token: Token


Hung = HungPart | HungClosing | HungFit | HungStep


def hung_attempts(*, now: datetime) -> list[Hung]:
    """Return the attempts that have worked for longer than eight medians of their target.

    The runs of the target that succeeded are the measure, as `hung_after` says. Whose lease has run
    out is dead, not hung: somebody else takes that over.
    """
    past = histories()

    priors = priors_of(past)

    def has_hung(work: LeasedWork, key: Key) -> bool:
        kind = ObligationKind.RETRAIN if key[0] is None else ObligationKind.ERASE
        limit = hung_after(past.get(key, NO_HISTORY), prior=priors[kind], kills=work.attempts - 1)
        return work.leased_at is not None and now - work.leased_at > limit

    alive = {"lease_until__gt": now}
    found: list[Hung] = [
        HungPart(part_id=part.pk, token=Token(part.fencing_token))
        for part in RunPart.objects.filter(**alive, finished_at=None).select_related("run")
        if has_hung(part, (part.run.store_id, None))
    ]
    found += [
        HungClosing(run_id=run.pk, token=Token(run.fencing_token))
        for run in Run.objects.filter(**alive, state=RunState.RUNNING, store__isnull=False)
        if has_hung(run, (run.store_id, None))
    ]
    trainings = TrainingRun.objects.filter(
        deletion_run__state=RunState.RUNNING,
        state__in=sorted(state.value for state in RUN_OPEN),
    )
    fits = ShardFit.objects.filter(**alive, run__in=trainings, snapshot=None)
    found += [
        HungFit(fit_id=fit.pk, token=Token(fit.fencing_token))
        for fit in fits.select_related("run")
        if has_hung(fit, (None, fit.run.model_id))
    ]
    found += [
        HungStep(run_id=run.pk, token=Token(run.fencing_token))
        for run in trainings.filter(**alive)
        if has_hung(run, (None, run.model_id))
    ]
    return found
