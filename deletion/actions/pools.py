"""Alerts about pools of which more is asked than their slots can do."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import transaction

from audits.actions import answer_alerts, raise_alert
from audits.queries import open_alerts
from audits.trail import Actor
from deletion.capacity import Demand

OVERLOADED: Final = "pool-overloaded"

_ABOUT: Final = "pool/"


def follow_pools(*, demands: Collection[Demand], actor: Actor, now: datetime) -> None:
    """Alert people of each pool that cannot do what is due, and close what is true no more."""
    worst: dict[str, Demand] = {}
    for demand in demands:
        about = f"{_ABOUT}{demand.pool}"
        if demand.ratio > 1 and (about not in worst or demand.ratio > worst[about].ratio):
            worst[about] = demand
    with transaction.atomic():
        told = {alert.about for alert in open_alerts() if alert.kind == OVERLOADED}
        for about in sorted(told - worst.keys()):
            answer_alerts(
                about=about,
                kinds={OVERLOADED},
                resolution="the pool can do what is known to be due",
                actor=actor,
                now=now,
            )
        for about in sorted(worst.keys() - told):
            demand = worst[about]
            raise_alert(
                kind=OVERLOADED,
                about=about,
                detail={
                    "window": demand.window,
                    "demand_percent": round(100 * demand.ratio),
                    "slots": demand.slots,
                    "slots_that_would_do": demand.slots_that_would_do,
                },
                actor=actor,
                now=now,
            )
