"""Which dates draw near with nobody at work, and which alerts about dates have been answered."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import (
    CharField,
    DateTimeField,
    DurationField,
    Exists,
    Expression,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Value,
)
from django.db.models.functions import Cast, Concat

from audits.alerts import OpenAlert
from audits.models import Alert
from deletion.models import DeletionRequest, Obligation, Share
from deletion.queries.targets import is_store, named
from deletion.states import OPEN_OUTCOMES, ObligationKind, RequestState
from deletion.urgency import LAST_PART

ABOUT: Final = "request/"
"""What stands before a request's number where an alert names it."""

NOT_BEGUN: Final = (
    RequestState.UNVERIFIED,
    RequestState.RECEIVED,
    RequestState.PLANNED,
    RequestState.HELD,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """A request of which a date draws near, or has passed, and on which nobody works."""

    request_id: UUID
    state: str
    clock: str
    due_at: datetime


def near_dates(*, kind: str, limit: int, now: datetime) -> list[Near]:
    """Return such requests, the most urgent first, without those that people know of.

    They know of a date when an alert of this kind is open, or was answered since the date drew
    near.
    """
    named = Concat(Value(ABOUT), Cast("pk", CharField()))
    rows = (
        _near(now)
        .annotate(about=named)
        .exclude(Exists(Alert.objects.filter(kind=kind, about=OuterRef("about"), resolved_at=None)))
        .filter(
            _is_near("data", now) & ~_is_known("data", kind)
            | _is_near("models", now) & ~_is_known("models", kind)
        )
    )
    return [_seen(row) for row in rows.order_by("erase_by", "pk")[:limit]]


def still_near(request_ids: Collection[UUID], *, now: datetime) -> frozenset[UUID]:
    """Return those of the requests of which that is true."""
    return frozenset(_near(now).filter(pk__in=list(request_ids)).values_list("pk", flat=True))


def is_answered(alert: OpenAlert) -> bool:
    """Say whether everything has ended that waited for a target when an alert about it began."""
    name = named(alert.about)
    target = Q(store__name=name) if is_store(alert.about) else Q(model__name=name)
    waiting = Obligation.objects.filter(
        target,
        discharged_at=None,
        created_at__lte=alert.raised_at,
        shares__outcome__in=OPEN_OUTCOMES,
        shares__request__state=RequestState.IN_PROGRESS,
    )
    return not waiting.exists()


def _near(now: datetime) -> QuerySet[DeletionRequest]:
    """Return the requests whose targets nobody works on, in the last part of a clock's time."""
    idle = (
        Q(state__in=NOT_BEGUN)
        | Q(state=RequestState.IN_PROGRESS) & ~_at_work("pk")
        # Also while the clocks of the one that does the work stand still: those of this one go on.
        | Q(state=RequestState.MERGED)
        & (~Q(behind__state=RequestState.IN_PROGRESS) | ~_at_work("behind"))
    )
    return DeletionRequest.objects.annotate(
        data_near_from=_near_from("erase_by"), models_near_from=_near_from("models_by")
    ).filter(idle, _is_near("data", now) | _is_near("models", now))


def _at_work(request: str) -> Exists:
    shares = Share.objects.filter(request=OuterRef(request), outcome__in=OPEN_OUTCOMES)
    # Recipients may wait for a person.
    return Exists(shares.exclude(obligation__kind=ObligationKind.TELL))


def _near_from(due: str) -> Expression:
    """Return the moment from which a date is near: what `urgency_of` says, to the database."""
    part = ExpressionWrapper((F(due) - F("received_at")) / LAST_PART, DurationField())
    return ExpressionWrapper(F(due) - part, DateTimeField())


def _is_near(clock: str, now: datetime) -> Q:
    near = Q(**{f"{clock}_near_from__lte": now})
    return near & Q(erased_at=None) if clock == "data" else near


def _is_known(clock: str, kind: str) -> Exists:
    since = OuterRef(f"{clock}_near_from")
    return Exists(Alert.objects.filter(kind=kind, about=OuterRef("about"), raised_at__gte=since))


def _seen(request: DeletionRequest) -> Near:
    clocks = [(request.models_by, "models clean")]
    if request.erased_at is None:
        clocks.append((request.erase_by, "data erased"))
    due_at, clock = min(clocks)
    return Near(request_id=request.pk, state=request.state, clock=clock, due_at=due_at)
