"""Celery's door into the sealer."""

from collections.abc import Mapping
from typing import Final

from celery import shared_task
from django.utils import timezone

from audits import actions
from audits.errors import TrailDamaged, TrailRestored, WitnessUnreadable
from audits.trail import Actor

SEALER = Actor("task:audits.seal")
KINDS: Final[Mapping[type[Exception], str]] = {
    TrailDamaged: "trail-damaged",
    TrailRestored: actions.RESTORED,
    WitnessUnreadable: "witness-unreadable",
}


@shared_task(ignore_result=True, time_limit=300)
def seal() -> None:
    """Seal what waits in the outbox. Beat runs this each second or so; twice is harmless."""
    try:
        actions.seal(now=timezone.now())
    except (TrailDamaged, TrailRestored, WitnessUnreadable) as damage:
        actions.raise_alert(
            kind=KINDS[type(damage)],
            about="trail",
            detail={"why": str(damage)},
            actor=SEALER,
            now=timezone.now(),
        )
        raise
