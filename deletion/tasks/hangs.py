"""One step of a sweep: workers that live but get nowhere are cut off."""

from typing import Final

from django.conf import settings
from django.utils import timezone

from audits.trail import Actor
from deletion import actions
from deletion.queries.hangs import (
    Hung,
    HungClosing,
    HungFit,
    HungPart,
    HungStep,
)
from training import actions as training

WARDEN: Final = Actor("task:deletion.sweep")


def cut_off(hung: Hung) -> None:
    """Cut off one attempt, in a transaction of its own; one that has ended meanwhile is let be."""
    most, now = settings.ATTEMPTS, timezone.now()
    match hung:
        case HungPart():
            actions.kill_part(
                part_id=hung.part_id, token=hung.token, most_attempts=most, actor=WARDEN, now=now
            )
        case HungClosing():
            actions.kill_closing(
                run_id=hung.run_id, token=hung.token, most_attempts=most, actor=WARDEN, now=now
            )
        case HungFit():
            training.kill_fit(
                fit_id=hung.fit_id,
                token=hung.token,
                error=actions.HUNG,
                most_attempts=most,
                actor=WARDEN,
                now=now,
            )
        case HungStep():
            training.kill_step(
                run_id=hung.run_id,
                token=hung.token,
                error=actions.HUNG,
                most_attempts=most,
                actor=WARDEN,
                now=now,
            )
