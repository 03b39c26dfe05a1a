"""The suppression list: for which reasons, and when, it lets people go. Pure."""

from enum import StrEnum


class LiftReason(StrEnum):
    """Why somebody may be known again."""

    CONSENT = "consented anew"
    MISTAKE = "listed by mistake"
