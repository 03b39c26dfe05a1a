"""Celery's door into the sealer."""

from celery import shared_task
from django.utils import timezone

from audits import actions
from audits.errors import TrailDamaged
from audits.trail import Actor

SEALER = Actor("task:audits.seal")


@shared_task(ignore_result=True, time_limit=300)
def seal() -> None:
    """Seal what waits in the outbox. Beat runs this each second or so; twice is harmless."""
    try:
        actions.seal(now=timezone.now())
    except TrailDamaged as damage:
        actions.raise_alert(
            kind="trail-damaged",
            about="trail",
            detail={"why": str(damage)},
            actor=SEALER,
            now=timezone.now(),
        )
        raise
