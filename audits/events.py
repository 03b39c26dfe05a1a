"""What the audits app writes into the trail about itself."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRaised:
    """Something came up that a person must look at."""

    alert_id: int
    kind: str
    detail: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailRecovered:
    """The database came back from a backup: what was sealed after it is lost, and this is how much.

    The trail goes on under a new name from here. Whoever kept a checkpoint of the old name can
    compare it with the one that is cited.
    """

    old_origin: str
    old_size: int  # facts that the witness had seen
    old_root: str
    kept: int  # sealed facts that the database holds
    kept_root: str
    newest_kept_at: datetime | None  # when the last of them was sealed
    recovered_by: str
    approved_by: str
    lost_requests: tuple[str, ...]  # known from an export of the trail, the first of them
    lost_requests_count: int
    is_loss_known: bool  # an export covered everything that is lost


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertResolved:
    """Somebody said what was done; the words stay in the alert, where they can be erased."""

    alert_id: int
    kind: str
