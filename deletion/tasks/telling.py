"""Telling recipients over HTTP: claimed, then called outside of any transaction, then recorded."""

import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from random import random
from typing import Final
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from audits.trail import Actor
from deletion import actions, opendsr, webhooks
from deletion.actions.claims import claims_in
from deletion.actions.requests import key_of
from deletion.errors import DisgorgementUnknown, RecipientUnknown, TellingUnknown
from deletion.queries.errands import Errand, errand
from deletion.queries.orders import OrderErrand, order_errand
from deletion.queries.recipients import recipient_numbered
from deletion.tasks.attempts import me
from deletion.telling import Fate, Way, fate_of, next_attempt, next_look
from deletion.webhooks import Hashed, Notice
from lineage.errors import LeaseLost
from lineage.leases import Token
from training.calling.calls import Answered, call
from training.calling.signing import headers_of
from training.queries import address_policy

TELLER: Final = Actor("task:deletion.tell")

_LEAST_LEASE: Final = timedelta(seconds=120)  # longer than a call can take
_JSON: Final = {"content-type": "application/json", "accept": "application/json"}
_NOBODY: Final = "the person gave no identifier that this recipient knows"


@shared_task(ignore_result=True, acks_late=True, soft_time_limit=90, time_limit=120)
def tell(telling_id: str) -> None:
    """Send one message, or ask how far the recipient is.

    Safe to run twice, and to kill at any moment: the lease passes on, and the message goes out
    again under its id.
    """
    number = UUID(telling_id)
    with suppress(TellingUnknown, LeaseLost):  # it has ended, or another worker reports
        lease = actions.claim_telling(
            telling_id=number,
            owner=me(),
            length=max(settings.LEASE, _LEAST_LEASE),
            actor=TELLER,
            now=timezone.now(),
        )
        if lease is None:
            return
        about = errand(number)
        if about.is_question:
            _ask(about, lease.token)
        else:
            _send(about, lease.token)


@shared_task(ignore_result=True, acks_late=True, soft_time_limit=90, time_limit=120)
def test_recipient(recipient_id: int) -> None:
    """Send a message that names nobody, or ask a processor to describe itself."""
    with suppress(RecipientUnknown):
        recipient = recipient_numbered(recipient_id)
        now = timezone.now()
        if recipient.way == Way.OPENDSR:
            answered = call(
                opendsr.discovery_url(recipient.url),
                method="GET",
                body=b"",
                headers=_JSON,
                policy=address_policy(),
                now=now,
            )
        else:
            body = webhooks.trial_body(at=now)
            answered = call(
                recipient.url,
                method="POST",
                body=body,
                headers=headers_of(
                    body,
                    message=f"msg_{secrets.token_hex(16)}",
                    at=now,
                    signing_key=settings.WEBHOOK_SIGNING_KEY,
                    recipient=recipient.name,
                ),
                policy=address_policy(),
                now=now,
            )
        actions.record_test(
            recipient=recipient.name,
            status=answered.status,
            trouble=_trouble(answered),
            actor=TELLER,
            now=timezone.now(),
        )


@shared_task(ignore_result=True, acks_late=True, soft_time_limit=90, time_limit=120)
def tell_of_order(notice_id: str) -> None:
    """Tell a recipient of an order to give data up. Safe to run twice, and to kill anywhere."""
    number = UUID(notice_id)
    with suppress(DisgorgementUnknown, LeaseLost):
        lease = actions.claim_notice(
            notice_id=number,
            owner=me(),
            length=max(settings.LEASE, _LEAST_LEASE),
            actor=TELLER,
            now=timezone.now(),
        )
        if lease is not None:
            _send_order(order_errand(number), lease.token)


def _send_order(about: OrderErrand, token: Token) -> None:
    now = timezone.now()
    body = webhooks.order_body(
        disgorgement=about.disgorgement_id,
        reference=about.reference,
        what=about.what,
        approved_at=about.approved_at,
        due_at=about.due_at,
    )
    answered = call(
        about.url,
        method="POST",
        body=body,
        headers=headers_of(
            body,
            message=webhooks.message_id(about.notice_id),
            at=now,
            signing_key=settings.WEBHOOK_SIGNING_KEY,
            recipient=about.recipient,
        ),
        policy=address_policy(),
        now=now,
    )
    now = timezone.now()
    fate = fate_of(answered.status) if answered.status is not None else Fate.AGAIN
    if fate is Fate.DELIVERED:
        actions.notice_accepted(notice_id=about.notice_id, token=token, actor=TELLER, now=now)
        return
    actions.notice_failed(
        notice_id=about.notice_id,
        token=token,
        status=answered.status,
        trouble=_trouble(answered),
        again_at=next_attempt(
            about.attempts,
            jitter=random(),  # noqa: S311  # spreads load, hides nothing
            asked=answered.retry_after,
            now=now,
        ),
        is_gone=fate is Fate.GONE,
        actor=TELLER,
        now=now,
    )


def _send(about: Errand, token: Token) -> None:
    identifiers = _identifiers(about)
    if not identifiers:
        actions.telling_impossible(
            telling_id=about.telling_id,
            token=token,
            why=_NOBODY,
            actor=TELLER,
            now=timezone.now(),
        )
        return
    notice = Notice(
        request_id=about.request.pk,
        regime=about.request.regime,
        erased_at=about.erased_at,
        due_at=about.due_at,
        identifiers=identifiers,
    )
    if about.way is Way.OPENDSR:
        _send_to_processor(about, notice, token)
    else:
        _send_webhook(about, notice, token)


def _send_webhook(about: Errand, notice: Notice, token: Token) -> None:
    now = timezone.now()
    body = webhooks.erasure_body(notice)
    answered = call(
        about.url,
        method="POST",
        body=body,
        headers=headers_of(
            body,
            message=webhooks.message_id(about.telling_id),
            at=now,
            signing_key=settings.WEBHOOK_SIGNING_KEY,
            recipient=about.recipient,
        ),
        policy=address_policy(),
        now=now,
    )
    if answered.status is None or fate_of(answered.status) is not Fate.DELIVERED:
        _failed(about, token, answered)
        return
    actions.telling_accepted(
        telling_id=about.telling_id,
        token=token,
        status=answered.status,
        told_by=about.way.value,
        answer=None,
        expected_at=None,
        is_told=True,
        actor=TELLER,
        now=timezone.now(),
    )


def _send_to_processor(about: Errand, notice: Notice, token: Token) -> None:
    now = timezone.now()
    answered = call(
        opendsr.requests_url(about.url),
        method="POST",
        body=opendsr.request_of(
            notice,
            telling_id=about.telling_id,
            at=about.erased_at,
            callback_url=about.callback_url,
        ),
        headers=_JSON,
        policy=address_policy(),
        reads=True,
        now=now,
    )
    said = opendsr.accepted(answered.body, telling_id=about.telling_id)
    if answered.status is None or fate_of(answered.status) is not Fate.DELIVERED or said is None:
        _failed(about, token, answered, otherwise="its answer is not one of OpenDSR")
        return
    actions.telling_accepted(
        telling_id=about.telling_id,
        token=token,
        status=answered.status,
        told_by=about.way.value,
        answer=said.answer,
        expected_at=said.expected_at,
        is_told=not about.waits_for_answer,
        actor=TELLER,
        now=timezone.now(),
    )


def _ask(about: Errand, token: Token) -> None:
    answered = call(
        opendsr.status_url(about.url, telling_id=about.telling_id),
        method="GET",
        body=b"",
        headers=_JSON,
        policy=address_policy(),
        reads=True,
        now=timezone.now(),
    )
    said = opendsr.status_in(answered.body, telling_id=about.telling_id, domain=about.domain)
    if answered.status is None or fate_of(answered.status) is not Fate.DELIVERED or said is None:
        _failed(about, token, answered, otherwise="its answer is not one of OpenDSR")
        return
    actions.telling_answered(
        telling_id=about.telling_id,
        token=token,
        status=answered.status,
        said=said,
        digest=sha256(answered.body).hexdigest(),
        actor=TELLER,
        now=timezone.now(),
    )


def _identifiers(about: Errand) -> list[Hashed]:
    """Return what the recipient may know of the person, unsealed for this one message."""
    return [
        Hashed(called=about.namespaces[claim.namespace], digest=claim.digest)
        for claim in claims_in(about.request, key_of(about.request))
        if claim.namespace in about.namespaces
    ]


def _failed(about: Errand, token: Token, answered: Answered, *, otherwise: str = "") -> None:
    now = timezone.now()
    actions.telling_failed(
        telling_id=about.telling_id,
        token=token,
        status=answered.status,
        trouble=_trouble(answered) or otherwise,
        again_at=_again_at(about, answered, now),
        is_gone=answered.status is not None and fate_of(answered.status) is Fate.GONE,
        actor=TELLER,
        now=now,
    )


def _again_at(about: Errand, answered: Answered, now: datetime) -> datetime | None:
    """Return when to try again; a question that was asked too often is still asked now and then."""
    again_at = next_attempt(
        about.attempts,
        jitter=random(),  # noqa: S311  # spreads load, hides nothing
        asked=answered.retry_after,
        now=now,
    )
    return next_look(None, now=now) if again_at is None and about.is_question else again_at


def _trouble(answered: Answered) -> str:
    """Return what is kept of a failure: the kind of it, never what the other side wrote."""
    if answered.status is None or fate_of(answered.status) is Fate.DELIVERED:
        return answered.trouble
    return answered.trouble or f"it answered {answered.status}"
