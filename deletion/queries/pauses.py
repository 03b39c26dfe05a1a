"""How long a request's clocks have stood still, and whose answer is waited for too long."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import CharField, Exists, OuterRef, Value
from django.db.models.functions import Cast, Concat

from audits.models import Alert
from deletion.models import DeletionRequest, Extension, Pause
from deletion.queries.deadlines import ABOUT
from deletion.regimes import regime_named

_MOST: Final = 256  # by one sweep: the next one goes on


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A person was asked and has not answered for as long as their regime declares."""

    about: str
    article: str
    asked_at: datetime


def paused_for(request: DeletionRequest, *, until: datetime | None = None) -> timedelta:
    """Return how long a request's clocks stood still; `until` counts the pause that lasts, too."""
    lasts = until - request.paused_since if until and request.paused_since else timedelta(0)
    return sum((answer - asked for asked, answer in _answered(request)), lasts)


def last_answer(request: DeletionRequest) -> datetime | None:
    """Return when the last pause of a request was answered."""
    return max((answer for _, answer in _answered(request)), default=None)


def lawful_until(request: DeletionRequest) -> datetime:
    """Return the law's own date for a request, its extension and its ended pauses included."""
    extended = Extension.objects.filter(request=request).exists()
    law = regime_named(request.regime)
    clocks = law.clocks(request.received_at, extended=extended, paused=paused_for(request))
    return clocks.lawful_until


def silences(*, kind: str, now: datetime) -> list[Silence]:
    """Return whose silence people do not know of: no alert of this kind since they were asked."""
    told = Alert.objects.filter(
        kind=kind, about=OuterRef("about"), raised_at__gte=OuterRef("asked_at")
    )
    found = (
        Pause.objects.filter(ended_at=None, alert_at__lte=now)
        .annotate(about=Concat(Value(ABOUT), Cast("request_id", CharField())))
        .exclude(Exists(told))
        .order_by("alert_at", "pk")
    )
    return [
        Silence(about=row.about, article=row.article, asked_at=row.asked_at)
        for row in found[:_MOST]
    ]


def still_silent(abouts: Collection[str]) -> frozenset[str]:
    """Return those of the requests, as alerts name them, that are paused."""
    ids = [UUID(about.removeprefix(ABOUT)) for about in abouts]
    found = Pause.objects.filter(request__in=ids, ended_at=None)
    return frozenset(f"{ABOUT}{request}" for request in found.values_list("request_id", flat=True))


def _answered(request: DeletionRequest) -> list[tuple[datetime, datetime]]:
    return [
        (asked_at, answered_at)
        for asked_at, answered_at in request.pauses.values_list("asked_at", "answered_at")
        if answered_at is not None
    ]
