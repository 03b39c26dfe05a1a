"""Who waits for a code, and whose address was not confirmed in time."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Q

from deletion.models import DeletionRequest, EmailCheck
from deletion.queries.deadlines import ABOUT
from deletion.states import RequestState

NOT_SENT: Final = "code-not-sent"
UNVERIFIED: Final = "person-not-verified"

_MOST: Final = 256  # by one sweep: the next one goes on


def codes_wanted(*, now: datetime, limit: int) -> list[UUID]:
    """Return the requests of which a code is to be sent, who waits longest first."""
    found = EmailCheck.objects.filter(
        Q(not_before=None) | Q(not_before__lte=now), wanted_at__isnull=False, expires_at__gt=now
    )
    return list(found.order_by("wanted_at", "pk").values_list("request_id", flat=True)[:limit])


def expired_checks(*, now: datetime) -> list[UUID]:
    """Return the requests whose address is kept no longer."""
    found = EmailCheck.objects.filter(expires_at__lte=now).order_by("expires_at", "pk")
    return list(found.values_list("request_id", flat=True)[:_MOST])


def no_more_unverified(abouts: Iterable[str]) -> list[str]:
    """Return those of the requests, as alerts name them, that wait for their person no longer."""
    asked = {UUID(about.removeprefix(ABOUT)): about for about in abouts}
    waiting = DeletionRequest.objects.filter(pk__in=asked, state=RequestState.UNVERIFIED)
    return sorted(asked[pk] for pk in asked.keys() - set(waiting.values_list("pk", flat=True)))
