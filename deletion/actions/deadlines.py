"""Alerts about dates: raised while somebody can still act, closed when nothing is left to do."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from audits.actions import answer_alerts, raise_alert
from audits.alerts import OpenAlert
from audits.queries import open_alerts
from audits.trail import Actor
from deletion.models import DeletionRequest
from deletion.outlook import Alarm, Danger
from deletion.queries.deadlines import ABOUT, is_answered, near_dates, still_near
from deletion.states import OPEN, RequestState

NEAR: Final = "deadline-near"

_MOST: Final = 256  # by one sweep: the most urgent first, and the next sweep goes on


def kind_of(danger: Danger) -> str:
    """Return the kind of the alert about a target's date."""
    return f"deadline-{danger}"


_OF_TARGETS: Final = frozenset(kind_of(danger) for danger in Danger)


def warn_of(*, alarm: Alarm, actor: Actor, now: datetime) -> None:
    """Ask people to look at a target of which a date will probably be missed."""
    raise_alert(
        kind=kind_of(alarm.danger),
        about=alarm.target,
        detail={
            "due_at": alarm.due_at.isoformat(),
            "expected_at": alarm.expected_at.isoformat() if alarm.expected_at else None,
            "extra_slots": alarm.extra_slots,
        },
        actor=actor,
        now=now,
    )


def follow_dates(*, actor: Actor, now: datetime) -> None:
    """Alert people once of each request whose date draws near unworked; close what is answered.

    A request that is received, planned or held has no obligation that the scheduler could see.
    """
    with transaction.atomic():
        alerts = open_alerts()
        for alert in alerts:
            if alert.kind in _OF_TARGETS and is_answered(alert):
                _close(alert, "nothing that waited for it then is open", actor=actor, now=now)
        asked = {_request_of(alert): alert for alert in alerts if alert.kind == NEAR}
        _close_ended(asked, actor=actor, now=now)
        for near in near_dates(kind=NEAR, limit=_MOST, now=now):
            raise_alert(
                kind=NEAR,
                about=f"{ABOUT}{near.request_id}",
                detail={
                    "clock": near.clock,
                    "due_at": near.due_at.isoformat(),
                    "state": near.state,
                },
                actor=actor,
                now=now,
            )


def _close_ended(asked: dict[UUID, OpenAlert], *, actor: Actor, now: datetime) -> None:
    ended = asked.keys() - still_near(asked.keys(), now=now)
    states = dict(DeletionRequest.objects.filter(pk__in=ended).values_list("pk", "state"))
    for request_id in sorted(ended)[:_MOST]:
        state = RequestState(states[request_id])
        if state not in OPEN:
            why = f"the request is {state}"
        elif state is RequestState.PAUSED:
            why = "its clocks stand still"
        elif state in {RequestState.IN_PROGRESS, RequestState.MERGED}:
            why = "its targets are at work"
        else:
            why = "the date was kept"
        _close(asked[request_id], why, actor=actor, now=now)


def _close(alert: OpenAlert, why: str, *, actor: Actor, now: datetime) -> None:
    answer_alerts(about=alert.about, kinds={alert.kind}, resolution=why, actor=actor, now=now)


def _request_of(alert: OpenAlert) -> UUID:
    return UUID(alert.about.removeprefix(ABOUT))
