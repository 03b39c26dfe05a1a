"""Reads of the work that was given to outside trainers."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from lineage.graph import VersionState as DatasetState
from lineage.models import DatasetVersion
from lineage.queries import suppressed
from training.errors import JobUnknown
from training.models import OutsideJob
from training.outside.contract import Watermark, Work
from training.states import JobState, RunState

KEPT_LOG: Final = timedelta(days=1)
"""How long what the trainer of a failed run has printed is kept."""

_OVER: Final = [RunState.DESTROYING, RunState.SUCCEEDED, RunState.REFUSED]


def job_numbered(job_id: int) -> OutsideJob:
    """Return a piece of work."""
    job = OutsideJob.objects.select_related("run__model").filter(pk=job_id).first()
    if job is None:
        raise JobUnknown
    return job


def usable_job(run_id: UUID, *, work: Work, version_id: int | None) -> OutsideJob | None:
    """Return work of a run that is under way, or done already."""
    return (
        OutsideJob.objects.select_related("run__model")
        .filter(
            run=run_id,
            work=work,
            version=version_id,
            state__in=[JobState.RUNNING, JobState.SUCCEEDED],
        )
        .order_by("-number")
        .first()
    )


def failed_predictions(run_id: UUID, *, version_id: int) -> int:
    """Count how often in a run the trainer could not say what a version predicts."""
    return OutsideJob.objects.filter(
        run=run_id, version=version_id, state__in=[JobState.FAILED, JobState.LOST]
    ).count()


def jobs_of(run_id: UUID) -> list[OutsideJob]:
    """Return the work of a run, in the order in which it was given out."""
    return list(
        OutsideJob.objects.filter(run=run_id)
        .select_related("run__model", "version")
        .order_by("number")
    )


def watermark_of(dataset: DatasetVersion, *, now: datetime) -> Watermark:
    """Return who is excluded from a dataset version: all who left it, and all on the list.

    Who is on the list is not in the index, so reading refuses their rows as those of a stranger.
    """
    digest, count = sha256(), 0
    tags = suppressed(now=now).order_by("tag").values_list("tag", flat=True)
    for tag in tags.iterator(chunk_size=50_000):
        digest.update(tag.bytes)
        count += 1
    return Watermark(version=dataset.seq, forgotten=count, digest=digest.hexdigest())


def doomed_jobs(*, now: datetime, model_id: int | None = None) -> QuerySet[OutsideJob]:
    """Return the ended work of which something has to be destroyed now.

    The rows and what was made of them go when their run is over, or began again; so does the log.
    Of a run that failed the log is kept for a day, unless its training set was replaced: then
    somebody may have left it.
    """
    ended = OutsideJob.objects.filter(ended_at__isnull=False, cleared_at=None)
    if model_id is not None:
        ended = ended.filter(run__model=model_id)
    replaced = DatasetVersion.objects.filter(node=OuterRef("run__source")).exclude(
        state=DatasetState.CLEAR
    )
    return (
        ended.annotate(is_replaced=Exists(replaced))
        .filter(
            Q(state=JobState.CANCELLED)
            | Q(run__state__in=_OVER)
            | Q(run__state=RunState.FAILED, emptied_at=None)
            | Q(run__state=RunState.FAILED, ended_at__lte=now - KEPT_LOG)
            | Q(run__state=RunState.FAILED, is_replaced=True)
        )
        .select_related("run__model")
        .order_by("pk")
    )


def keeps_log(job: OutsideJob, *, now: datetime) -> bool:
    """Say whether the log of doomed work is kept for now."""
    if job.run.state != RunState.FAILED or job.state == JobState.CANCELLED:
        return False
    is_clear = DatasetVersion.objects.filter(
        node=job.run.source_id, state=DatasetState.CLEAR
    ).exists()
    return is_clear and job.ended_at is not None and job.ended_at > now - KEPT_LOG
