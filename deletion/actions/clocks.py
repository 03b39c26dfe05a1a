"""More time for a request, where its law allows it."""

from datetime import datetime
from uuid import UUID

from django.db.models import Min, Q
from django.db.models.functions import Least

from audits.trail import Actor, audited
from deletion.actions.locks import lock_request
from deletion.errors import ExtensionNotAllowed, MoveNotAllowed
from deletion.events import RequestExtended
from deletion.models import DeletionRequest, Extension, Obligation
from deletion.queries.pauses import paused_for
from deletion.regimes import regime_named
from deletion.states import OPEN, OPEN_OUTCOMES, ObligationKind, RequestState


def extend(
    *, request_id: UUID, reason: str, told_at: datetime, actor: Actor, now: datetime
) -> DeletionRequest:
    """Move the dates of a request by what its law allows once; the person knows why already.

    A plan that waits for approval states the earlier dates, so it is made anew.
    """
    with audited(actor=actor, now=now) as trail:
        request = lock_request(request_id)
        if RequestState(request.state) not in OPEN:
            raise MoveNotAllowed("the request is closed")
        if Extension.objects.filter(request=request).exists():
            raise ExtensionNotAllowed("it was extended already")
        law = regime_named(request.regime)
        law.require_extension(
            reason=reason,
            received_at=request.received_at,
            told_at=told_at,
            paused=paused_for(request, until=now),
            now=now,
        )
        Extension.objects.create(
            request=request,
            article=law.clock_article,
            reason=reason,
            told_at=told_at,
            extended_by=actor,
            extended_at=now,
            erase_by_before=request.erase_by,
            models_by_before=request.models_by,
        )
        # Added to what the row says: pauses have moved its dates as well.
        more = law.more_time(request.received_at)
        if request.erased_at is None:  # a clock that has ended stays as it was measured
            request.erase_by += more
        request.models_by += more
        request.save(update_fields=["erase_by", "models_by"])
        _relax_obligations(request)
        trail.record(
            RequestExtended(
                request_id=str(request.pk),
                article=law.clock_article,
                reason=reason,
                told_at=told_at,
                erase_by=request.erase_by,
                models_by=request.models_by,
            ),
            about=f"request/{request.pk}",
        )
    return request


def _earliest(date: str) -> Least:
    """Return the first date of those who wait for a target, merged requests included."""
    followers = "shares__request__followers"
    return Least(
        Min(f"shares__request__{date}"),
        Min(f"{followers}__{date}", filter=Q(**{f"{followers}__state": RequestState.MERGED})),
    )


def _relax_obligations(request: DeletionRequest) -> None:
    """Let what is still to be done be due when the first of those who wait for it is."""
    waiting = Obligation.objects.filter(
        pk__in=request.shares.values("obligation"),
        discharged_at=None,
        shares__outcome__in=OPEN_OUTCOMES,
    ).annotate(erase_by=_earliest("erase_by"), models_by=_earliest("models_by"))
    for obligation in waiting.order_by("pk"):
        by_kind = {
            ObligationKind.ERASE: obligation.erase_by,
            ObligationKind.RETRAIN: obligation.models_by,
            ObligationKind.TELL: obligation.models_by,
        }
        due_at = by_kind[ObligationKind(obligation.kind)]
        Obligation.objects.filter(pk=obligation.pk).update(due_at=due_at)
