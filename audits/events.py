"""What the audits app writes into the trail about itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRaised:
    """Something came up that a person must look at."""

    alert_id: int
    kind: str
    detail: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertResolved:
    """Somebody said what was done; the words stay in the alert, where they can be erased."""

    alert_id: int
    kind: str
