"""Who was reached by a request's person, who has to be told of it, and how that stands."""

import json
from base64 import b64decode
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet
from django.urls import reverse

from deletion.callbacks import CallbackKey, key_in
from deletion.errors import RecipientUnknown, TellingUnknown
from deletion.models import Certificate, DeletionRequest, Recipient, Share, Telling
from deletion.states import ENDED_WELL, OPEN_OUTCOMES, ObligationKind, Outcome, RequestState
from deletion.telling import AWAITED, BY_HTTP, Document, Told, Way

NOBODY_DECLARED: Final = "nobody declared how they can be told"


def domain_of(recipient: Recipient) -> str:
    """Return the host at which a recipient is told, as it names itself when it calls back."""
    return (urlsplit(recipient.url).hostname or "").lower()


def callback_key_of(recipient: Recipient) -> CallbackKey:
    """Return what verifies the callbacks of a recipient that has declared it."""
    return key_in(recipient.callback_key)


def callback_url_of(recipient: Recipient) -> str:
    """Return where a recipient may call back; nothing if nobody could verify it."""
    if not settings.PUBLIC_URL or not recipient.callback_key:
        return ""
    return f"{settings.PUBLIC_URL}{reverse('recipient-callbacks', args=[recipient.pk])}"


def tellings_of(request: DeletionRequest) -> QuerySet[Telling]:
    """Return whom a request's person reached, by name, and how telling them stands."""
    return (
        Telling.objects.filter(share__request=request)
        .select_related("share__obligation__recipient")
        .prefetch_related("evidence")
        .order_by("share__obligation__recipient__name", "pk")
    )


def told_of(request: DeletionRequest) -> list[Told]:
    """Return the same as a certificate states it."""
    return [_told(row) for row in tellings_of(request)]


def _told(row: Telling) -> Told:
    """Return what a telling says of its recipient."""
    recipient = row.share.obligation.recipient
    return Told(
        recipient=recipient.name if recipient is not None else "",
        outcome=row.share.outcome,
        note=row.share.note,
        told_by=row.told_by,
        told_at=row.told_at,
        answer=row.answer,
        proof_digest=row.proof_digest,
        evidence=tuple(
            Document(
                name=one.name,
                digest=one.digest,
                attached_by=one.attached_by,
                attached_at=one.attached_at,
            )
            for one in sorted(row.evidence.all(), key=lambda one: one.pk)
        ),
    )


def reached_before(request: DeletionRequest) -> list[tuple[str, str]]:
    """Return whom plan or certificate name without a duty to tell, and what they say of them.

    That is everybody before a plan is approved, and whoever an older version of Lethe left to
    people alone.
    """
    certificate = Certificate.objects.filter(request=request).first()
    if certificate is not None:
        said: dict[str, Any] = json.loads(b64decode(certificate.envelope["payload"]))["predicate"]
        named = [(one["recipient"], one["standing"]) for one in said.get("recipients", [])]
    elif request.batch is not None:
        named = [
            (one["recipient"], one["standing"])
            for one in request.batch.plan.get("recipients", [])
            if str(request.pk) in one["requests"]
        ]
    else:
        named = []
    known = {one.recipient for one in told_of(request)}
    return [(name, standing) for name, standing in named if name not in known]


def to_oblige(reached: Collection[tuple[str, UUID]]) -> list[tuple[str, UUID]]:
    """Return those of the recipients and requests for which there is no duty to tell yet."""
    rows = Share.objects.filter(
        obligation__kind=ObligationKind.TELL, request__in={request for _, request in reached}
    )
    known = set(rows.values_list("obligation__recipient__name", "request_id"))
    return [each for each in reached if each not in known]


def open_tellings() -> QuerySet[Telling]:
    """Return what has still to be told, whether its time has come or not."""
    return Telling.objects.filter(
        share__outcome__in=OPEN_OUTCOMES, share__request__state=RequestState.IN_PROGRESS
    )


def is_erased() -> Q:
    """Return the condition under which every store is free of a telling's person."""
    left = Share.objects.filter(
        request=OuterRef("share__request"), obligation__kind=ObligationKind.ERASE
    ).exclude(outcome__in=ENDED_WELL)
    return ~Q(Exists(left))


def to_send() -> QuerySet[Telling]:
    """Return what can be told now by a message."""
    return open_tellings().filter(
        is_erased(),
        share__outcome="",
        sent_at=None,
        share__obligation__recipient__way__in=sorted(BY_HTTP),
        share__obligation__recipient__disabled_at=None,
    )


def to_ask() -> QuerySet[Telling]:
    """Return what a processor has accepted and not ended; the request may be complete by now."""
    return Telling.objects.filter(
        sent_at__isnull=False,
        answer__in=AWAITED,
        share__obligation__recipient__way=Way.OPENDSR,
        share__obligation__recipient__disabled_at=None,
    )


def late_answers(*, now: datetime) -> dict[str, int]:
    """Return who said by when they would be done and are not, each with the number of requests."""
    rows = (
        to_ask()
        .filter(expected_at__lt=now)
        .values_list("share__obligation__recipient__name")
        .annotate(count=Count("pk"))
        .order_by("share__obligation__recipient__name")
    )
    return dict(rows)


def waiting_tellings(*, now: datetime, limit: int) -> list[UUID]:
    """Return what nobody works on and what may be told, or asked, now; the most urgent first."""
    free = (Q(lease_until=None) | Q(lease_until__lte=now)) & (
        Q(not_before=None) | Q(not_before__lte=now)
    )
    sends = to_send().filter(free).order_by("share__obligation__due_at", "pk")
    found = list(sends.values_list("pk", flat=True)[:limit])
    asks = to_ask().filter(free).order_by("not_before", "pk")
    return found + list(asks.values_list("pk", flat=True)[: limit - len(found)])


def waiting_tests(*, limit: int) -> list[int]:
    """Return the recipients to which a test message has still to be sent."""
    asked = Recipient.objects.filter(test_asked_at__isnull=False).filter(
        Q(tested_at=None) | Q(tested_at__lt=F("test_asked_at"))
    )
    return list(asked.order_by("test_asked_at").values_list("pk", flat=True)[:limit])


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Requests about which a person has to tell a recipient, or to see why Lethe cannot."""

    recipient: str
    requests: int
    why: str


def tasks_for_people() -> list[Task]:
    """Return what waits for people, a recipient each."""
    to_tell = Q(share__obligation__recipient__way=Way.BY_HAND) & is_erased()
    stuck = Q(share__outcome=Outcome.UNREACHABLE)
    disabled = Q(share__obligation__recipient__disabled_at__isnull=False) & is_erased()
    undeclared = Q(share__obligation__recipient__way="")
    rows = (
        open_tellings()
        .filter(to_tell | stuck | disabled | undeclared)
        .values(
            "share__obligation__recipient__name",
            "share__obligation__recipient__way",
            "share__obligation__recipient__disabled_because",
        )
        .annotate(count=Count("pk"), note=Max("share__note"))
        .order_by("share__obligation__recipient__name")
    )
    return [
        Task(
            recipient=row["share__obligation__recipient__name"],
            requests=row["count"],
            why=_why(
                row["share__obligation__recipient__way"],
                disabled=row["share__obligation__recipient__disabled_because"],
                note=row["note"],
            ),
        )
        for row in rows
    ]


def _why(way: str, *, disabled: str, note: str) -> str:
    if not way:
        return (
            f"{NOBODY_DECLARED}: an administrator declares it, or an officer tells them and"
            " records it"
        )
    if way == Way.BY_HAND:
        return "an officer tells them and records it"
    if disabled:
        return f"nothing is sent to them: {disabled}"
    return f"{note}: an officer looks, then retries or records"


def recipient_numbered(recipient_id: int) -> Recipient:
    """Return a recipient."""
    recipient = Recipient.objects.filter(pk=recipient_id).first()
    if recipient is None:
        raise RecipientUnknown
    return recipient


def recipients_seen() -> QuerySet[Recipient]:
    """Return every recipient with how the telling stands, by name."""
    tellings = "obligations__shares__telling"
    mine = Q(obligations__shares__request__state=RequestState.IN_PROGRESS)
    return Recipient.objects.annotate(
        told=Count(tellings, filter=Q(obligations__shares__outcome=Outcome.NOTIFIED)),
        excused=Count(tellings, filter=Q(obligations__shares__outcome=Outcome.EXCUSED)),
        waiting=Count(tellings, filter=mine & Q(obligations__shares__outcome="")),
        failing=Count(tellings, filter=mine & Q(obligations__shares__outcome=Outcome.UNREACHABLE)),
    ).order_by("name")


def recipient_shown(recipient_id: int) -> Recipient:
    """Return a recipient with how telling it stands."""
    recipient = recipients_seen().filter(pk=recipient_id).first()
    if recipient is None:
        raise RecipientUnknown
    return recipient


def telling_numbered(telling_id: UUID) -> Telling:
    """Return what one recipient is told about one request."""
    found = Telling.objects.select_related("share__obligation__recipient").prefetch_related(
        "evidence"
    )
    telling = found.filter(pk=telling_id).first()
    if telling is None:
        raise TellingUnknown
    return telling
