"""Releases whose time is over: people are told before, and when the fallback answers."""

from datetime import datetime, timedelta

from audits.actions import answer_alerts
from audits.trail import Actor
from training.actions.endings import RELEASE_ENDED, RELEASE_ENDS, warn
from training.models import ModelRelease
from training.queries.serving import releases_ending


def watch_expiries(*, notice: timedelta, actor: Actor, now: datetime) -> int:
    """Alert people of every release that ends soon, or has ended; return of how many.

    What serving systems are told depends on the clock alone, so nothing has to run in time for it.
    """
    ending = releases_ending(before=now + notice)
    for release in ModelRelease.objects.select_related("version__model").filter(version__in=ending):
        version = release.version
        detail: dict[str, object] = {
            "version": version.number,
            "qualified_until": release.qualified_until.isoformat(),
            "fallback": version.model.fallback,
        }
        if release.qualified_until > now:
            warn(version.model, kind=RELEASE_ENDS, detail=detail, actor=actor, now=now)
            continue
        answer_alerts(
            about=f"model/{version.model.name}",
            kinds={RELEASE_ENDS},
            resolution=f"version {version.number} is not qualified any more",
            actor=actor,
            now=now,
        )
        warn(version.model, kind=RELEASE_ENDED, detail=detail, actor=actor, now=now)
    return len(ending)
