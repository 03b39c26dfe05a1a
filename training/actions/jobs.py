"""The work that is given to outside trainers: opened, submitted, watched, ended, cleared away."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max

from audits.trail import Actor, audited
from lineage.errors import LeaseLost
from training.actions.locks import lock_held, lock_held_fit, lock_run
from training.actions.moves import cancel
from training.errors import JobEnded as JobHasEnded
from training.errors import JobUnknown, MoveNotAllowed
from training.events import JobAnswered, JobDestroyed, JobEnded, JobOpened, JobSubmitted
from training.jobs import Holding
from training.models import OutsideJob, ShardFit, TrainingRun
from training.outside.contract import Given, Watermark, Work, key_of
from training.states import RUN_OPEN, JobState, RunState

_SLOTS: Final = 7502  # advisory lock: one worker at a time counts the slots of a pool
_USABLE: Final = [JobState.RUNNING, JobState.SUCCEEDED]


def open_job(  # noqa: PLR0913  # keyword-only: everything that makes one piece of work another
    *,
    holding: Holding,
    work: Work,
    version_id: int | None,
    revision: str,
    watermark: Watermark,
    limit: timedelta,
    slots: int,
    actor: Actor,
    now: datetime,
) -> OutsideJob | None:
    """Return the work that is under way or done already, or open another attempt at it.

    None while as many trainings as the pool has slots are at work outside.
    """
    with transaction.atomic():
        run = _run_of(_held(holding))
        mine = run.jobs.filter(work=work, version=version_id)
        known = mine.filter(state__in=_USABLE).order_by("-number").first()
        if known is not None:
            return known
        if work is Work.TRAIN and not _has_slot(run.model.pool, slots):
            return None
        number = (run.jobs.aggregate(last=Max("number"))["last"] or 0) + 1
        with audited(actor=actor, now=now) as trail:
            job = OutsideJob.objects.create(
                run=run,
                number=number,
                work=work,
                version_id=version_id,
                key=key_of(
                    model=run.model.name,
                    dataset=str(run.source),
                    watermark=watermark,
                    run=str(run.pk),
                    work=work,
                    attempt=number,
                ),
                revision=revision,
                watermark=watermark.as_json(),
                state=JobState.RUNNING,
                created_at=now,
                due_at=now + limit,
            )
            trail.record(
                JobOpened(
                    run_id=str(run.pk),
                    job=number,
                    work=work.value,
                    key=job.key,
                    trainer=revision,
                    watermark=watermark.version,
                    excluded_by=watermark.digest,
                ),
                about=f"training/{run.pk}",
            )
    return job


def note_submitted(  # noqa: PLR0913  # keyword-only, one a field
    *,
    job_id: int,
    holding: Holding,
    handle: str,
    spec_digest: str,
    given: Given,
    actor: Actor,
    now: datetime,
) -> None:
    """Keep by which handle the trainer knows the work, and what it was given."""
    with audited(actor=actor, now=now) as trail:
        job = _running(job_id, holding)
        job.handle = handle
        job.spec_digest = spec_digest
        job.given = given.as_json()
        job.save(update_fields=["handle", "spec_digest", "given"])
        trail.record(
            JobSubmitted(run_id=str(job.run_id), job=job.number, spec=spec_digest, rows=given.rows),
            about=f"training/{job.run_id}",
        )


def watch_job(*, job_id: int, holding: Holding, progress: int | None, is_missed: bool) -> int:
    """Keep how the work stands; return how many questions in a row had no answer.

    It records nothing: that a trainer is still at work is no fact that anybody asks about later.
    """
    with transaction.atomic():
        job = _running(job_id, holding)
        misses = job.misses + 1 if is_missed else 0
        said = job.progress if progress is None else progress
        if (misses, said) != (job.misses, job.progress):
            job.misses = misses
            job.progress = said
            job.save(update_fields=["misses", "progress"])
    return misses


def end_job(  # noqa: PLR0913  # keyword-only, one a field
    *,
    job_id: int,
    holding: Holding,
    state: JobState,
    error: str = "",
    said: Mapping[str, object] | None = None,
    actor: Actor,
    now: datetime,
) -> None:
    """Note how the work ended; from now on its messages are refused."""
    with audited(actor=actor, now=now) as trail:
        job = _running(job_id, holding)
        job.state = state
        job.error = error[:500]
        job.said = dict(said or {})
        job.ended_at = now
        job.save(update_fields=["state", "error", "said", "ended_at"])
        trail.record(
            JobEnded(run_id=str(job.run_id), job=job.number, state=state.value, error=job.error),
            about=f"training/{job.run_id}",
        )


def note_answer(*, job_id: int, answer: bytes, actor: Actor, now: datetime) -> bool:
    """Keep that a service says its work has ended, so that a worker looks at once.

    The same again changes nothing and is False; something else, or of work that has ended,
    raises `JobEnded`.
    """
    digest = sha256(answer).hexdigest()
    with transaction.atomic():
        run_id = OutsideJob.objects.filter(pk=job_id).values_list("run_id", flat=True).first()
        if run_id is None:
            raise JobUnknown
        run = lock_run(run_id)  # before its jobs, as everywhere
        job = OutsideJob.objects.select_for_update(no_key=True).get(pk=job_id)
        if job.state != JobState.RUNNING or job.answer_digest not in {"", digest}:
            raise JobHasEnded
        if job.answer_digest:
            return False
        with audited(actor=actor, now=now) as trail:
            job.answer_digest = digest
            job.save(update_fields=["answer_digest"])
            TrainingRun.objects.filter(pk=run.pk).update(not_before=None)
            run.fits.filter(snapshot=None).update(not_before=None)
            trail.record(
                JobAnswered(run_id=str(job.run_id), job=job.number, answer=digest),
                about=f"training/{job.run_id}",
            )
    return True


def let_wait(*, holding: Holding, until: datetime) -> None:
    """Give a lease back while a trainer is at work outside: to look after it is no attempt.

    It records nothing, for nothing has changed but who looks next.
    """
    with transaction.atomic():
        work = _held(holding)
        work.lease_until = None
        work.not_before = until
        work.attempts = max(work.attempts - 1, 0)
        work.save(update_fields=["lease_until", "not_before", "attempts"])


def cancel_run(*, run_id: UUID, actor: Actor, now: datetime) -> RunState:
    """End a run before it comes to a version; what an outside trainer does for it is ended, too.

    One that a deletion needs is asked for again by it.
    """
    with audited(actor=actor, now=now) as trail:
        run = lock_run(run_id)
        if run.state not in RUN_OPEN - {RunState.DESTROYING}:
            raise MoveNotAllowed(run.state, RunState.FAILED)
        cancel(run, trail=trail)
    return RunState(run.state)


def mark_job_destroyed(*, job_id: int, log: bool, actor: Actor, now: datetime) -> bool:
    """Note that the folder of ended work is empty, or gone; the caller has looked for it again."""
    with transaction.atomic():
        job = OutsideJob.objects.select_for_update(no_key=True).filter(pk=job_id).first()
        if job is None:
            raise JobUnknown
        if job.ended_at is None or job.cleared_at or (job.emptied_at and not log):
            return False
        with audited(actor=actor, now=now) as trail:
            job.emptied_at = job.emptied_at or now
            job.cleared_at = now if log else None
            job.save(update_fields=["emptied_at", "cleared_at"])
            trail.record(
                JobDestroyed(run_id=str(job.run_id), job=job.number, log=log),
                about=f"training/{job.run_id}",
            )
    return True


def _held(holding: Holding) -> ShardFit | TrainingRun:
    """Lock what a worker holds, or raise `LeaseLost`."""
    if holding.fit_id is not None:
        return lock_held_fit(holding.fit_id, holding.token)
    return lock_held(holding.run_id, holding.token, state=RunState.JUDGING)


def _run_of(work: ShardFit | TrainingRun) -> TrainingRun:
    return work.run if isinstance(work, ShardFit) else work


def _running(job_id: int, holding: Holding) -> OutsideJob:
    """Lock work that has not ended, for the worker that looks after it."""
    run = _run_of(_held(holding))
    jobs = OutsideJob.objects.select_for_update(no_key=True)
    job = jobs.filter(pk=job_id, run=run, state=JobState.RUNNING).first()
    if job is None:
        raise LeaseLost
    return job


def _has_slot(pool: str, slots: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SLOTS])
    at_work = OutsideJob.objects.filter(
        run__model__pool=pool, work=Work.TRAIN, state=JobState.RUNNING
    )
    return at_work.count() < slots
