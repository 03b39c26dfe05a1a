"""Versions of a model: made of snapshots, judged, released, withdrawn, destroyed."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction

from audits.statements import digest_of as digest_of_envelope
from audits.statements import sign
from audits.trail import Actor, Trail, audited
from lineage.actions import register_node
from lineage.graph import EdgeKind, NodeKind
from lineage.leases import Token
from lineage.sharding import Shard
from training.actions.endings import (
    ARTEFACT_DAMAGED,
    calm,
    doom_unused,
    doom_versions,
    end_jobs,
    living,
    warn,
    withdraw_row,
)
from training.actions.locks import lock_held
from training.actions.moves import has_lost_its_parent, move, refuse, restart
from training.actions.roll_backs import give_up_standby, stand_by
from training.errors import VersionNotServable
from training.events import (
    SnapshotDestroyed,
    VersionDestroyed,
    VersionJudged,
    VersionReleased,
    VersionTrained,
)
from training.evidence import EvidenceClass, made_by
from training.manifests import ShardMade, manifest_of
from training.models import Model, ModelRelease, ModelVersion, Qualification, Snapshot, TrainingRun
from training.outside.contract import Work
from training.plans import digest_of
from training.qualification import Judgement
from training.queries import champion_of, model_signer, newest_source, recipe_of
from training.queries.serving import qualified_for, statement_about
from training.queries.sources import evaluation_of, origin_of, said_of
from training.queries.trainers import trainer_named
from training.states import JobState, RunState, VersionState, require_version_move


def register_artefact(  # noqa: PLR0913  # keyword-only, one a field
    *, run_id: UUID, token: Token, file: str, digest: str, actor: Actor, now: datetime
) -> ModelVersion:
    """Make a version of an artefact, and say in the lineage graph what it came from.

    The file is written and flushed before this.
    """
    with audited(actor=actor, now=now) as trail:
        run = lock_held(run_id, token, state=RunState.FITTING)
        model, origin = run.model, origin_of(run.source_id)
        newest = model.versions.order_by("-number").first()
        number = newest.number + 1 if newest else 1
        sources = [(origin.node.pk, EdgeKind.TRAINED_ON)]
        sources.append((evaluation_of(origin).node_id, EdgeKind.EVALUATED_ON))
        if run.parent is not None:
            sources.append((run.parent.node_id, EdgeKind(model.descent)))
        node = register_node(
            kind=NodeKind.MODEL_VERSION,
            name=model.name,
            version=str(number),
            sources=sources,
            actor=actor,
            now=now,
        )
        # Slices count: a shard that goes on from an earlier one was not fitted from nothing.
        evidence = made_by(
            trainer_named(model.trainer).evidence,
            fitted=run.fits.filter(reused=False).count(),
            parts=run.fits.count(),
        )
        manifest = _manifest(run, evidence)
        version = ModelVersion.objects.create(
            model=model,
            number=number,
            node=node,
            state=VersionState.TRAINED,
            dataset_version=None if origin.release else origin.dataset,
            artefact=file,
            artefact_digest=digest,
            manifest=manifest,
            evidence_class=evidence,
            trained_at=now,
        )
        version.snapshots.set(Snapshot.objects.filter(shardfit__run=run))
        run.version = version
        move(run, RunState.JUDGING)
        run.save()
        trail.record(
            VersionTrained(
                run_id=str(run.pk),
                model=model.name,
                version=number,
                source=str(origin.node),
                artefact=digest,
                manifest=digest_of(manifest),
                shards=run.shards_total,
                shards_fitted=run.shards_hit,
                evidence=evidence.value,
            ),
            about=f"model/{model.name}",
        )
    return version


def _manifest(run: TrainingRun, evidence: EvidenceClass) -> dict[str, object]:
    origin, recipe = origin_of(run.source_id), recipe_of(run)
    fits = run.fits.select_related("snapshot").order_by("shard", "slice")
    return manifest_of(
        run_id=str(run.pk),
        model=run.model.name,
        trainer=run.model.trainer,
        revision=recipe.revision,
        parameters=run.model.parameters,
        label=origin.dataset.family.label,
        plan=run.plan,
        source=said_of(origin),
        evidence=evidence,
        parent=_parent(run),
        shards=[
            ShardMade(
                shard=fit.shard,
                slice=fit.slice,
                people=fit.people,
                rows=fit.rows,
                seed=recipe.seed_of(Shard(fit.shard)),
                key=fit.key,
                snapshot=fit.snapshot.digest if fit.snapshot else "",
                reused=fit.reused,
            )
            for fit in fits
        ],
        outside=_outside(run),
    )


def _parent(run: TrainingRun) -> dict[str, object] | None:
    if run.parent is None or run.model.parent is None:
        return None
    return {
        "how": run.model.descent,
        "model": run.model.parent.name,
        "version": run.parent.number,
        "artefact": run.parent.artefact_digest,
    }


def _outside(run: TrainingRun) -> dict[str, object] | None:
    """Return what is said of an outside trainer's work: who was excluded, and what it read."""
    job = run.jobs.filter(work=Work.TRAIN, state=JobState.SUCCEEDED).order_by("-number").first()
    if job is None:
        return None
    return {
        "key": job.key,
        "attempt": job.number,
        "trainer": job.revision,
        "watermark": job.watermark,
        "specification": job.spec_digest,
        "given": job.given,
        "said": job.said,
    }


def record_judgement(
    *, run_id: UUID, token: Token, judgement: Judgement, actor: Actor, now: datetime
) -> RunState:
    """Release the challenger that qualified, or refuse it; then what is doomed gets destroyed.

    Nothing is released that was trained on data which is not clear any more: the run begins again.
    """
    with audited(actor=actor, now=now) as trail:
        run = lock_held(run_id, token, state=RunState.JUDGING)
        model, version = run.model, _challenger(run)
        origin = origin_of(run.source_id)
        is_stale = bool(origin.refusal) and newest_source(model.pk) != run.source_id
        if is_stale or has_lost_its_parent(run):
            restart(run, source_node_id=newest_source(model.pk), trail=trail)
            return RunState(run.state)
        if origin.refusal:
            judgement = Judgement(passed=False, reason=origin.refusal, measured=judgement.measured)
        was_compared = "champion accuracy" in judgement.measured
        compared_with = champion_of(model.pk) if was_compared else None
        older = [known for known in living(model) if known.pk != version.pk]
        end_jobs(run, states=[JobState.RUNNING], trail=trail)
        _qualify(version, judgement, champion=compared_with, trail=trail)
        move(run, RunState.DESTROYING)
        run.save()
        if judgement.passed:
            why = f"version {version.number} serves instead"
            give_up_standby(model, because=why, trail=trail)
            _release(model, version, forced=run.forced, trail=trail)
            if run.forced:
                # Read again: the release has just withdrawn one of them.
                for known in older:
                    known.refresh_from_db()
                why = "somebody left its training data"
                doom_versions(model, older, because=why, trail=trail)
            doom_unused(model, trail=trail)
        else:
            refuse(run, because=[judgement.reason], trail=trail)
    return RunState(run.state)


def _challenger(run: TrainingRun) -> ModelVersion:
    if run.version is None:
        raise VersionNotServable("the run has not made a version")
    return run.version


def _qualify(
    version: ModelVersion, judgement: Judgement, *, champion: ModelVersion | None, trail: Trail
) -> None:
    kept = Qualification.objects.create(
        version=version,
        champion=champion,
        passed=judgement.passed,
        reason=judgement.reason[:300],
        measured=judgement.measured,
        tested=judgement.tested,
        judged_at=trail.now,
    )
    # Signed are numbers as the database spells them: it writes 1e+16 out, and is asked ever after.
    kept.refresh_from_db(fields=["measured", "tested"])
    target = VersionState.QUALIFIED if judgement.passed else VersionState.UNQUALIFIED
    require_version_move(VersionState(version.state), target)
    version.state = target
    version.metrics = judgement.measured
    version.save(update_fields=["state", "metrics"])
    measured = judgement.measured
    trail.record(
        VersionJudged(
            model=version.model.name,
            version=version.number,
            champion=champion.number if champion else None,
            passed=judgement.passed,
            reason=judgement.reason,
            measured={name: measured[name] for name in _TOLD if name in measured},
        ),
        about=f"model/{version.model.name}",
    )


_TOLD = ("people", "margin", "challenger accuracy", "champion accuracy", "heuristic accuracy")


def _release(model: Model, version: ModelVersion, *, forced: bool, trail: Trail) -> None:
    """Let a qualified version serve, under signature, in the place of the one that served."""
    champion = champion_of(model.pk)
    if champion is not None:
        why = f"version {version.number} serves instead"
        if forced:
            withdraw_row(champion, because=why, trail=trail)
        else:
            stand_by(champion, because=why, trail=trail)
    require_version_move(VersionState(version.state), VersionState.RELEASED)
    version.state = VersionState.RELEASED
    version.save(update_fields=["state"])
    release = ModelRelease(
        version=version,
        released_at=trail.now,
        qualified_until=trail.now + qualified_for(model),
    )
    envelope = sign(statement_about(release, as_of=trail.now), signer=model_signer())
    release.envelope = envelope
    release.save()
    trail.record(
        VersionReleased(
            model=model.name,
            version=version.number,
            artefact=version.artefact_digest,
            statement=digest_of_envelope(envelope),
            qualified_until=release.qualified_until.isoformat(),
        ),
        about=f"model/{model.name}",
    )
    calm(model, version=version.number, actor=trail.actor, now=trail.now)


def report_damage(*, version_id: int, actor: Actor, now: datetime) -> None:
    """Ask people to look at a version whose artefact is not as it was written."""
    version = ModelVersion.objects.select_related("model").get(pk=version_id)
    detail: dict[str, object] = {"version": version.number}
    warn(version.model, kind=ARTEFACT_DAMAGED, detail=detail, actor=actor, now=now)


def mark_destroyed(
    *,
    version_ids: Collection[int] = (),
    snapshot_ids: Collection[int] = (),
    actor: Actor,
    now: datetime,
) -> int:
    """Note what is gone; whoever calls this has unlinked the files and looked for them again."""
    with transaction.atomic():
        versions = list(
            ModelVersion.objects.select_for_update(no_key=True, of=("self",))
            .select_related("model")
            .filter(pk__in=list(version_ids), destroyed_at=None)
            .order_by("pk")
        )
        snapshots = list(
            Snapshot.objects.select_for_update(no_key=True, of=("self",))
            .select_related("model")
            .filter(pk__in=list(snapshot_ids), destroyed_at=None)
            .order_by("pk")
        )
        if not versions and not snapshots:
            return 0
        with audited(actor=actor, now=now) as trail:
            for version in versions:
                require_version_move(VersionState(version.state), VersionState.DESTROYED)
                version.state = VersionState.DESTROYED
                version.destroyed_at = now
                version.save(update_fields=["state", "destroyed_at"])
                trail.record(
                    VersionDestroyed(
                        model=version.model.name,
                        version=version.number,
                        artefact=version.artefact_digest,
                    ),
                    about=f"model/{version.model.name}",
                )
            for snapshot in snapshots:
                snapshot.destroyed_at = now
                snapshot.save(update_fields=["destroyed_at"])
                trail.record(
                    SnapshotDestroyed(
                        model=snapshot.model.name,
                        shard=snapshot.shard,
                        snapshot=snapshot.digest,
                    ),
                    about=f"model/{snapshot.model.name}",
                )
    return len(versions) + len(snapshots)
