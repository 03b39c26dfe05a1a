"""Stopping the clocks while a person is asked for something, where their law does so."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from audits.actions import answer_alerts, raise_alert
from audits.queries import open_alerts
from audits.trail import Actor, audited
from deletion.actions.locks import lock_request
from deletion.errors import MoveNotAllowed, PauseNotAllowed, PauseUnknown
from deletion.events import PauseEnded, RequestPaused
from deletion.models import DeletionRequest, Pause
from deletion.queries.pauses import last_answer, lawful_until, silences, still_silent
from deletion.regimes import regime_named
from deletion.states import RequestState, require_move

SILENT: Final = "person-does-not-answer"


def pause(
    *, request_id: UUID, article: str, asked_at: datetime, actor: Actor, now: datetime
) -> Pause:
    """Stop both clocks of a request on which no work has begun; the person was asked already.

    A request that is planned leaves its plan, which is dissolved by that.
    """
    with audited(actor=actor, now=now) as trail:
        request = lock_request(request_id)
        require_move(RequestState(request.state), RequestState.PAUSED)
        if request.shares.exists():
            raise MoveNotAllowed("work on the request has begun")
        law = regime_named(request.regime)
        ground = law.require_pause(
            article=article,
            asked_at=asked_at,
            since=last_answer(request) or request.received_at,
            lawful_until=lawful_until(request),
            now=now,
        )
        paused = Pause.objects.create(
            request=request,
            article=ground.article,
            reason=ground.reason,
            asked_at=asked_at,
            alert_at=law.silence_ends(asked_at),
            paused_by=actor,
            paused_at=now,
        )
        request.state = RequestState.PAUSED
        request.paused_since = asked_at
        request.batch = None
        request.save(update_fields=["state", "paused_since", "batch"])
        trail.record(
            RequestPaused(
                request_id=str(request.pk),
                article=ground.article,
                reason=ground.reason,
                asked_at=asked_at,
            ),
            about=f"request/{request.pk}",
        )
    return paused


def end_pause(
    *, request_id: UUID, answered_at: datetime, actor: Actor, now: datetime
) -> DeletionRequest:
    """Let the clocks go on since the person answered: both dates are later by as long as it took.

    The request is planned again, whatever the answer was; without one it is cancelled.
    """
    with audited(actor=actor, now=now) as trail:
        request = lock_request(request_id)
        paused = (
            Pause.objects.select_for_update(no_key=True)
            .filter(request=request, ended_at=None)
            .first()
        )
        if paused is None:
            raise PauseUnknown
        if not paused.asked_at <= answered_at <= now:
            raise PauseNotAllowed("a person answers after they were asked, and not in the future")
        require_move(RequestState(request.state), RequestState.RECEIVED)
        paused.answered_at = answered_at
        paused.ended_by = actor
        paused.ended_at = now
        paused.save(update_fields=["answered_at", "ended_by", "ended_at"])
        # No work had begun, so that both clocks run.
        request.erase_by += answered_at - paused.asked_at
        request.models_by += answered_at - paused.asked_at
        request.state = RequestState.RECEIVED
        request.paused_since = None
        request.save(update_fields=["erase_by", "models_by", "state", "paused_since"])
        trail.record(
            PauseEnded(
                request_id=str(request.pk),
                article=paused.article,
                asked_at=paused.asked_at,
                answered_at=answered_at,
                erase_by=request.erase_by,
                models_by=request.models_by,
            ),
            about=f"request/{request.pk}",
        )
    return request


def follow_pauses(*, actor: Actor, now: datetime) -> None:
    """Alert people once of each person who does not answer; close what has been decided."""
    with transaction.atomic():
        asked = {alert.about: alert for alert in open_alerts() if alert.kind == SILENT}
        for about in sorted(asked.keys() - still_silent(asked.keys())):
            answer_alerts(
                about=about,
                kinds={SILENT},
                resolution="the request is not paused any more",
                actor=actor,
                now=now,
            )
        for silence in silences(kind=SILENT, now=now):
            raise_alert(
                kind=SILENT,
                about=silence.about,
                detail={"article": silence.article, "asked_at": silence.asked_at.isoformat()},
                actor=actor,
                now=now,
            )
