"""Refusing a demand on a ground that its law gives, after the person was told."""

from datetime import datetime
from uuid import UUID

from audits.trail import Actor, audited
from deletion.actions.locks import lock_request
from deletion.actions.requests import close_unworked
from deletion.events import RequestDenied
from deletion.models import Denial
from deletion.queries.pauses import lawful_until
from deletion.regimes import regime_named
from deletion.states import RequestState, require_move


def deny(
    *, request_id: UUID, article: str, told_at: datetime, actor: Actor, now: datetime
) -> Denial:
    """Refuse a demand before any work began; what it said about the person is destroyed.

    The person knows already: why, and what they may do about it. They may ask again.
    """
    with audited(actor=actor, now=now) as trail:
        request = lock_request(request_id)
        require_move(RequestState(request.state), RequestState.DENIED)
        ground = regime_named(request.regime).require_denial(
            article=article, received_at=request.received_at, told_at=told_at, now=now
        )
        # A clock that stands still has not run out.
        clock = min(told_at, request.paused_since or told_at)
        denial = Denial.objects.create(
            request=request,
            article=ground.article,
            reason=ground.reason,
            told_at=told_at,
            in_time=clock <= lawful_until(request),
            denied_by=actor,
            denied_at=now,
        )
        request.denied_at = now
        close_unworked(request, RequestState.DENIED, actor=actor, now=now)
        trail.record(
            RequestDenied(
                request_id=str(request.pk),
                article=ground.article,
                reason=ground.reason,
                told_at=told_at,
                in_time=denial.in_time,
            ),
            about=f"request/{request.pk}",
        )
    return denial
