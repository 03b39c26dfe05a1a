"""What people who look at requests see."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Coalesce

from deletion.errors import NotComplete, RequestUnknown
from deletion.models import Batch, Certificate, DeletionRequest, Denial, Extension, Share
from deletion.outlook import Forecast
from deletion.queries.pauses import lawful_until, paused_for
from deletion.queries.targets import target_of
from deletion.queries.waiting import target_waits
from deletion.queries.workload import workload
from deletion.regimes import regime_named
from deletion.states import OPEN, OPEN_OUTCOMES, RUNNING, RequestState


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetView:
    """One target of a request: what has to be done, by when, and how it stands."""

    target: str
    kind: str
    because: str
    due_at: datetime
    outcome: str  # empty: still to be done
    note: str
    decided_at: datetime | None
    forecast: Forecast | None  # None: nothing more happens here
    waits_for: str = ""  # empty: it has ended


def requests_seen_by(
    *, caller: str | None, state: str = "", overdue: bool | None = None, now: datetime
) -> QuerySet[DeletionRequest]:
    """Return the requests that a caller opened, or all of them for those who may see all."""
    found = DeletionRequest.objects.all()
    if caller is not None:
        found = found.filter(caller=caller)
    if state:
        found = found.filter(state=state)
    if overdue is not None:
        late = is_overdue(now)
        found = found.filter(late) if overdue else found.exclude(late)
    return found


def is_overdue(now: datetime) -> Q:
    """Return the condition under which one of a request's two clocks has run out.

    A held request is never overdue: it is held, past its date. The clocks of a paused one stand
    still, so that it is overdue only if it was when the person was asked.
    """
    clock = Coalesce("paused_since", Value(now))
    return Q(state__in=sorted(RUNNING)) & (
        Q(erased_at=None, erase_by__lt=clock) | Q(models_by__lt=clock)
    )


def request_numbered(request_id: UUID, *, caller: str | None = None) -> DeletionRequest:
    """Return a request, if the caller may see it; None stands for those who may see all."""
    found = DeletionRequest.objects.filter(pk=request_id)
    request = (found if caller is None else found.filter(caller=caller)).first()
    if request is None:
        raise RequestUnknown
    return request


def merged_with(request: DeletionRequest, *, caller: str | None = None) -> list[UUID]:
    """Return the requests that are answered with this one, as far as the caller may see them."""
    found = request.followers.filter(state__in=[RequestState.MERGED, RequestState.COMPLETE])
    found = found if caller is None else found.filter(caller=caller)
    return list(found.order_by("received_at", "pk").values_list("pk", flat=True))


def targets_of(request: DeletionRequest, *, now: datetime) -> list[TargetView]:
    """Return the targets of a request, with a forecast where something is still to be done."""
    shares = list(
        Share.objects.filter(request=request)
        .select_related(
            *("obligation__store", "obligation__model", "obligation__run__training_run"),
            *("obligation__recipient", "run"),
        )
        .order_by("obligation__due_at", "pk")
    )
    is_open = any(share.outcome in OPEN_OUTCOMES for share in shares)
    forecasts = workload().decide(now=now).forecasts if is_open else {}
    return [
        TargetView(
            target=target_of(share.obligation),
            kind=share.obligation.kind,
            because=share.obligation.because,
            due_at=share.obligation.due_at,
            outcome=share.outcome,
            note=share.note,
            decided_at=share.decided_at,
            forecast=forecasts.get(target_of(share.obligation))
            if share.outcome in OPEN_OUTCOMES
            else None,
            waits_for=target_waits(
                share, forecast=forecasts.get(target_of(share.obligation)), now=now
            ),
        )
        for share in shares
    ]


def may_be_extended(request: DeletionRequest, *, now: datetime) -> bool:
    """Say whether the law still gives a request more time."""
    return (
        RequestState(request.state) in OPEN
        and regime_named(request.regime).may_extend(
            request.received_at, paused=paused_for(request, until=now), now=now
        )
        and not Extension.objects.filter(request=request).exists()
    )


def may_be_paused(request: DeletionRequest, *, now: datetime) -> bool:
    """Say whether the law may stop a request's clocks: it knows such a reason, and nobody works."""
    return (
        bool(regime_named(request.regime).pause_for)
        and now <= lawful_until(request)
        and not request.shares.exists()
    )


def denial_of(request: DeletionRequest) -> Denial | None:
    """Return why a request was denied, if it was."""
    return Denial.objects.filter(request=request).first()


def certificate_of(request: DeletionRequest) -> Certificate:
    """Return the certificate of a finished request."""
    certificate = Certificate.objects.filter(request=request).first()
    if certificate is None:
        raise NotComplete
    return certificate


def batches_seen() -> QuerySet[Batch]:
    """Return every batch, the newest first."""
    return Batch.objects.order_by("-pk")
