"""Telling recipients of an order to give data up, by the signed messages that tell of erasures.

Only webhooks can say it: a request of OpenDSR is always about a person, and an order names none.
Whom no message reaches, an officer tells and attests, as for everything that Lethe cannot reach.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from audits.trail import Actor, audited
from deletion.actions.recipients import lock_recipient, switch_off
from deletion.disgorgement import ItemKind, OrderState, Standing
from deletion.errors import DisgorgementUnknown
from deletion.events import (
    ItemTestified,
    OrderNoticeBegan,
    OrderNoticeFailed,
    OrderNoticePlanned,
)
from deletion.models import Disgorgement, OrderNotice, Recipient, Testimony
from deletion.queries.orders import notices_to_send
from deletion.telling import Way
from lineage.errors import LeaseLost
from lineage.leases import Lease, Token, next_lease
from lineage.models import Node

TOLD: Final = "they accepted a signed message about the order"


def plan_notices(
    *, order: Disgorgement, left: Sequence[Standing], actor: Actor, now: datetime
) -> None:
    """Plan a message to each recipient that an order reaches, within an action that holds it."""
    items = {one.item.id: one.item.key for one in left if one.item.kind is ItemKind.RECIPIENT}
    known = set(order.notices.values_list("item", flat=True))
    names = dict(Node.objects.filter(pk__in=items).values_list("pk", "name"))
    webhooks = {
        recipient.name: recipient
        for recipient in Recipient.objects.filter(
            name__in=names.values(), way=Way.WEBHOOK, disabled_at=None
        )
    }
    new = [
        (key, webhooks[names[node]])
        for node, key in sorted(items.items())
        if key not in known and names.get(node) in webhooks
    ]
    if not new:
        return
    with audited(actor=actor, now=now) as trail:
        for item, recipient in new:
            notice = OrderNotice.objects.create(disgorgement=order, item=item, recipient=recipient)
            trail.record(
                OrderNoticePlanned(
                    disgorgement_id=order.pk,
                    item=item,
                    recipient=recipient.name,
                    notice=str(notice.pk),
                ),
                about=f"disgorgement/{order.pk}",
            )


def claim_notice(
    *, notice_id: UUID, owner: str, length: timedelta, actor: Actor, now: datetime
) -> Lease | None:
    """Take a message about an order to send it; None while it must wait, or is not wanted."""
    with transaction.atomic():
        notice = _locked(notice_id)
        lease = next_lease(
            token=notice.fencing_token, until=notice.lease_until, now=now, length=length
        )
        if lease is None or not notices_to_send(now=now).filter(pk=notice_id).exists():
            return None
        with audited(actor=actor, now=now) as trail:
            notice.lease_owner = owner
            notice.lease_until = lease.until
            notice.fencing_token = lease.token
            notice.attempts += 1
            notice.save()
            trail.record(
                OrderNoticeBegan(
                    disgorgement_id=notice.disgorgement_id,
                    item=notice.item,
                    notice=str(notice.pk),
                    attempt=notice.attempts,
                ),
                about=f"disgorgement/{notice.disgorgement_id}",
            )
    return lease


def notice_accepted(*, notice_id: UUID, token: Token, actor: Actor, now: datetime) -> OrderNotice:
    """Settle the item of an order whose recipient accepted the message.

    An officer may have attested it meanwhile: their word stands.
    """
    with audited(actor=actor, now=now) as trail:
        notice = _held(notice_id, token)
        notice.accepted_at = now
        notice.lease_until = None
        notice.last_error = ""
        notice.save()
        Testimony.objects.get_or_create(
            disgorgement=notice.disgorgement,
            item=notice.item,
            defaults={"finding": TOLD, "said_by": actor, "said_at": now},
        )
        trail.record(
            ItemTestified(
                disgorgement_id=notice.disgorgement_id,
                item=notice.item,
                finding=TOLD,
                evidence_digest="",
            ),
            about=f"disgorgement/{notice.disgorgement_id}",
        )
    return notice


def notice_failed(  # noqa: PLR0913  # keyword-only
    *,
    notice_id: UUID,
    token: Token,
    status: int | None,
    trouble: str,
    again_at: datetime | None,
    is_gone: bool,
    actor: Actor,
    now: datetime,
) -> OrderNotice:
    """Note that an attempt failed; without `again_at` an officer tells them and attests."""
    with audited(actor=actor, now=now) as trail:
        notice = _held(notice_id, token)
        notice.lease_until = None
        notice.not_before = again_at
        notice.last_error = trouble
        notice.save()
        if is_gone and notice.recipient.disabled_at is None:
            switch_off(notice.recipient, because="it answered 410: gone", trail=trail)
        trail.record(
            OrderNoticeFailed(
                disgorgement_id=notice.disgorgement_id,
                item=notice.item,
                notice=str(notice.pk),
                status=status,
                trouble=trouble,
                again_at=again_at,
            ),
            about=f"disgorgement/{notice.disgorgement_id}",
        )
    return notice


def _locked(notice_id: UUID) -> OrderNotice:
    """Return a notice that nobody else changes meanwhile; its order and recipient are locked."""
    found = OrderNotice.objects.filter(pk=notice_id).select_related("recipient").first()
    if found is None:
        raise DisgorgementUnknown
    order = Disgorgement.objects.select_for_update(no_key=True).get(pk=found.disgorgement_id)
    recipient = lock_recipient(found.recipient.name)
    notice = OrderNotice.objects.select_for_update(no_key=True).get(pk=notice_id)
    notice.disgorgement, notice.recipient = order, recipient
    return notice


def _held(notice_id: UUID, token: Token) -> OrderNotice:
    notice = _locked(notice_id)
    if notice.fencing_token != token or notice.disgorgement.state != OrderState.APPROVED:
        raise LeaseLost
    return notice
