"""Which messages about orders to give data up wait, and what each is about."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from deletion.disgorgement import OrderState
from deletion.errors import DisgorgementUnknown
from deletion.models import OrderNotice, Testimony
from deletion.telling import RETRIES, Way


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderErrand:
    """One message about an order to one recipient; no person is in it."""

    notice_id: UUID
    disgorgement_id: int
    reference: str
    approved_at: datetime
    due_at: datetime
    what: str  # which thing was passed on
    recipient: str
    url: str
    attempts: int


def notices_to_send(*, now: datetime) -> QuerySet[OrderNotice]:
    """Return what may be sent now; what somebody attested meanwhile is not sent any more."""
    said = Testimony.objects.filter(disgorgement=OuterRef("disgorgement"), item=OuterRef("item"))
    return OrderNotice.objects.filter(
        ~Exists(said),
        Q(not_before=None) | Q(not_before__lte=now),
        disgorgement__state=OrderState.APPROVED,
        accepted_at=None,
        attempts__lt=len(RETRIES),
        recipient__way=Way.WEBHOOK,
        recipient__disabled_at=None,
    )


def waiting_notices(*, now: datetime, limit: int) -> list[UUID]:
    """Return what nobody works on and may be sent now, the most urgent first."""
    free = notices_to_send(now=now).filter(Q(lease_until=None) | Q(lease_until__lte=now))
    ranked = free.order_by("disgorgement__due_at", "pk")
    return list(ranked.values_list("pk", flat=True)[:limit])


def order_errand(notice_id: UUID) -> OrderErrand:
    """Return what a claimed message is about."""
    found = OrderNotice.objects.select_related("disgorgement", "recipient")
    row = found.filter(pk=notice_id).first()
    if row is None:
        raise DisgorgementUnknown
    order = row.disgorgement
    ways = {
        f"{one['kind']}/{one['name']}": one["way"][-1] for one in order.plan["items"] if one["way"]
    }
    return OrderErrand(
        notice_id=row.pk,
        disgorgement_id=order.pk,
        reference=order.order,
        approved_at=order.decided_at or order.proposed_at,
        due_at=order.due_at,
        what=ways.get(row.item, row.item),
        recipient=row.recipient.name,
        url=row.recipient.url,
        attempts=row.attempts,
    )
