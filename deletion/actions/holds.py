"""A legal reason to keep, placed on a request and released again."""

from datetime import datetime
from uuid import UUID

from audits.trail import Actor, audited
from deletion.actions.locks import lock_request
from deletion.actions.shares import note_outcome
from deletion.errors import HoldUnknown, MoveNotAllowed, TwoPeopleNeeded
from deletion.events import HoldReleased, RequestHeld
from deletion.models import DeletionRequest, Hold
from deletion.regimes import regime_named
from deletion.states import OPEN_OUTCOMES, Outcome, RequestState, require_move


def place_hold(*, request_id: UUID, article: str, reason: str, actor: Actor, now: datetime) -> Hold:
    """Suspend a request on a ground that its regime knows; its clocks go on and stay visible.

    What was erased before stays erased; targets that are still open end as `held` until the
    release.
    """
    with audited(actor=actor, now=now) as trail:
        request = lock_request(request_id)
        require_move(RequestState(request.state), RequestState.HELD)
        if request.behind_id is not None:
            raise MoveNotAllowed("hold the request that it stands behind: that one does the work")
        ground = regime_named(request.regime).ground(article)
        hold = Hold.objects.create(
            request=request,
            article=ground.article,
            reason=reason,
            placed_by=actor,
            placed_at=now,
        )
        if request.state == RequestState.PLANNED:
            request.batch = None  # its plan is outdated by this and will be dissolved
        request.state = RequestState.HELD
        request.save(update_fields=["state", "batch"])
        note_outcome(
            request.shares.filter(outcome__in=OPEN_OUTCOMES),
            Outcome.HELD,
            note=ground.article,
            trail=trail,
        )
        trail.record(
            # The officer's own words stay out of the trail: they may name somebody.
            RequestHeld(request_id=str(request.pk), article=ground.article, reason=ground.reason),
            about=f"request/{request.pk}",
        )
    return hold


def release_hold(*, request_id: UUID, actor: Actor, now: datetime) -> DeletionRequest:
    """Let a request go on; somebody else than who placed the hold must do it."""
    with audited(actor=actor, now=now) as trail:
        request = lock_request(request_id)
        hold = (
            Hold.objects.select_for_update(no_key=True)
            .filter(request=request, released_at=None)
            .first()
        )
        if hold is None:
            raise HoldUnknown
        if hold.placed_by == actor:
            raise TwoPeopleNeeded
        # In a batch: its plan was approved and work had begun.
        target = RequestState.IN_PROGRESS if request.batch_id else RequestState.RECEIVED
        require_move(RequestState(request.state), target)
        hold.released_by = actor
        hold.released_at = now
        hold.save(update_fields=["released_by", "released_at"])
        request.state = target
        request.save(update_fields=["state"])
        note_outcome(request.shares.filter(outcome=Outcome.HELD), None, note="", trail=trail)
        trail.record(
            HoldReleased(request_id=str(request.pk), article=hold.article),
            about=f"request/{request.pk}",
        )
    return request
