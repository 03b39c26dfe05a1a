"""Has outside trainers work: gives them their rows, looks after them, checks what they return.

Each visit is short. Work that is not done is left alone until the next one, by whichever worker
comes first; its key and its folder are all that a worker has to know.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from django.utils import timezone
from typing_extensions import override

from audits.trail import Actor
from lineage.leases import Token
from lineage.sharding import Shard
from training import actions, artefacts, queries
from training.columns import Feature
from training.errors import ResultDisagrees, TrainerFailed, TrainerLost
from training.fitting import read_whole
from training.jobs import Holding
from training.models import ModelVersion, OutsideJob, ShardFit, TrainingRun
from training.outside.contract import (
    FILES,
    MADE,
    Collected,
    Driver,
    Given,
    Standing,
    Work,
    metrics_in,
    predictions_in,
    require_agreement,
)
from training.outside.declared import OutsideTrainer
from training.outside.inbox import token_of
from training.outside.specs import Told, spec_of
from training.plans import PlannedShard, digest_of, planned_features
from training.pools import training_pool
from training.reading import WHOLE
from training.states import JobState
from training.trainers.protocol import Predictions, Predictor

MOST_MISSES: Final = 3
MOST_FAILURES: Final = 2  # to predict with a champion: it must not hold up somebody's deletion
VISIT_SECONDS: Final = 45.0  # a message in the broker is short work
AGAIN: Final = timedelta(seconds=5)
_FIRST_LOOK: Final = 0.05  # seconds
_LAST_LOOK: Final = 2.0

Inputs = Mapping[str, pa.Table | bytes]


class StillAtWork(Exception):
    """The trainer is at work, or waits for a slot: somebody looks again later."""

    def __init__(self, *, after: timedelta = AGAIN) -> None:
        """Say how much later."""
        super().__init__()
        self.after = after


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One worker's look after the work of one step."""

    run: TrainingRun
    trainer: OutsideTrainer
    holding: Holding
    actor: Actor

    @property
    def driver(self) -> Driver:
        """Return what drives the trainer."""
        return queries.driver_of(self.trainer, model_id=self.run.model_id)


def fitted(row: ShardFit, *, trainer: OutsideTrainer, token: Token, actor: Actor) -> bytes:
    """Return the artefact that an outside trainer made of everybody whom training may see."""
    holding = Holding(run_id=row.run_id, token=token, fit_id=row.pk)
    visit = Visit(run=row.run, trainer=trainer, holding=holding, actor=actor)

    def inputs() -> Inputs:
        origin = queries.origin_of(row.run.source_id)
        planned = PlannedShard(
            shard=Shard(row.shard), key=row.key, people=row.people, rows=row.rows
        )
        rows = read_whole(
            queries.source_of(origin.dataset),
            planned_features(row.run.plan),
            planned=planned,
            recipe=queries.recipe_of(row.run),
        )
        return {"rows": rows.data.table}

    return _made(visit, Work.TRAIN, version=None, inputs=inputs).output


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsidePredictor(Predictor):
    """Bytes that nobody here can read: whoever made them is asked what they say about rows."""

    visit: Visit
    version: ModelVersion
    artefact: bytes

    @property
    @override
    def features(self) -> Sequence[Feature]:
        return planned_features(self.version.manifest)

    @override
    def predict(self, table: pa.Table) -> Predictions:
        asked = table.select([feature.name for feature in self.features])
        given: Inputs = {"rows": asked, "artefact": self.artefact}
        made = _made(self.visit, Work.PREDICT, version=self.version, inputs=lambda: given)
        return predictions_in(made.output, rows=asked.num_rows)


def clear_away(model_id: int, *, actor: Actor) -> int:
    """End what is cancelled, and destroy what ended work was given and left; return how much."""
    gone = 0
    root = Path(settings.ARTEFACT_DIR)
    for job in queries.doomed_jobs(now=timezone.now(), model_id=model_id):
        if not queries.driver_to_cancel(job).cancel(job.handle or job.key):
            continue  # something of it is still at work: the next sweep looks again
        log_stays = queries.keeps_log(job, now=timezone.now())
        except_for = ("log",) if log_stays else ()
        artefacts.destroy_folder(root, queries.folder_of(job), except_for=except_for)
        gone += actions.mark_job_destroyed(
            job_id=job.pk, log=not log_stays, actor=actor, now=timezone.now()
        )
    return gone


def _made(
    visit: Visit, work: Work, *, version: ModelVersion | None, inputs: Callable[[], Inputs]
) -> Collected:
    """Return what a trainer made, checked; raise `StillAtWork` while there is nothing yet."""
    job = _job(visit, work, version)
    driver = visit.driver
    if job.state == JobState.RUNNING:
        if not job.handle:
            _submit(visit, job, driver, inputs())
        _look_after(visit, job, driver)
    given = Given(digests=job.given["digests"], rows=job.given["rows"])
    try:
        collected = driver.collect(job.handle)
        require_agreement(collected.said, key=job.key, given=given, output=collected.output)
        metrics = metrics_in(collected.said)
        if work is Work.PREDICT:
            predictions_in(collected.output, rows=given.rows)
    except ResultDisagrees as disagreement:
        _end(visit, job, JobState.FAILED, error=f"ResultDisagrees: {disagreement}")
        raise
    said = {"read": given.as_json(), "output": collected.said["output"], "metrics": metrics}
    _end(visit, job, JobState.SUCCEEDED, said=said)
    return collected


def _job(visit: Visit, work: Work, version: ModelVersion | None) -> OutsideJob:
    run, now = visit.run, timezone.now()
    version_id = version.pk if version else None
    known = queries.usable_job(run.pk, work=work, version_id=version_id)
    if known is not None:
        return known
    job = actions.open_job(
        holding=visit.holding,
        work=work,
        version_id=version_id,
        revision=visit.trainer.revision,
        watermark=queries.watermark_of(queries.origin_of(run.source_id).dataset, now=now),
        limit=timedelta(seconds=visit.trainer.limit_seconds),
        slots=settings.POOL_SLOTS_OF.get(training_pool(run.model.pool), settings.POOL_SLOTS),
        actor=visit.actor,
        now=now,
    )
    if job is None:
        raise StillAtWork
    return job


def _submit(visit: Visit, job: OutsideJob, driver: Driver, inputs: Inputs) -> None:
    """Write what the trainer may read, and tell it; again after a crash it finds itself at work."""
    folder = artefacts.private_folder(Path(settings.ARTEFACT_DIR), queries.folder_of(job))
    (folder / "input").mkdir(mode=0o700, exist_ok=True)
    places = {name: folder / "input" / FILES[name] for name in inputs}
    for name, place in places.items():
        _write_once(place, inputs[name])
    table = inputs["rows"]
    given = Given(
        digests={name: sha256(place.read_bytes()).hexdigest() for name, place in places.items()},
        rows=table.num_rows if isinstance(table, pa.Table) else 0,
    )
    work = Work(job.work)
    inputs_at = {name: str(place) for name, place in places.items()}
    output_at = {
        "result": str(folder / "output" / "result.json"),
        "made": str(folder / "output" / MADE[work]),
    }
    if visit.trainer.url:
        inputs_at = {name: queries.address_of_input(job, name) for name in places}
        output_at = queries.addresses_of(job)
    spec = spec_of(
        _told(visit, job),
        work=work,
        key=job.key,
        job=job.number,
        rows=given.rows,
        inputs=inputs_at,
        output=output_at,
    )
    try:
        job.handle = driver.submit({**spec, **_token(visit, job)}, job.key)
    except TrainerFailed as trouble:
        _end(visit, job, JobState.FAILED, error=f"TrainerFailed: {trouble}")
        raise
    job.given = given.as_json()
    actions.note_submitted(
        job_id=job.pk,
        holding=visit.holding,
        handle=job.handle,
        spec_digest=digest_of(spec),
        given=given,
        actor=visit.actor,
        now=timezone.now(),
    )


def _token(visit: Visit, job: OutsideJob) -> dict[str, str]:
    """Return the token by which a service reads and brings; a command needs none."""
    if not visit.trainer.url:
        return {}
    if not settings.PUBLIC_URL:
        raise TrainerFailed("PUBLIC_URL is not set, so no service can read what it is given")
    key = settings.WEBHOOK_SIGNING_KEY
    return {"token": token_of(job.number, key=job.key, signing_key=key)}


def _told(visit: Visit, job: OutsideJob) -> Told:
    run = visit.run
    origin = queries.origin_of(run.source_id)
    features: tuple[Feature, ...] = planned_features(run.plan)
    return Told(
        run=str(run.pk),
        model=run.model.name,
        trainer=job.revision,
        dataset=str(origin.node),
        members=origin.dataset.member_digest,
        label=origin.dataset.family.label,
        features=features,
        parameters=run.model.parameters,
        seed=queries.recipe_of(run).seed_of(WHOLE),
        watermark=job.watermark,
        limit_seconds=visit.trainer.limit_seconds,
    )


def _look_after(visit: Visit, job: OutsideJob, driver: Driver) -> None:
    """Return when there is a result; raise if there will be none, or none for now."""
    until = time.monotonic() + VISIT_SECONDS
    pause = _FIRST_LOOK
    while True:
        now = timezone.now()
        polled = driver.poll(job.handle)
        if polled.standing is Standing.SUCCEEDED:
            return
        if polled.standing is Standing.FAILED:
            _end(visit, job, JobState.FAILED, error=polled.trouble)
            raise TrainerFailed(polled.trouble)
        misses = actions.watch_job(
            job_id=job.pk,
            holding=visit.holding,
            progress=polled.progress,
            is_missed=polled.standing is Standing.UNKNOWN,
        )
        if misses >= MOST_MISSES:
            driver.cancel(job.handle)
            _end(visit, job, JobState.LOST, error=polled.trouble)
            raise TrainerLost(polled.trouble)
        if now > job.due_at:
            driver.cancel(job.handle)
            said = f"it took longer than its limit of {visit.trainer.limit_seconds:g} seconds"
            _end(visit, job, JobState.FAILED, error=said)
            raise TrainerFailed(said)
        if visit.trainer.url or time.monotonic() > until:
            raise StillAtWork(after=_pause(visit.trainer))  # a service may call back meanwhile
        time.sleep(pause)
        pause = min(2 * pause, _LAST_LOOK)


def _pause(trainer: OutsideTrainer) -> timedelta:
    return timedelta(seconds=trainer.poll_seconds) if trainer.url else AGAIN


def _end(
    visit: Visit,
    job: OutsideJob,
    state: JobState,
    *,
    error: str = "",
    said: Mapping[str, object] | None = None,
) -> None:
    if job.state != JobState.RUNNING:
        return
    actions.end_job(
        job_id=job.pk,
        holding=visit.holding,
        state=state,
        error=error,
        said=said,
        actor=visit.actor,
        now=timezone.now(),
    )
    job.state = state


def _write_once(place: Path, content: pa.Table | bytes) -> None:
    """Write a file unless it is there: a trainer may be reading it already."""
    if place.exists():
        return
    staged = place.with_suffix(".staged")
    if isinstance(content, bytes):
        staged.write_bytes(content)
    else:
        pq.write_table(content, staged, compression="zstd", store_schema=False)
    staged.chmod(0o400)
    with staged.open("rb") as file:
        os.fsync(file.fileno())
    staged.replace(place)
