"""What a processor says by itself. Who calls this has verified the signature of the recipient."""

from datetime import datetime

from django.db import transaction

from audits.trail import Actor, Trail, audited
from deletion.actions.deliveries import accept, hear
from deletion.actions.tellings import lock_telling, name_of
from deletion.callbacks import MOST_KEPT
from deletion.errors import CallbacksTooMany, TellingUnknown
from deletion.events import CallbackTaken
from deletion.models import Callback, Telling
from deletion.opendsr import Call
from deletion.queries.targets import recipient_target
from deletion.telling import Hearing


def take_callback(*, recipient_id: int, call: Call, actor: Actor, now: datetime) -> Hearing:
    """Take the word of a recipient about a request that it was told of, and of no other.

    The same bytes again are nothing new. A recipient may call before its answer to our message is
    here: that it knows the number shows that it has the message.
    """
    with transaction.atomic():
        telling = lock_telling(call.telling_id)
        recipient = telling.share.obligation.recipient
        if recipient is None or recipient.pk != recipient_id:
            raise TellingUnknown
        # It may have been disabled while its callback came; or nothing was ever sent.
        if recipient.disabled_at is not None or telling.fencing_token == 0:
            raise TellingUnknown
        if telling.callbacks.filter(digest=call.digest).exists():
            return Hearing.KNOWN
        if telling.callbacks.count() >= MOST_KEPT:
            raise CallbacksTooMany
        with audited(actor=actor, now=now) as trail:
            if telling.sent_at is None:
                accept(telling, trail=trail)
            hearing = hear(
                telling, call.status, digest=call.digest, document="opendsr-callback", trail=trail
            )
            _keep(telling, call, hearing, trail=trail)
    return hearing


def _keep(telling: Telling, call: Call, hearing: Hearing, *, trail: Trail) -> None:
    answer = call.status.answer
    Callback.objects.create(
        telling=telling, at=trail.now, answer=answer, hearing=hearing, digest=call.digest
    )
    trail.record(
        CallbackTaken(
            request_id=str(telling.share.request_id),
            recipient=name_of(telling),
            telling=str(telling.pk),
            answer=answer.value,
            hearing=hearing.value,
            digest=call.digest,
        ),
        about=recipient_target(name_of(telling)),
    )
