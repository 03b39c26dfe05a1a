"""Facts about orders to give data up with what was made of it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DisgorgementProposed:
    """Somebody proposed to give data up by order, with all that was made of it."""

    disgorgement_id: int
    named_by: str
    name: str
    order: str
    plan_digest: str
    items: int
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DisgorgementApproved:
    """A second person approved the plan; what Lethe made is retired, withdrawn and doomed."""

    disgorgement_id: int
    plan_digest: str
    proposed_by: str
    families: int
    versions: int
    trainings: int
    releases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DisgorgementRefused:
    """The proposal was refused or taken back."""

    disgorgement_id: int
    plan_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemTestified:
    """Lethe saw a place gone, or (no finding) somebody gave their word for a thing."""

    disgorgement_id: int
    item: str
    finding: str
    evidence_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNoticePlanned:
    """A recipient that an order reaches is to be told by a signed message."""

    disgorgement_id: int
    item: str
    recipient: str
    notice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNoticeBegan:
    """A worker is about to tell a recipient of an order."""

    disgorgement_id: int
    item: str
    notice: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNoticeFailed:
    """An attempt to tell a recipient of an order failed; there is another, or a person must."""

    disgorgement_id: int
    item: str
    notice: str
    status: int | None
    trouble: str
    again_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisgorgementCarriedOut:
    """Nothing is left of what the order reaches; the digest is that of the signed statement."""

    disgorgement_id: int
    items: int
    in_time: bool
    certificate_digest: str
