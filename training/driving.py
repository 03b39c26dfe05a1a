"""Decides what has to be done next with a run, and when a failed attempt is made again. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from training.states import RunState

_FIRST: Final = timedelta(seconds=2)
_FACTOR: Final = 4
_LONGEST: Final = timedelta(hours=1)
_MOST_STEPS: Final = 10  # by then it is long since the longest; larger powers would overflow


class Step(StrEnum):
    """One task's work."""

    CHECK = "check"
    FIT = "fit"
    ASSEMBLE = "assemble"
    JUDGE = "judge"
    DESTROY = "destroy"
    GIVE_UP = "give up"


STEPS: Final = {
    Step.CHECK: frozenset({RunState.WAITING, RunState.CHECKING}),
    Step.ASSEMBLE: frozenset({RunState.FITTING}),
    Step.JUDGE: frozenset({RunState.JUDGING}),
}
"""The steps that are taken on a run as a whole, and in which states."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a run, or one fit of it, is waiting for."""

    lease_until: datetime | None
    not_before: datetime | None
    attempts: int

    def is_free(self, now: datetime) -> bool:
        """Say whether nobody works on it and its time has come."""
        return not any(moment and moment > now for moment in (self.lease_until, self.not_before))


@dataclass(frozen=True, slots=True, kw_only=True)
class FitView:
    """One shard of a run that is not fitted yet."""

    id: int
    waiting: Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """An open run, as far as driving it goes."""

    id: UUID
    model_id: int
    state: RunState
    waiting: Waiting
    unfitted: tuple[FitView, ...]
    stopped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A step that a worker may take now."""

    step: Step
    run_id: UUID
    model_id: int
    fit_id: int = 0  # of the step that fits one shard


def due(run: RunView, *, most_attempts: int, now: datetime) -> list[Due]:
    """Return the steps of a run that may be taken now.

    A stop holds everything but destruction: what nobody may use any more is not kept for longer.
    """
    if run.state is RunState.DESTROYING:
        return [Due(step=Step.DESTROY, run_id=run.id, model_id=run.model_id)]
    if run.stopped:
        return []
    works = [fit.waiting for fit in run.unfitted] or [run.waiting]
    if any(work.attempts >= most_attempts and work.is_free(now) for work in works):
        return [Due(step=Step.GIVE_UP, run_id=run.id, model_id=run.model_id)]
    if run.unfitted:
        return [
            Due(step=Step.FIT, run_id=run.id, model_id=run.model_id, fit_id=fit.id)
            for fit in run.unfitted
            if fit.waiting.is_free(now)
        ]
    return [
        Due(step=step, run_id=run.id, model_id=run.model_id)
        for step, states in STEPS.items()
        if run.state in states and run.waiting.is_free(now)
    ]


def back_off(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts: four times as long after each."""
    steps = max(attempts - 1, 0)
    if steps > _MOST_STEPS:
        return _LONGEST
    return min(_FIRST * float(_FACTOR**steps), _LONGEST)
