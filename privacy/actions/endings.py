"""Steps that several actions end a draw with, in their transaction and under their locks."""

from datetime import datetime

from privacy.events import ReleaseFailed, ReleaseVoided
from privacy.models import Account, JournalEntry, Release
from privacy.states import ReleaseState, require_move


def void(release: Release, account: Account, *, reason: str, now: datetime) -> ReleaseVoided:
    """End a draw that never began, and return its debit."""
    require_move(ReleaseState(release.state), ReleaseState.VOID)
    release.state = ReleaseState.VOID
    release.last_error = reason
    finish(release, now=now)
    account.spent_nano_rho -= release.cost_nano_rho
    account.save(update_fields=["spent_nano_rho"])
    JournalEntry.objects.create(
        account=account, release=release, nano_rho=-release.cost_nano_rho, at=now
    )
    return ReleaseVoided(
        release_id=str(release.pk), reason=reason, refunded_nano_rho=release.cost_nano_rho
    )


def fail(release: Release, *, reason: str, now: datetime) -> ReleaseFailed:
    """End a draw that began; it stays charged."""
    require_move(ReleaseState(release.state), ReleaseState.FAILED_CHARGED)
    release.state = ReleaseState.FAILED_CHARGED
    release.last_error = reason
    finish(release, now=now)
    return ReleaseFailed(
        release_id=str(release.pk), reason=reason, charged_nano_rho=release.cost_nano_rho
    )


def finish(release: Release, *changed: str, now: datetime) -> None:
    """Save how a draw ended; its workers are told with their tokens."""
    release.finished_at = now
    release.lease_until = None
    release.fencing_token += 1  # a slow worker's token is worth nothing from here on
    release.save(
        update_fields=[
            *("state", "last_error", "finished_at", "lease_until", "fencing_token"),
            *changed,
        ]
    )
