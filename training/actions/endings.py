"""Steps that several actions end with, in their transaction: withdraw, doom, warn."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from audits.actions import answer_alerts, raise_alert
from audits.trail import Actor, Trail
from training.events import JobEnded, SnapshotsDoomed, VersionsDoomed, VersionWithdrawn
from training.models import Model, ModelRelease, ModelVersion, Snapshot, TrainingRun
from training.states import JobState, RunState, VersionState, require_version_move

NO_VERSION_SERVES: Final = "no-version-serves"
TRAINING_REFUSED: Final = "training-refused"
TRAINING_FAILED: Final = "training-failed"
ARTEFACT_DAMAGED: Final = "artefact-damaged"
RELEASE_ENDS: Final = "release-ends-soon"
RELEASE_ENDED: Final = "release-ended"

_STILL_FITTING: Final = [RunState.WAITING, RunState.CHECKING, RunState.FITTING, RunState.JUDGING]


def withdraw_row(version: ModelVersion, *, because: str, trail: Trail) -> None:
    """Take a version out of use for ever."""
    if version.state in {VersionState.WITHDRAWN, VersionState.DESTROYED}:
        return
    require_version_move(VersionState(version.state), VersionState.WITHDRAWN)
    version.state = VersionState.WITHDRAWN
    version.withdrawn_at = trail.now
    version.save(update_fields=["state", "withdrawn_at"])
    ModelRelease.objects.filter(version=version).update(withdrawn_at=trail.now)
    trail.record(
        VersionWithdrawn(model=version.model.name, version=version.number, because=because),
        about=f"model/{version.model.name}",
    )


def doom_versions(
    model: Model, versions: Sequence[ModelVersion], *, because: str, trail: Trail
) -> None:
    """Withdraw versions and have their artefacts destroyed."""
    if not versions:
        return
    for version in versions:
        withdraw_row(version, because=because, trail=trail)
        version.doomed_at = trail.now
        version.save(update_fields=["doomed_at"])
    trail.record(
        VersionsDoomed(model=model.name, versions=tuple(version.number for version in versions)),
        about=f"model/{model.name}",
    )


def doom_unused(model: Model, *, trail: Trail) -> None:
    """Have every snapshot destroyed that belongs to no version which stays.

    Those of a run that is still fitting stay; its end decides about them.
    """
    unused = (
        Snapshot.objects.filter(model=model, doomed_at=None, destroyed_at=None)
        .exclude(versions__in=ModelVersion.objects.filter(model=model, doomed_at=None))
        .exclude(shardfit__run__state__in=_STILL_FITTING)
    )
    # Ids first: an UPDATE over these joins would read the tables twice.
    ids = list(unused.values_list("pk", flat=True))
    if ids:
        Snapshot.objects.filter(pk__in=ids).update(doomed_at=trail.now)
        trail.record(
            SnapshotsDoomed(model=model.name, snapshots=len(ids)), about=f"model/{model.name}"
        )


def living(model: Model) -> list[ModelVersion]:
    """Return the versions that are not destroyed and need not be, oldest first."""
    rows = ModelVersion.objects.select_for_update(no_key=True, of=("self",)).filter(
        model=model, doomed_at=None, destroyed_at=None
    )
    return list(rows.select_related("model").order_by("number"))


def end_jobs(run: TrainingRun, *, states: Sequence[JobState], trail: Trail) -> None:
    """Cancel what outside trainers do for a run; the sweeps end it, and destroy what they got."""
    for job in run.jobs.select_for_update(no_key=True).filter(state__in=states).order_by("number"):
        job.state = JobState.CANCELLED
        job.ended_at = trail.now
        job.save(update_fields=["state", "ended_at"])
        trail.record(
            JobEnded(run_id=str(run.pk), job=job.number, state=job.state, error=""),
            about=f"training/{run.pk}",
        )


def warn(
    model: Model, *, kind: str, detail: dict[str, object], actor: Actor, now: datetime
) -> None:
    """Ask people to look at a model."""
    raise_alert(kind=kind, about=f"model/{model.name}", detail=detail, actor=actor, now=now)


def warn_that_nothing_serves(model: Model, *, actor: Actor, now: datetime) -> None:
    """Ask people to look at a model whose fallback has to answer from now on."""
    detail: dict[str, object] = {"fallback": model.fallback}
    warn(model, kind=NO_VERSION_SERVES, detail=detail, actor=actor, now=now)


def calm(model: Model, *, version: int, actor: Actor, now: datetime) -> None:
    """Close what a released version has answered."""
    answer_alerts(
        about=f"model/{model.name}",
        kinds={
            NO_VERSION_SERVES,
            TRAINING_REFUSED,
            TRAINING_FAILED,
            RELEASE_ENDS,
            RELEASE_ENDED,
        },
        resolution=f"version {version} was released",
        actor=actor,
        now=now,
    )
