"""The suppression list: for which reasons, and when, it lets people go. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum


class LiftReason(StrEnum):
    """Why somebody may be known again."""

    CONSENT = "consented anew"
    MISTAKE = "listed by mistake"


def expiry_of(suppressed_at: datetime, *, days: int) -> datetime | None:
    """Return when the list lets go of who is put on it now; None is never, which 0 days mean."""
    return suppressed_at + timedelta(days=days) if days else None
