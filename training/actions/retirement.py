"""Giving models up by order: no training goes on, no version serves, no file of theirs stays."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Q

from audits.trail import Actor, Trail, audited
from training.actions.endings import (
    doom_unused,
    doom_versions,
    end_jobs,
    living,
    warn_that_nothing_serves,
)
from training.actions.locks import lock_model
from training.actions.moves import move, record_finished
from training.models import Model, ModelVersion, TrainingRun
from training.states import RUN_OPEN, JobState, RunState, VersionState

BECAUSE: Final = "what it was made of was given up by order"

_UNJUDGED: Final = RUN_OPEN - {RunState.DESTROYING}


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """What became of the models that were given up."""

    versions: int
    trainings: int


def hold_models(*, family_ids: Collection[int], node_ids: Collection[int]) -> list[Model]:
    """Let nothing move that is trained on some families or nodes until the transaction ends."""
    made = Q(versions__node__in=list(node_ids)) | Q(runs__source__in=list(node_ids))
    wanted = Model.objects.filter(Q(family__in=list(family_ids)) | made)
    return [lock_model(pk) for pk in sorted(set(wanted.values_list("pk", flat=True)))]


def give_up_models(
    *, family_ids: Collection[int], node_ids: Collection[int], actor: Actor, now: datetime
) -> GivenUp:
    """End every training on some nodes, and withdraw and doom every version that is one of them.

    The next sweeps destroy the files. The fallback answers from the moment this commits.
    """
    versions = trainings = 0
    with transaction.atomic():
        for model in hold_models(family_ids=family_ids, node_ids=node_ids):
            doomed = [one for one in living(model) if one.node_id in node_ids]
            open_runs = TrainingRun.objects.select_for_update(no_key=True, of=("self",)).filter(
                model=model, source__in=list(node_ids), state__in=_UNJUDGED
            )
            runs = list(open_runs.select_related("model", "version"))
            if doomed or runs:
                with audited(actor=actor, now=now) as trail:
                    _end(runs, trail=trail)
                    _doom(model, doomed, trail=trail)
                    doom_unused(model, trail=trail)
            versions += len(doomed)
            trainings += len(runs)
    return GivenUp(versions=versions, trainings=trainings)


def _end(runs: Sequence[TrainingRun], *, trail: Trail) -> None:
    """End runs without a version; their workers find their leases taken, and clear up."""
    for run in runs:
        end_jobs(run, states=[JobState.RUNNING], trail=trail)
        move(run, RunState.FAILED)
        run.last_error = BECAUSE
        run.finished_at = trail.now
        run.save()
        record_finished(run, trail=trail)


def _doom(model: Model, doomed: Sequence[ModelVersion], *, trail: Trail) -> None:
    had_served = any(version.state == VersionState.RELEASED for version in doomed)
    doom_versions(model, doomed, because=BECAUSE, trail=trail)
    if had_served:
        warn_that_nothing_serves(model, actor=trail.actor, now=trail.now)
