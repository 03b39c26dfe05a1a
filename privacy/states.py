"""The life of an anonymised release: debited before noise is drawn, never refunded after."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from privacy.errors import MoveNotAllowed


class ReleaseState(StrEnum):
    """How far a draw has come, and what that means for the budget."""

    RESERVED = "reserved"  # debited; no noise drawn: may be voided
    DRAWING = "drawing"  # noise may have been drawn: charged for ever
    COMMITTED = "committed"
    FAILED_CHARGED = "failed, charged"
    WITHDRAWN = "withdrawn"  # its source was given up by order: the result is erased
    VOID = "void"  # refunded, because drawing provably never began


MOVES: Final[Mapping[ReleaseState, frozenset[ReleaseState]]] = {
    ReleaseState.RESERVED: frozenset({ReleaseState.DRAWING, ReleaseState.VOID}),
    ReleaseState.DRAWING: frozenset({ReleaseState.COMMITTED, ReleaseState.FAILED_CHARGED}),
    ReleaseState.COMMITTED: frozenset({ReleaseState.WITHDRAWN}),
    ReleaseState.WITHDRAWN: frozenset(),
    ReleaseState.FAILED_CHARGED: frozenset(),
    ReleaseState.VOID: frozenset(),
}

ANSWERING: Final = frozenset({ReleaseState.RESERVED, ReleaseState.DRAWING, ReleaseState.COMMITTED})
"""A release in one of these answers its question; another draw would be paid for twice."""


def require_move(current: ReleaseState, target: ReleaseState) -> None:
    """Raise `MoveNotAllowed` unless a release may go straight from one state to the other."""
    if target not in MOVES[current]:
        raise MoveNotAllowed(current, target)
