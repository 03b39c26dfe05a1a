"""What a worker reports of a message to a recipient: claimed, accepted, failed, answered.

The message itself goes out between two of these actions, outside of any transaction. Every attempt
of one telling has the same id, so a recipient can see that it has it already.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from audits.actions import raise_alert
from audits.trail import Actor, Trail, audited
from deletion.actions.evidence import keep_evidence
from deletion.actions.recipients import lock_recipient, switch_off
from deletion.actions.tellings import decide, end, lock_telling, name_of, record_end
from deletion.events import (
    RecipientAnswered,
    TellingBegan,
    TellingFailed,
)
from deletion.models import Delivery, Telling
from deletion.opendsr import Status
from deletion.queries.recipients import to_ask, to_send
from deletion.queries.targets import recipient_target
from deletion.states import OPEN_OUTCOMES, Outcome, RequestState
from deletion.telling import AWAITED, Answer, Hearing, heard, next_look
from lineage.errors import LeaseLost
from lineage.leases import Lease, Token, next_lease

DISABLED: Final = "recipient-disabled"
REFUSED: Final = "recipient-refused"
CONTRADICTED: Final = "recipient-contradicts-itself"

_AT_ONCE: Final = 4  # connections to one recipient at a time


def claim_telling(
    *, telling_id: UUID, owner: str, length: timedelta, actor: Actor, now: datetime
) -> Lease | None:
    """Take a message to send it, or a question to ask it; None while it must wait.

    A claim counts as an attempt, since a worker that is killed cannot say that it failed.
    """
    with transaction.atomic():
        telling = lock_telling(telling_id)
        # Its recipient is locked: no more connections are opened than allowed.
        due = to_send().filter(pk=telling_id).exists() or to_ask().filter(pk=telling_id).exists()
        waits = telling.not_before is not None and telling.not_before > now
        at_work = Telling.objects.filter(
            share__obligation__recipient=telling.share.obligation.recipient_id,
            lease_until__gt=now,
        )
        lease = next_lease(
            token=telling.fencing_token, until=telling.lease_until, now=now, length=length
        )
        if lease is None or not due or waits or at_work.count() >= _AT_ONCE:
            return None
        with audited(actor=actor, now=now) as trail:
            telling.lease_owner = owner
            telling.lease_until = lease.until
            telling.fencing_token = lease.token
            telling.attempts += 1
            telling.save(update_fields=["lease_owner", "lease_until", "fencing_token", "attempts"])
            trail.record(
                TellingBegan(
                    request_id=str(telling.share.request_id),
                    recipient=name_of(telling),
                    telling=str(telling.pk),
                    attempt=telling.attempts,
                ),
                about=recipient_target(name_of(telling)),
            )
    return lease


def telling_accepted(  # noqa: PLR0913  # keyword-only
    *,
    telling_id: UUID,
    token: Token,
    status: int,
    told_by: str,
    answer: Answer | None,
    expected_at: datetime | None,
    is_told: bool,
    actor: Actor,
    now: datetime,
) -> Telling:
    """Note that a recipient accepted the message; with `is_told` this is all that was wanted.

    `answer` is what a processor said: None of a webhook, which does not answer.
    """
    with audited(actor=actor, now=now) as trail:
        telling = _lock_held(telling_id, token)
        _delivered(telling, status=status, trouble="", now=now)
        telling.sent_at = telling.sent_at or now
        telling.attempts = 0
        # An officer may have told them while the message was on its way: their word stands.
        is_news = telling.told_at is None
        if is_news:
            telling.told_by = told_by
            telling.told_at = now if is_told else None
        if answer is not None and telling.answer:
            # A callback was faster than the answer to the message: it says what is newer.
            _record_answer(telling, answer, expected_at, trail=trail)
        elif answer is not None:
            telling.not_before = next_look(expected_at, now=now) if answer in AWAITED else None
            _answered(telling, answer, expected_at, trail=trail)
        telling.save()
        if is_told and is_news:
            _told(telling, note=f"by {told_by}: accepted", trail=trail)
        elif telling.share.outcome in OPEN_OUTCOMES and telling.answer != Answer.CANCELLED:
            decide(telling, "", note="accepted: they say when they are done", trail=trail)
    return telling


def telling_failed(  # noqa: PLR0913  # keyword-only
    *,
    telling_id: UUID,
    token: Token,
    status: int | None,
    trouble: str,
    again_at: datetime | None,
    is_gone: bool,
    actor: Actor,
    now: datetime,
) -> Telling:
    """Note that an attempt failed; without `again_at` a person must look.

    With `is_gone` the recipient answered 410 and wants nothing at this address any more: it is
    disabled, and nothing else is sent to it either.
    """
    with audited(actor=actor, now=now) as trail:
        telling = _lock_held(telling_id, token)
        recipient = lock_recipient(name_of(telling))
        _delivered(telling, status=status, trouble=trouble, now=now)
        telling.not_before = again_at
        telling.last_error = trouble
        telling.save()
        trail.record(
            TellingFailed(
                request_id=str(telling.share.request_id),
                recipient=recipient.name,
                telling=str(telling.pk),
                status=status,
                trouble=trouble,
                again_at=again_at,
            ),
            about=recipient_target(recipient.name),
        )
        if is_gone and recipient.disabled_at is None:
            switch_off(recipient, because="it answered 410: gone", trail=trail)
            raise_alert(
                kind=DISABLED,
                about=recipient_target(recipient.name),
                detail={"recipient": recipient.name, "why": "it answered 410: gone"},
                actor=actor,
                now=now,
            )
        # Who has called back has it, though the message seems to have failed: they are asked.
        if again_at is None and not is_gone and telling.sent_at is None:
            _give_up(telling, why=f"the attempts have ended: {trouble}", trail=trail)
    return telling


def telling_impossible(
    *, telling_id: UUID, token: Token, why: str, actor: Actor, now: datetime
) -> Telling:
    """Note that no message can tell this recipient, whatever is tried: a person must look."""
    with audited(actor=actor, now=now) as trail:
        telling = _lock_held(telling_id, token)
        telling.lease_until = None
        telling.last_error = why
        telling.save(update_fields=["lease_until", "last_error"])
        _give_up(telling, why=why, trail=trail)
    return telling


def telling_answered(  # noqa: PLR0913  # keyword-only
    *,
    telling_id: UUID,
    token: Token,
    status: int,
    said: Status,
    digest: str,
    actor: Actor,
    now: datetime,
) -> Telling:
    """Keep what a processor says of a message that it accepted before.

    `digest` is the SHA-256 of its answer as it came, kept when the answer is final.
    """
    with audited(actor=actor, now=now) as trail:
        telling = _lock_held(telling_id, token)
        _delivered(telling, status=status, trouble="", now=now)
        telling.attempts = 0
        telling.not_before = next_look(said.expected_at, now=now)
        hear(telling, said, digest=digest, document="opendsr-answer", trail=trail)
    return telling


def accept(telling: Telling, *, trail: Trail) -> None:
    """Take it that a processor has a message of which no answer came, for it has called back."""
    recipient = telling.share.obligation.recipient
    telling.sent_at = trail.now
    telling.attempts = 0
    telling.last_error = ""
    if telling.told_at is not None or recipient is None:
        return
    telling.told_by = recipient.way
    if not recipient.waits_for_answer:
        telling.told_at = trail.now
        _told(telling, note=f"by {telling.told_by}: they called back", trail=trail)


def hear(telling: Telling, said: Status, *, digest: str, document: str, trail: Trail) -> Hearing:
    """Take a processor's word, asked or by a callback, within an action that holds the telling.

    It never goes backwards: an answer may have been on its way while a newer one came.
    """
    before = Answer(telling.answer) if telling.answer else None
    hearing = heard(before, said.answer)
    if hearing in {Hearing.NEWS, Hearing.KNOWN}:
        awaited = said.answer in AWAITED
        telling.not_before = next_look(said.expected_at, now=trail.now) if awaited else None
        _answered(telling, said.answer, said.expected_at, trail=trail)
    else:
        _record_answer(telling, said.answer, said.expected_at, trail=trail)
    telling.save()
    if hearing is Hearing.CONTRADICTION:
        _alert(CONTRADICTED, telling, trail=trail)
    elif hearing is Hearing.NEWS and said.answer is Answer.CANCELLED:
        _alert(REFUSED, telling, trail=trail)
        if _is_open(telling):
            _give_up(telling, why="they answered cancelled", trail=trail)
    elif said.answer is Answer.COMPLETED:
        _completed(telling, said, digest=digest, document=document, trail=trail)
    return hearing


def _completed(telling: Telling, said: Status, *, digest: str, document: str, trail: Trail) -> None:
    """End what a processor says it has done, and keep its word and what it attaches by digest."""
    telling.proof_digest = telling.proof_digest or digest
    is_open = _is_open(telling)
    if is_open:
        telling.told_at = telling.told_at or trail.now
    telling.save()
    if is_open:
        _told(telling, note=f"by {telling.told_by}: they answered completed", trail=trail)
    for name, kept in ((document, digest), *said.documents):
        keep_evidence(telling, name=name, digest=kept, trail=trail)


def _alert(kind: str, telling: Telling, *, trail: Trail) -> None:
    raise_alert(
        kind=kind,
        about=recipient_target(name_of(telling)),
        detail={"recipient": name_of(telling), "request": str(telling.share.request_id)},
        actor=trail.actor,
        now=trail.now,
    )


def _lock_held(telling_id: UUID, token: Token) -> Telling:
    """Return a telling to the worker whose lease is the newest."""
    telling = lock_telling(telling_id)
    if telling.fencing_token != token:
        raise LeaseLost
    return telling


def _delivered(telling: Telling, *, status: int | None, trouble: str, now: datetime) -> None:
    Delivery.objects.create(
        telling=telling, number=telling.attempts, at=now, status=status, trouble=trouble[:100]
    )
    telling.status = status
    telling.last_error = ""
    telling.lease_until = None


def _answered(
    telling: Telling, answer: Answer, expected_at: datetime | None, *, trail: Trail
) -> None:
    telling.answer = answer.value
    telling.answered_at = trail.now
    telling.expected_at = expected_at
    _record_answer(telling, answer, expected_at, trail=trail)


def _record_answer(
    telling: Telling, answer: Answer, expected_at: datetime | None, *, trail: Trail
) -> None:
    trail.record(
        RecipientAnswered(
            request_id=str(telling.share.request_id),
            recipient=name_of(telling),
            telling=str(telling.pk),
            answer=answer.value,
            expected_at=expected_at,
        ),
        about=recipient_target(name_of(telling)),
    )


def _is_open(telling: Telling) -> bool:
    share = telling.share
    return share.outcome in {*OPEN_OUTCOMES, Outcome.HELD} and share.request.state in {
        RequestState.IN_PROGRESS,
        RequestState.HELD,
    }


def _told(telling: Telling, *, note: str, trail: Trail) -> None:
    """End a telling well, also of a request that was held while the message was on its way."""
    if _is_open(telling):
        end(telling, Outcome.NOTIFIED, note=note, trail=trail)
    record_end(telling, trail=trail)


def _give_up(telling: Telling, *, why: str, trail: Trail) -> None:
    if telling.share.outcome == "":
        decide(telling, Outcome.UNREACHABLE, note=why, trail=trail)
