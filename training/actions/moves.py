"""Moves of a run that several actions make, within their transaction and under their locks."""

from collections.abc import Sequence
from typing import Final

from audits.trail import Trail
from training.actions.endings import (
    TRAINING_FAILED,
    TRAINING_REFUSED,
    doom_unused,
    doom_versions,
    end_jobs,
    living,
    warn,
    warn_that_nothing_serves,
)
from training.events import TrainingCancelled, TrainingFinished, TrainingRestarted
from training.models import TrainingRun
from training.states import JobState, RunState, VersionState, require_run_move

CANCELLED: Final = "somebody cancelled it"


def move(run: TrainingRun, target: RunState) -> None:
    """Take a run to its next state: new attempts, and no token of the old state counts."""
    require_run_move(RunState(run.state), target)
    run.state = target
    run.lease_owner = ""
    run.lease_until = None
    run.not_before = None
    run.attempts = 0
    run.fencing_token += 1


def restart(run: TrainingRun, *, source_node_id: int, trail: Trail) -> None:
    """Begin again from another source; what was fitted so far may be reused."""
    end_jobs(run, states=[JobState.RUNNING, JobState.SUCCEEDED], trail=trail)
    unfinished, run.version = run.version, None
    run.source_id = source_node_id
    run.plan = {}
    run.parent = None
    run.gates = None
    run.shards_total = run.shards_hit = 0
    run.fits.all().delete()
    run.verdicts.all().delete()
    if run.state != RunState.WAITING:
        move(run, RunState.WAITING)
    run.save()
    # A version that is released already serves until the next one of this run replaces it.
    if unfinished is not None and unfinished.state != VersionState.RELEASED:
        why = "its training data was replaced"
        doom_versions(run.model, [unfinished], because=why, trail=trail)
    run.refresh_from_db(fields=["source"])
    trail.record(
        TrainingRestarted(run_id=str(run.pk), model=run.model.name, source=str(run.source)),
        about=f"training/{run.pk}",
    )


def has_lost_its_parent(run: TrainingRun) -> bool:
    """Say whether the version that a run began at has to be destroyed."""
    return run.parent is not None and run.parent.doomed_at is not None


def refuse(run: TrainingRun, *, because: Sequence[str], trail: Trail) -> None:
    """Let people know why a run was refused; if it was forced, nothing older may serve either."""
    model = run.model
    warn(
        model,
        kind=TRAINING_REFUSED,
        detail={"run": str(run.pk), "because": list(because)},
        actor=trail.actor,
        now=trail.now,
    )
    doomed = living(model) if run.forced else []
    doom_versions(model, doomed, because="somebody left its training data", trail=trail)
    doom_unused(model, trail=trail)
    if doomed:
        warn_that_nothing_serves(model, actor=trail.actor, now=trail.now)


def fail(run: TrainingRun, *, error: str, trail: Trail) -> None:
    """End a run without a version. What served goes on; who forced the run sees that it failed."""
    _end_without_version(run, error=error, trail=trail)
    warn(
        run.model,
        kind=TRAINING_FAILED,
        detail={"run": str(run.pk), "error": error},
        actor=trail.actor,
        now=trail.now,
    )
    record_finished(run, trail=trail)


def cancel(run: TrainingRun, *, trail: Trail) -> None:
    """End a run without a version because somebody said so: nobody has to be told of it."""
    trail.record(
        TrainingCancelled(run_id=str(run.pk), model=run.model.name), about=f"training/{run.pk}"
    )
    _end_without_version(run, error=CANCELLED, trail=trail)
    record_finished(run, trail=trail)


def _end_without_version(run: TrainingRun, *, error: str, trail: Trail) -> None:
    end_jobs(run, states=[JobState.RUNNING], trail=trail)
    if run.version is not None:
        doom_versions(run.model, [run.version], because="its run failed", trail=trail)
    move(run, RunState.FAILED)
    run.last_error = error
    run.finished_at = trail.now
    run.save()
    doom_unused(run.model, trail=trail)


def record_finished(run: TrainingRun, *, trail: Trail) -> None:
    """Record how a run ended."""
    trail.record(
        TrainingFinished(
            run_id=str(run.pk),
            model=run.model.name,
            state=run.state,
            version=run.version.number if run.version else None,
            shards=run.shards_total,
            shards_fitted=run.shards_hit,
            forced=run.forced,
        ),
        about=f"model/{run.model.name}",
    )
