"""The lives of a training run and of a model version. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from training.errors import MoveNotAllowed


class RunState(StrEnum):
    """How far a training run has come."""

    WAITING = "waiting"
    CHECKING = "checking"  # the gates look at the data
    FITTING = "fitting"  # shards are being fitted, one task each
    JUDGING = "judging"  # assembled; the challenger is measured against the champion
    DESTROYING = "destroying"  # judged; what nobody may use any more is being destroyed
    SUCCEEDED = "succeeded"
    REFUSED = "refused"  # a gate or the qualification said no
    FAILED = "failed"  # attempts ended


class VersionState(StrEnum):
    """What may be done with a model version."""

    TRAINED = "trained"
    QUALIFIED = "qualified"
    RELEASED = "released"
    STANDBY = "standby"  # served, was replaced while it was clean, and may serve again
    UNQUALIFIED = "unqualified"
    WITHDRAWN = "withdrawn"  # must not serve; its artefact is still there
    DESTROYED = "destroyed"  # its artefact and its snapshots are gone


class JobState(StrEnum):
    """How a piece of work stands that was given to an outside trainer."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"  # its result agreed with what it was given
    FAILED = "failed"
    LOST = "lost"  # nobody answers for it any more
    CANCELLED = "cancelled"


RUN_MOVES: Final[Mapping[RunState, frozenset[RunState]]] = {
    RunState.WAITING: frozenset({RunState.CHECKING, RunState.FAILED}),
    RunState.CHECKING: frozenset(
        {RunState.FITTING, RunState.DESTROYING, RunState.WAITING, RunState.FAILED}
    ),
    RunState.FITTING: frozenset({RunState.JUDGING, RunState.WAITING, RunState.FAILED}),
    RunState.JUDGING: frozenset({RunState.DESTROYING, RunState.WAITING, RunState.FAILED}),
    # A run goes back to WAITING when its data was replaced meanwhile: it follows the newer version.
    RunState.DESTROYING: frozenset({RunState.SUCCEEDED, RunState.REFUSED, RunState.WAITING}),
    RunState.SUCCEEDED: frozenset(),
    RunState.REFUSED: frozenset(),
    RunState.FAILED: frozenset(),
}
RUN_OPEN: Final = frozenset(state for state, onward in RUN_MOVES.items() if onward)

VERSION_MOVES: Final[Mapping[VersionState, frozenset[VersionState]]] = {
    VersionState.TRAINED: frozenset(
        {VersionState.QUALIFIED, VersionState.UNQUALIFIED, VersionState.WITHDRAWN}
    ),
    VersionState.QUALIFIED: frozenset({VersionState.RELEASED, VersionState.WITHDRAWN}),
    VersionState.RELEASED: frozenset({VersionState.STANDBY, VersionState.WITHDRAWN}),
    VersionState.STANDBY: frozenset({VersionState.RELEASED, VersionState.WITHDRAWN}),
    VersionState.UNQUALIFIED: frozenset({VersionState.WITHDRAWN}),
    VersionState.WITHDRAWN: frozenset({VersionState.DESTROYED}),
    VersionState.DESTROYED: frozenset(),
}


def require_run_move(current: RunState, target: RunState) -> None:
    """Raise `MoveNotAllowed` unless a run may go straight from one state to the other."""
    if target not in RUN_MOVES[current]:
        raise MoveNotAllowed(current, target)


def require_version_move(current: VersionState, target: VersionState) -> None:
    """Raise `MoveNotAllowed` unless a version may go straight from one state to the other."""
    if target not in VERSION_MOVES[current]:
        raise MoveNotAllowed(current, target)
