"""Asking people to tell recipients: Lethe knows that they were reached, and cannot tell them."""

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from audits.actions import raise_alert
from audits.trail import Actor
from deletion.models import Batch, DeletionRequest
from deletion.planning import NOT_TOLD, Plan
from deletion.queries.recipients import is_said, planned_before

RECIPIENTS: Final = "recipients-reached"


def ask_to_tell(batch: Batch, plan: Plan, *, actor: Actor, now: datetime) -> None:
    """Raise one alert about the recipients of a plan, before it becomes obligations.

    What an earlier plan said of the same request is not asked again.
    """
    known = planned_before({request for one in plan.recipients for request in one.requests})
    asked = {
        one.recipient: sum(
            request not in known or not is_said(one.recipient, request_id=UUID(request))
            for request in one.requests
        )
        for one in plan.recipients
    }
    _ask(
        f"batch/{batch.pk}",
        {recipient: requests for recipient, requests in asked.items() if requests},
        actor=actor,
        now=now,
    )


def ask_to_tell_late(
    request: DeletionRequest, recipients: Collection[str], *, actor: Actor, now: datetime
) -> None:
    """Raise an alert about recipients who were reached after the plan of a request was made."""
    late = [one for one in recipients if not is_said(one, request_id=request.pk)]
    _ask(f"request/{request.pk}", dict.fromkeys(late, 1), actor=actor, now=now)


def _ask(about: str, requests: dict[str, int], *, actor: Actor, now: datetime) -> None:
    if requests:
        raise_alert(
            kind=RECIPIENTS,
            about=about,
            detail={"recipients": requests, "why": f"{NOT_TOLD}: somebody has to"},
            actor=actor,
            now=now,
        )
