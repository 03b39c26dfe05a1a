"""Who may work on a piece of work, and until when. Pure; the rows are locked by the caller."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType

Token = NewType("Token", int)
"""A fencing token: each new lease of a thing gets a larger one; only the largest may report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right of one worker to work on one thing until a moment."""

    token: Token
    until: datetime


def next_lease(
    *, token: int, until: datetime | None, now: datetime, length: timedelta
) -> Lease | None:
    """Return the lease that a claimant gets now, or None while somebody else's lease runs."""
    if until is not None and until > now:
        return None
    return Lease(token=Token(token + 1), until=now + length)
