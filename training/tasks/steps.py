"""The steps of a run: claim the row, work outside any transaction, report.

Each returns whether there was anything to do; nothing is sent from here.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Final
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from audits.trail import Actor
from lineage.leases import Token
from lineage.queries import columns_of
from lineage.sharding import HOLD_OUT, Shard
from training import actions, artefacts, queries
from training.checking import Checked, check_people, check_release, refusal
from training.driving import Step
from training.errors import ArtefactMismatch, DataRefused, VersionNotServable
from training.fitting import fit_release, fit_rows, read_shard
from training.gates import Gate, Rules
from training.jobs import Holding
from training.measuring import measure
from training.models import ModelVersion, ShardFit, TrainingRun
from training.outside.declared import OutsideTrainer
from training.plans import PlannedShard, planned_features, planned_once
from training.queries import Origin
from training.reading import ShardRows
from training.states import RunState
from training.tasks import outside
from training.tasks.attempts import attempt, looked_after
from training.tasks.parents import fitting, parent_of
from training.tested import inputs_tested
from training.trainers.protocol import Predictor

TRAINER: Final = Actor("task:training")


def destroy_doomed(model_id: int) -> bool:
    """Unlink every doomed file of a model, look again, and note what is gone.

    While a run is destroying, nobody else writes files of its model: what no row names then was
    left behind by a worker that died, and goes as well. So it is with a model that was given up.
    """
    root = _root()
    gone = outside.clear_away(model_id, actor=TRAINER)
    for version in queries.doomed_versions(model_id):
        artefacts.destroy(root, version.artefact)
        gone += actions.mark_destroyed(version_ids=[version.pk], actor=TRAINER, now=timezone.now())
    for snapshot in queries.doomed_snapshots(model_id):
        artefacts.destroy(root, snapshot.file)
        gone += actions.mark_destroyed(
            snapshot_ids=[snapshot.pk], actor=TRAINER, now=timezone.now()
        )
    run_id = queries.destroying_run(model_id)
    if run_id is None and not queries.is_given_up(model_id):
        return gone > 0
    known = queries.known_files(model_id)
    for name in artefacts.strays(root, str(model_id), known=known):
        artefacts.destroy(root, name)
        gone += 1
    if run_id is None:
        return gone > 0
    actions.finish_run(run_id=run_id, actor=TRAINER, now=timezone.now())
    return True


def files_of(model_id: int) -> list[str]:
    """Return every file that there is of a model, whether a row names it or not."""
    return artefacts.strays(_root(), str(model_id), known=())


def check(run_id: UUID) -> bool:
    """Look at the data of a run, and plan its fits."""
    return _work_on(run_id, Step.CHECK, _check_data)


def _check_data(run: TrainingRun, token: Token) -> None:
    origin = queries.origin_of(run.source_id)
    gates = queries.gates_of(origin.dataset.family_id)
    begins_at = queries.champion_of(run.model.parent_id) if run.model.parent_id else None
    checked = _checked(run, origin, queries.rules_of(gates), begins_at)
    actions.record_verdicts(
        run_id=run.pk,
        token=token,
        verdicts=checked.verdicts,
        plan=checked.plan,
        gates=gates,
        parent=begins_at,
        actor=TRAINER,
        now=timezone.now(),
    )


def _checked(
    run: TrainingRun, origin: Origin, rules: Rules, begins_at: ModelVersion | None
) -> Checked:
    recipe = replace(queries.recipe_of(run), parent=queries.parent_key(run.model, begins_at))
    trainer = queries.trainer_named(run.model.trainer)
    is_outside = isinstance(trainer, OutsideTrainer)
    named = [column.name for column in columns_of(origin.dataset.family.store_id)]
    if origin.refusal:
        return refusal(Gate.SOURCE, origin.refusal)
    if run.model.parent_id and begins_at is None:
        return refusal(Gate.SOURCE, f"it is {run.model.descent} a model of which nothing serves")
    if origin.release is None:
        checked = check_people(
            queries.source_of(origin.dataset),
            run.model.features,
            recipe=recipe,
            expected_parts=origin.dataset.family.expected_parts,
            before=queries.profile_before(run.model_id),
            forced=run.forced,
            rules=rules,
            registered=origin.dataset.registered_at.astimezone(UTC).date(),
            imputes=trainer.imputes,
            whole=is_outside,
            aside=named if is_outside else (),
        )
        return fitting(checked, parent_of(run.model, begins_at, root=_root()))
    try:
        data = queries.release_data_of(run.model, origin.release)
    except DataRefused as no:
        return refusal(Gate.UNEXPECTED, str(no))
    return check_release(data, recipe=recipe)


def fit(fit_id: int) -> bool:
    """Fit one shard, and then its later slices: their people are in memory already."""
    read: dict[Shard, ShardRows] = {}
    worked = _fit_one(fit_id, read)
    following = queries.next_slice(fit_id) if worked else None
    while following is not None:
        _fit_one(following, read)
        following = queries.next_slice(following)
    return worked


def _fit_one(fit_id: int, read: dict[Shard, ShardRows]) -> bool:
    lease = actions.claim_fit(
        fit_id=fit_id,
        most_attempts=settings.ATTEMPTS,
        owner=_owner(),
        length=settings.LEASE,
        actor=TRAINER,
        now=timezone.now(),
    )
    if lease is None:
        return False
    token = lease.token

    def keep() -> bool:
        return actions.keep_fit(
            fit_id=fit_id, token=token, length=settings.LEASE, now=timezone.now()
        )

    def failed(said: str) -> None:
        actions.fail_fit(
            fit_id=fit_id,
            token=token,
            error=said,
            most_attempts=settings.ATTEMPTS,
            actor=TRAINER,
            now=timezone.now(),
        )

    run_id = queries.fit_numbered(fit_id).run_id
    with looked_after(Holding(run_id=run_id, token=token, fit_id=fit_id)), attempt(keep, failed):
        row = queries.fit_numbered(fit_id)
        if not _followed(row.run_id):
            snapshot, seconds = _fitted(row, token, read)
            _keep_snapshot(row, token, snapshot, seconds=seconds)
    return True


def _fitted(
    row: ShardFit, token: Token, read: dict[Shard, ShardRows]
) -> tuple[bytes, float | None]:
    """Return the snapshot, and the seconds that it took; None if they say nothing."""
    run = row.run
    trainer, recipe = queries.trainer_named(run.model.trainer), queries.recipe_of(run)
    if isinstance(trainer, OutsideTrainer):
        return outside.fitted(row, trainer=trainer, token=token, actor=TRAINER), None
    origin = queries.origin_of(run.source_id)
    planned = PlannedShard(
        shard=Shard(row.shard), slice=row.slice, key=row.key, people=row.people, rows=row.rows
    )
    if origin.release is not None:
        data = queries.release_data_of(run.model, origin.release)
        return fit_release(trainer, data, planned=planned, recipe=recipe), None
    if planned.shard not in read:
        source, features = queries.source_of(origin.dataset), planned_features(run.plan)
        read[planned.shard] = read_shard(
            source, features, planned.shard, slices=recipe.slices, once=recipe.once
        )
    rows = read[planned.shard]
    before, parent = _before(row), parent_of(run.model, run.parent, root=_root())
    # The first fit of a process loads scikit-learn, for a second: that is no cost of its shard.
    import_module("training.trainers.incremental")
    began = perf_counter()
    piece = fit_rows(trainer, rows, planned=planned, recipe=recipe, before=before, parent=parent)
    return piece, perf_counter() - began


def _before(row: ShardFit) -> bytes | None:
    """Return the state to go on from; a damaged file costs the slices before, and no more."""
    snapshot = queries.snapshot_before(row)
    if snapshot is None:
        return None
    try:
        return artefacts.load(_root(), snapshot.file, digest=snapshot.digest)
    except ArtefactMismatch:  # putting the version together will refuse it, and fit it again
        return None


def _keep_snapshot(row: ShardFit, token: Token, snapshot: bytes, *, seconds: float | None) -> None:
    with _kept(f"{row.run.model_id}/snapshots/{row.pk}-{token}", snapshot) as (file, digest):
        actions.finish_fit(
            fit_id=row.pk,
            token=token,
            file=file,
            digest=digest,
            seconds=seconds,
            actor=TRAINER,
            now=timezone.now(),
        )


def assemble(run_id: UUID) -> bool:
    """Put the snapshots of a run together."""
    return _work_on(run_id, Step.ASSEMBLE, _put_together)


def _put_together(run: TrainingRun, token: Token) -> None:
    snapshots: dict[Shard, bytes] = {}
    damaged: list[int] = []
    for snapshot in queries.snapshots_of(run.pk):
        try:
            data = artefacts.load(_root(), snapshot.file, digest=snapshot.digest)
        except ArtefactMismatch:
            damaged.append(snapshot.pk)
        else:
            snapshots[Shard(snapshot.shard)] = data
    if damaged:
        actions.fit_again(
            run_id=run.pk, token=token, snapshot_ids=damaged, actor=TRAINER, now=timezone.now()
        )
        return
    artefact = queries.trainer_named(run.model.trainer).assemble(snapshots)
    with _kept(f"{run.model_id}/versions/{run.pk}-{token}", artefact) as (file, digest):
        actions.register_artefact(
            run_id=run.pk,
            token=token,
            file=file,
            digest=digest,
            actor=TRAINER,
            now=timezone.now(),
        )


def judge(run_id: UUID) -> bool:
    """Measure the challenger, and the champion, on people whom no training has seen."""
    return _work_on(run_id, Step.JUDGE, _measure_challenger)


def _measure_challenger(run: TrainingRun, token: Token) -> None:
    if run.version is None:
        raise VersionNotServable("the run has not made a version")
    dataset = queries.evaluation_of(queries.origin_of(run.source_id))
    rows = read_shard(
        queries.source_of(dataset),
        planned_features(run.plan),
        HOLD_OUT,
        once=planned_once(run.plan),
    )
    judgement = measure(
        rows,
        challenger=_loaded(run, run.version, token),
        champion=_loaded_champion(run, token),
        fallback=run.model.fallback,
        margin_permille=run.model.margin_permille,
        seed=queries.recipe_of(run).seed_of(HOLD_OUT),
    )
    actions.record_judgement(
        run_id=run.pk,
        token=token,
        judgement=replace(judgement, tested=inputs_tested(rows)),
        actor=TRAINER,
        now=timezone.now(),
    )


def _loaded_champion(run: TrainingRun, token: Token) -> Predictor | None:
    champion = queries.champion_of(run.model_id)
    if champion is None:
        return None
    if queries.failed_predictions(run.pk, version_id=champion.pk) >= outside.MOST_FAILURES:
        actions.report_damage(version_id=champion.pk, actor=TRAINER, now=timezone.now())
        return None
    try:
        return _loaded(run, champion, token)
    except ArtefactMismatch:
        # It must not hold up a run that somebody's deletion waits for; people are told.
        actions.report_damage(version_id=champion.pk, actor=TRAINER, now=timezone.now())
        return None


def _loaded(run: TrainingRun, version: ModelVersion, token: Token) -> Predictor:
    data = artefacts.load(_root(), version.artefact, digest=version.artefact_digest)
    trainer = queries.trainer_named(run.model.trainer)
    if isinstance(trainer, OutsideTrainer):
        holding = Holding(run_id=run.pk, token=token)
        visit = outside.Visit(run=run, trainer=trainer, holding=holding, actor=TRAINER)
        return outside.OutsidePredictor(visit=visit, version=version, artefact=data)
    return trainer.load(data)


def give_up(run_id: UUID) -> bool:
    """End a run whose attempts are used up."""
    state = actions.give_up(
        run_id=run_id, most_attempts=settings.ATTEMPTS, actor=TRAINER, now=timezone.now()
    )
    return state is RunState.FAILED


def _work_on(run_id: UUID, step: Step, work: Callable[[TrainingRun, Token], None]) -> bool:
    """Claim one step of a run and do it; return whether there was anything to do."""
    lease = actions.claim_run(
        run_id=run_id,
        step=step,
        most_attempts=settings.ATTEMPTS,
        owner=_owner(),
        length=settings.LEASE,
        actor=TRAINER,
        now=timezone.now(),
    )
    if lease is None:
        return False
    token = lease.token

    def keep() -> bool:
        return actions.keep_run(
            run_id=run_id, token=token, length=settings.LEASE, now=timezone.now()
        )

    def failed(said: str) -> None:
        actions.fail_step(
            run_id=run_id,
            token=token,
            error=said,
            most_attempts=settings.ATTEMPTS,
            actor=TRAINER,
            now=timezone.now(),
        )

    with looked_after(Holding(run_id=run_id, token=token)), attempt(keep, failed):
        if not _followed(run_id):
            work(queries.run_numbered(run_id), token)
    return True


def _followed(run_id: UUID) -> bool:
    """Begin again if the data was replaced since the run began; return whether it was."""
    return actions.follow_source(run_id=run_id, actor=TRAINER, now=timezone.now())


@contextmanager
def _kept(name: str, data: bytes) -> Iterator[tuple[str, str]]:
    """Write a file for the block to register; if that fails, nobody would ever destroy it."""
    digest = sha256(data).hexdigest()
    file = f"{name}-{digest[:16]}.json"
    artefacts.keep(_root(), file, data)
    try:
        yield file, digest
    except BaseException:
        artefacts.destroy(_root(), file)
        raise


def _root() -> Path:
    return Path(settings.ARTEFACT_DIR)


def _owner() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
