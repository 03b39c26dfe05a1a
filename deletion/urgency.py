"""How near a date is, and whether it was met. Pure."""

from datetime import datetime
from enum import StrEnum
from typing import Final

LAST_PART: Final = 5  # a date is near in the last fifth of its time


class Urgency(StrEnum):
    """How one date stands."""

    AHEAD = "ahead"
    NEAR = "near"
    OVERDUE = "overdue"  # still running, past its date
    HELD_PAST = "held, past its date"  # still running, kept for a legal reason: not late
    PAUSED = "paused"  # the clock stands still while the person is asked
    IN_TIME = "in time"
    LATE = "late"


def urgency_of(  # noqa: PLR0913  # what a date is judged by
    *,
    since: datetime,
    due_at: datetime,
    ended_at: datetime | None,
    held: bool = False,
    paused_since: datetime | None = None,
    now: datetime,
) -> Urgency:
    """Return how a date stands that was set at `since`.

    A hold does not stop its clock; a pause does, from when the person was asked.
    """
    if ended_at is not None:
        return Urgency.IN_TIME if ended_at <= due_at else Urgency.LATE
    if paused_since is not None and paused_since <= due_at:
        return Urgency.PAUSED
    if now > due_at:
        return Urgency.HELD_PAST if held else Urgency.OVERDUE
    left, whole = due_at - now, due_at - since
    return Urgency.NEAR if left * LAST_PART <= whole else Urgency.AHEAD
