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
    rows = list(
        shares.select_related(
            "obligation__store", "obligation__model", "obligation__recipient"
        ).order_by("pk")
    )
    said = outcome or ""
    for share in rows:
        trail.record(
            OutcomeDecided(
                request_id=str(share.request_id),
                target=target_of(share.obligation),
                outcome=said,
                note=note[:300],
            ),
            about=f"request/{share.request_id}",
        )
    Share.objects.filter(pk__in=[share.pk for share in rows]).update(
        outcome=said,
        note=note[:300],
        decided_at=trail.now if outcome is Outcome.HELD else None,
    )
