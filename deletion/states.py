"""The lives of a request, an obligation and a run, and the outcomes a target can have. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from deletion.errors import MoveNotAllowed


class RequestState(StrEnum):
    """What is true of a request now."""

    UNVERIFIED = "unverified"  # the person has not confirmed who they are; the clocks run
    RECEIVED = "received"
    MERGED = "merged"  # another request of the same person does the work, and answers both
    HELD = "held"  # a legal reason to keep; suspends, never forgets
    PAUSED = "paused"  # the person was asked for something: the law stops the clock meanwhile
    PLANNED = "planned"  # in a batch whose plan waits for approval
    IN_PROGRESS = "in progress"
    COMPLETE = "complete"
    CANCELLED = "cancelled"
    DENIED = "denied"  # the law lets it be refused, and the person was told why


class Outcome(StrEnum):
    """What became of one person in one target."""

    ERASED = "erased"  # was there, is gone, read back by other eyes
    ABSENT = "absent"  # searched in the whole place, not there
    RETRAINED = "retrained"
    RETIRED = "retired"
    SHIELDED = "shielded"
    NOTIFIED = "notified"
    EXCUSED = "excused"  # telling is impossible or disproportionate: an officer said why
    HELD = "held"
    UNREACHABLE = "unreachable"


ENDED_WELL: Final = frozenset(
    {
        Outcome.ERASED,
        Outcome.ABSENT,
        Outcome.RETRAINED,
        Outcome.RETIRED,
        Outcome.SHIELDED,
        Outcome.NOTIFIED,
        Outcome.EXCUSED,
    }
)
"""A request is complete only when every target has one of these."""

OPEN_OUTCOMES: Final = ("", Outcome.UNREACHABLE.value)
"""What the column holds while there is still something to do; a held target has nothing to do."""


class ObligationKind(StrEnum):
    """What has to be done with a target."""

    ERASE = "erase"
    RETRAIN = "retrain"
    TELL = "tell"  # GDPR Art. 19: the recipients of what was erased are told


class RunState(StrEnum):
    """How far one piece of work on one target has come."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    STUCK = "stuck"  # attempts ended: a person must look; the obligations stay open


MOVES: Final[Mapping[RequestState, frozenset[RequestState]]] = {
    RequestState.UNVERIFIED: frozenset(
        {RequestState.RECEIVED, RequestState.CANCELLED, RequestState.DENIED}
    ),
    RequestState.RECEIVED: frozenset(
        {
            RequestState.PLANNED,
            RequestState.HELD,
            RequestState.PAUSED,
            RequestState.CANCELLED,
            RequestState.DENIED,
        }
    ),
    RequestState.MERGED: frozenset(
        {
            RequestState.RECEIVED,
            RequestState.COMPLETE,
            RequestState.CANCELLED,
            RequestState.DENIED,
        }
    ),
    RequestState.HELD: frozenset(
        {
            RequestState.RECEIVED,
            RequestState.IN_PROGRESS,
            RequestState.CANCELLED,
            RequestState.DENIED,
        }
    ),
    RequestState.PAUSED: frozenset(
        {RequestState.RECEIVED, RequestState.CANCELLED, RequestState.DENIED}
    ),
    RequestState.PLANNED: frozenset(
        {
            RequestState.IN_PROGRESS,
            RequestState.RECEIVED,
            RequestState.HELD,
            RequestState.PAUSED,
            RequestState.CANCELLED,
            RequestState.DENIED,
        }
    ),
    # Back to received: lineage still shows the person somewhere, so it is planned once more.
    RequestState.IN_PROGRESS: frozenset(
        {RequestState.COMPLETE, RequestState.HELD, RequestState.RECEIVED}
    ),
    RequestState.COMPLETE: frozenset(),
    RequestState.CANCELLED: frozenset(),
    RequestState.DENIED: frozenset(),
}
OPEN: Final = frozenset(state for state, onward in MOVES.items() if onward)
RUNNING: Final = OPEN - {RequestState.HELD}
"""Whose date can be missed: what is held past its date is not late."""


def require_move(current: RequestState, target: RequestState) -> None:
    """Raise `MoveNotAllowed` unless a request may go straight from one state to the other."""
    if target not in MOVES[current]:
        raise MoveNotAllowed(current, target)
