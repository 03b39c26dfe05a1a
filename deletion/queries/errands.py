"""What a worker needs to know to tell a recipient, or to ask it for its answer."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from deletion.errors import TellingUnknown
from deletion.models import DeletionRequest, Telling
from deletion.queries.recipients import callback_url_of, domain_of
from deletion.telling import Way


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One message to one recipient; what names the person is added when it is sent."""

    telling_id: UUID
    recipient: str
    way: Way
    url: str
    domain: str  # the host of the address
    callback_url: str  # where they may say by themselves how far they are; empty: nowhere
    namespaces: dict[str, str]
    waits_for_answer: bool
    is_question: bool  # the message was accepted before: how far are they?
    attempts: int
    due_at: datetime
    erased_at: datetime
    request: DeletionRequest = field(repr=False)


def errand(telling_id: UUID) -> Errand:
    """Return what a claimed telling is about."""
    row = (
        Telling.objects.filter(pk=telling_id)
        .select_related("share__request", "share__obligation__recipient")
        .first()
    )
    recipient = row.share.obligation.recipient if row is not None else None
    if row is None or recipient is None:
        raise TellingUnknown
    request = row.share.request
    return Errand(
        telling_id=row.pk,
        recipient=recipient.name,
        way=Way(recipient.way),
        url=recipient.url,
        domain=domain_of(recipient),
        callback_url=callback_url_of(recipient),
        namespaces=recipient.namespaces,
        waits_for_answer=recipient.waits_for_answer,
        is_question=row.sent_at is not None,
        attempts=row.attempts,
        due_at=row.share.obligation.due_at,
        erased_at=request.erased_at or request.received_at,
        request=request,
    )
