"""A lease written into the row of a piece of work, the same way wherever workers take turns."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from lineage.leases import Lease
from lineage.models import LeasedWork

_TAKEN: Final = (
    "lease_owner",
    "lease_until",
    "leased_at",
    "fencing_token",
    "leases_lost",
    "attempts",
)


def take(
    work: LeasedWork, *, lease: Lease, owner: str, also: Sequence[str] = (), now: datetime
) -> None:
    """Give a locked row to a worker for one more attempt; the caller records what began.

    Whoever ends an attempt gives the lease back, so one that still stands here has run out: its
    worker died, or was cut off. `also` names further fields that changed.
    """
    work.leases_lost += work.lease_until is not None
    work.lease_owner = owner
    work.lease_until = lease.until
    work.leased_at = now
    work.fencing_token = lease.token
    work.attempts += 1
    work.save(update_fields=[*_TAKEN, *also])
