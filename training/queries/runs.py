"""Reads of runs: what is due, and how one ended."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from uuid import UUID

from django.db.models import Sum

from lineage.graph import EdgeKind
from training.driving import Due, FitView, RunView, Waiting, due
from training.errors import RunUnknown
from training.evidence import EvidenceClass
from training.forecast import Measured
from training.models import (
    ModelVersion,
    OutsideJob,
    Qualification,
    ShardFit,
    Snapshot,
    Stop,
    TrainingRun,
)
from training.queries.gates import verdicts_of
from training.queries.registry import scopes_over
from training.states import RUN_OPEN, RunState, VersionState
from training.summaries import GateSaid, OpenTraining, RunSummary


def run_numbered(run_id: UUID) -> TrainingRun:
    """Return a run."""
    run = (
        TrainingRun.objects.select_related("model__family", "source", "version", "parent")
        .filter(pk=run_id)
        .first()
    )
    if run is None:
        raise RunUnknown
    return run


def runs_of(model_id: int, *, newest: int) -> list[RunSummary]:
    """Return the newest runs of a model."""
    rows = TrainingRun.objects.filter(model_id=model_id).order_by("-created_at", "-pk")[:newest]
    return [run_summary(row.pk) for row in rows]


def open_trainings() -> list[OpenTraining]:
    """Return the runs whose version is not judged yet; a run that destroys holds nothing else."""
    rows = (
        TrainingRun.objects.filter(state__in=RUN_OPEN - {RunState.DESTROYING})
        .select_related("model", "parent")
        .order_by("model_id")
    )
    return [
        OpenTraining(
            model_id=row.model_id,
            model=row.model.name,
            source_node_id=row.source_id,
            parent_node_id=row.parent.node_id if row.parent else None,
            descent=EdgeKind(row.model.descent) if row.parent else None,
        )
        for row in rows
    ]


def loose_snapshots(family_ids: Collection[int]) -> list[str]:
    """Return the models of some families with a snapshot that nothing but its file vouches for.

    No living version is made of it and no open run fits it: a run began again, or failed, and the
    file is still there. So it is with what a failed run gave to an outside trainer.
    """
    rows = (
        Snapshot.objects.filter(model__family__in=list(family_ids), destroyed_at=None)
        .exclude(versions__in=ModelVersion.objects.exclude(state=VersionState.DESTROYED))
        .exclude(shardfit__run__state__in=RUN_OPEN - {RunState.DESTROYING})
    )
    given = OutsideJob.objects.filter(
        run__model__family__in=list(family_ids), run__state=RunState.FAILED, cleared_at=None
    )
    return sorted(
        {
            *rows.values_list("model__name", flat=True),
            *given.values_list("run__model__name", flat=True),
        }
    )


def open_run(model_id: int) -> UUID | None:
    """Return the run of a model that may still make a version of it."""
    return (
        TrainingRun.objects.filter(model_id=model_id, state__in=RUN_OPEN - {RunState.DESTROYING})
        .values_list("pk", flat=True)
        .first()
    )


def destroying_run(model_id: int) -> UUID | None:
    """Return the run of a model that waits for the destruction of what it doomed."""
    return (
        TrainingRun.objects.filter(model_id=model_id, state=RunState.DESTROYING)
        .values_list("pk", flat=True)
        .first()
    )


def fit_numbered(fit_id: int) -> ShardFit:
    """Return one shard of a run."""
    fit = (
        ShardFit.objects.select_related("run__model__family", "run__parent")
        .filter(pk=fit_id)
        .first()
    )
    if fit is None:
        raise RunUnknown
    return fit


def fitted_run(fit_id: int) -> UUID | None:
    """Return the run of a fit if all its shards are fitted."""
    fit = ShardFit.objects.filter(pk=fit_id, run__state=RunState.FITTING).first()
    if fit is None or ShardFit.objects.filter(run=fit.run_id, snapshot=None).exists():
        return None
    return fit.run_id


def snapshots_of(run_id: UUID) -> list[Snapshot]:
    """Return the snapshots that a run puts together; of a shard's slices the last one answers."""
    return list(Snapshot.objects.filter(shardfit__run=run_id).order_by("shard", "slice"))


def measured_fits(model_id: int) -> list[Measured]:
    """Return how long each part of a model took when it was fitted last."""
    fits = (
        ShardFit.objects.filter(
            run__model_id=model_id, reused=False, snapshot__seconds__isnull=False
        )
        .select_related("snapshot")
        .order_by("shard", "slice", "-snapshot__fitted_at", "-pk")
        .distinct("shard", "slice")
    )
    return [
        Measured(shard=fit.shard, slice=fit.slice, rows=fit.rows, seconds=fit.snapshot.seconds)
        for fit in fits
        if fit.snapshot is not None and fit.snapshot.seconds is not None
    ]


def seconds_of(run_id: UUID) -> float | None:
    """Return how long the fits of a run took together; None before there is any."""
    fits = ShardFit.objects.filter(run=run_id, reused=False, snapshot__seconds__isnull=False)
    total: float | None = fits.aggregate(total=Sum("snapshot__seconds"))["total"]
    return total


def snapshot_before(fit: ShardFit) -> Snapshot | None:
    """Return the snapshot of the slices before one, if they are fitted."""
    before = ShardFit.objects.filter(run=fit.run_id, shard=fit.shard, slice__lt=fit.slice)
    last = before.select_related("snapshot").order_by("-slice").first()
    return last.snapshot if last is not None else None


def next_slice(fit_id: int) -> int | None:
    """Return the first slice after one, of the same shard, that is not fitted yet."""
    fit = ShardFit.objects.filter(pk=fit_id).first()
    if fit is None or fit.snapshot_id is None:
        return None
    after = ShardFit.objects.filter(run=fit.run_id, shard=fit.shard, slice__gt=fit.slice)
    return after.filter(snapshot=None).order_by("slice").values_list("pk", flat=True).first()


def steps_due(
    *, most_attempts: int, now: datetime, run_ids: Iterable[UUID] | None = None
) -> list[Due]:
    """Return what may be done now, of all open runs or of some, the oldest run first."""
    rows = (
        TrainingRun.objects.filter(state__in=RUN_OPEN)
        .select_related("model")
        .prefetch_related("fits")
        .order_by("created_at", "pk")
    )
    if run_ids is not None:
        rows = rows.filter(pk__in=list(run_ids))
    stopped = set(Stop.objects.filter(lifted_at=None).values_list("scope", flat=True))
    views = [
        RunView(
            id=run.pk,
            model_id=run.model_id,
            state=RunState(run.state),
            waiting=_waiting(run),
            unfitted=tuple(FitView(id=fit.pk, waiting=_waiting(fit)) for fit in _to_fit(run)),
            stopped=not stopped.isdisjoint(scopes_over(run.model.name, pool=run.model.pool)),
        )
        for run in rows
    ]
    return [step for view in views for step in due(view, most_attempts=most_attempts, now=now)]


def _to_fit(run: TrainingRun) -> list[ShardFit]:
    """Return what is to be fitted now: of a shard's slices the first, the others go on from it."""
    unfitted = [fit for fit in run.fits.all() if fit.snapshot_id is None]
    first = {fit.shard: fit for fit in sorted(unfitted, key=lambda fit: -fit.slice)}
    return [fit for fit in unfitted if first[fit.shard] is fit]


def _waiting(work: TrainingRun | ShardFit) -> Waiting:
    return Waiting(lease_until=work.lease_until, not_before=work.not_before, attempts=work.attempts)


def run_summary(run_id: UUID) -> RunSummary:
    """Return how a run stands, with its evidence."""
    run = run_numbered(run_id)
    version = run.version
    judged = Qualification.objects.filter(version=version).first() if version else None
    return RunSummary(
        run_id=run.pk,
        model=run.model.name,
        state=RunState(run.state),
        reason=_why(run, judged),
        forced=run.forced,
        shards_hit=run.shards_hit,
        shards_total=run.shards_total,
        version=version.number if version else None,
        metrics=version.metrics if version else {},
        forecast=run.plan.get("forecast", {}),
        fitting_seconds=seconds_of(run.pk),
        evidence_class=_evidence_class(version, judged),
        evidence=_evidence(run, version, judged),
        gates=tuple(
            GateSaid(gate=said.gate, passed=said.passed, reason=said.reason, measured=said.measured)
            for said in verdicts_of(run.pk)
        ),
        finished_at=run.finished_at,
    )


def _why(run: TrainingRun, judged: Qualification | None) -> str:
    if judged is not None and not judged.passed:
        return judged.reason
    refusals = run.verdicts.filter(passed=False).order_by("pk")
    said = "; ".join(f"{verdict.gate}: {verdict.reason}" for verdict in refusals)
    return said or run.last_error


def _evidence(
    run: TrainingRun, version: ModelVersion | None, judged: Qualification | None
) -> Mapping[str, object]:
    """Return what the run leaves: class, digests, counts and verdicts, nobody's data."""
    gone = {"destroyed_at__gte": run.created_at}
    destroyed = ModelVersion.objects.filter(model_id=run.model_id, **gone).order_by("number")
    return {
        "source": str(run.source),
        "gates": {verdict.gate: verdict.passed for verdict in run.verdicts.order_by("pk")},
        "artefact": version.artefact_digest if version else None,
        "qualified": judged.passed if judged else None,
        "evidence class": _evidence_class(version, judged).value,
        "versions destroyed": list(destroyed.values_list("number", flat=True)),
        "snapshots destroyed": Snapshot.objects.filter(model_id=run.model_id, **gone).count(),
    }


def _evidence_class(version: ModelVersion | None, judged: Qualification | None) -> EvidenceClass:
    """Return as what a run counts for whoever left: without a version that may serve, as an end."""
    if version is None or judged is None or not judged.passed:
        return EvidenceClass.RETIRED
    return EvidenceClass(version.evidence_class)
