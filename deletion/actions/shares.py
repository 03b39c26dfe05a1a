"""Outcomes that change without a run's result, each recorded for the request that it is about."""

from django.db.models import QuerySet

from audits.trail import Trail
from deletion.events import OutcomeDecided
from deletion.models import Share
from deletion.queries.targets import target_of
from deletion.states import Outcome


def note_outcome(
    shares: QuerySet[Share], outcome: Outcome | None, *, note: str, trail: Trail
) -> None:
    """Give the shares an outcome, or open them again with None; the caller holds their requests."""
    rows = list(shares.select_related("obligation__store", "obligation__model").order_by("pk"))
    for share in rows:
        share.outcome = outcome or ""
        share.note = note[:300]
        share.decided_at = trail.now if outcome is Outcome.HELD else None
        trail.record(
            OutcomeDecided(
                request_id=str(share.request_id),
                target=target_of(share.obligation),
                outcome=share.outcome,
                note=share.note,
            ),
            about=f"request/{share.request_id}",
        )
    Share.objects.bulk_update(rows, ["outcome", "note", "decided_at"], batch_size=1000)
