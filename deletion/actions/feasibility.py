"""Alerts about targets that no way to start runs could serve in time: their window is too short."""

from datetime import datetime
from typing import Final

from django.db import transaction

from audits.actions import answer_alerts, raise_alert
from audits.queries import open_alerts
from audits.trail import Actor
from deletion.queries.feasibility import last_told, shortfalls

TOO_SHORT: Final = "window-too-short"


def follow_windows(*, actor: Actor, now: datetime) -> None:
    """Alert people once of each such target, and close what is true no more.

    Whoever answers such an alert has seen it: it is not raised again before things become worse.
    """
    with transaction.atomic():
        short = shortfalls()
        told = {alert.about for alert in open_alerts() if alert.kind == TOO_SHORT}
        for target in sorted(told - short.keys()):
            answer_alerts(
                about=target,
                kinds={TOO_SHORT},
                resolution="the window is long enough for it now, or it is given up",
                actor=actor,
                now=now,
            )
        for target in sorted(short.keys() - told):
            last = last_told(kind=TOO_SHORT, about=target)
            # What a sweep has closed itself was over; what a person has answered may last.
            if last is None or last.resolved_by == actor or short[target].is_news_to(last.detail):
                detail = short[target].detail
                raise_alert(kind=TOO_SHORT, about=target, detail=detail, actor=actor, now=now)
