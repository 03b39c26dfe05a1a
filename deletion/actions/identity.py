"""Finding out whether a person is who they say: a code by e-mail, that they repeat."""

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from audits.actions import answer_alerts, raise_alert
from audits.queries import open_alerts
from audits.trail import Actor, audited
from deletion.actions.links import add_linked
from deletion.actions.locks import lock_request, lock_requests
from deletion.actions.merging import ONE_LEADS, broke
from deletion.actions.requests import key_of
from deletion.errors import CodeNotAllowed, CodeWrong
from deletion.events import (
    CodeAsked,
    CodeMade,
    CodeNotSent,
    CodeRefused,
    RequestVerified,
    VerificationExpired,
)
from deletion.identity import (
    BETWEEN_CODES,
    CODE_LASTS,
    EMAIL_CODE,
    MOST_CODES,
    TRIES,
    content_of,
    new_code,
)
from deletion.links import Linked
from deletion.models import DeletionRequest, EmailCheck, RequestIdentifier
from deletion.queries.identity import NOT_SENT, UNVERIFIED, expired_checks, no_more_unverified
from deletion.queries.links import linked_to
from deletion.queries.merging import leading
from deletion.states import RequestState, require_move

_TRIES: Final = 5  # when others ask for the same person in the same moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A code, and where it goes. Personal data: it never leaves the worker that sends it."""

    address: str = field(repr=False)
    code: str = field(repr=False)
    number: int  # of the code, for the worker to say which one it could not send


def want_code(*, request_id: UUID, actor: Actor, now: datetime) -> DeletionRequest:
    """Have a new code sent, which makes the one before worthless; not too often."""
    with audited(actor=actor, now=now) as trail:
        request, check = _lock(request_id, now)
        if check.codes >= MOST_CODES:
            raise CodeNotAllowed("as many codes as may be were sent: somebody has to decide")
        too_soon = check.code_made_at and now < check.code_made_at + BETWEEN_CODES
        if check.wanted_at or too_soon:
            raise CodeNotAllowed("a code is on its way: wait for a minute")
        check.wanted_at = now
        check.failures = 0
        check.save(update_fields=["wanted_at", "failures"])
        trail.record(CodeAsked(request_id=str(request.pk)), about=f"request/{request.pk}")
    return request


def make_code(*, request_id: UUID, actor: Actor, now: datetime) -> Letter | None:
    """Make the code that is wanted, and return what to send where; None if nobody waits for it."""
    with transaction.atomic():
        request = lock_request(request_id)
        check = _locked_check(request)
        if check is None or check.wanted_at is None or (check.not_before or now) > now:
            return None
        with audited(actor=actor, now=now) as trail:
            key, code = key_of(request), new_code(below=secrets.randbelow)
            check.codes += 1
            check.code_tag = key.tag(content_of(code, number=check.codes))
            check.code_made_at = now
            check.tries_left = TRIES
            check.wanted_at = check.not_before = None
            check.save()
            trail.record(
                CodeMade(request_id=str(request.pk), number=check.codes),
                about=f"request/{request.pk}",
            )
        address = key.unseal_address(bytes(check.sealed_address))
    return Letter(address=address, code=code, number=check.codes)


def code_not_sent(
    *, request_id: UUID, number: int, error: str, actor: Actor, now: datetime
) -> None:
    """Want a code once more that could not be sent; after some attempts somebody must look.

    A mail server may take its time to fail: an older code than the newest is worthless anyway, and
    its failure takes nothing back.
    """
    with transaction.atomic():
        request = lock_request(request_id)
        check = _locked_check(request)
        if check is None or check.codes != number or check.code_made_at is None:
            return
        check.failures += 1
        check.codes -= 1  # nobody has read it
        check.code_tag = ""
        check.code_made_at = None
        again = check.failures < settings.ATTEMPTS
        check.wanted_at = now if again else None
        check.not_before = now + check.failures * BETWEEN_CODES if again else None
        check.save()
        with audited(actor=actor, now=now) as trail:
            trail.record(
                CodeNotSent(request_id=str(request.pk), error=error, attempts=check.failures),
                about=f"request/{request.pk}",
            )
        if not again:
            raise_alert(
                kind=NOT_SENT,
                about=f"request/{request.pk}",
                detail={"why": error},
                actor=actor,
                now=now,
            )


def confirm_code(*, request_id: UUID, code: str, actor: Actor, now: datetime) -> DeletionRequest:
    """Let a request go on whose person has repeated the code; the address is destroyed.

    From now on what is linked to the address is looked for as well.
    """
    for _ in range(_TRIES - 1):
        try:
            return _confirm(request_id, code, actor, now)
        except IntegrityError as exc:
            # Somebody asked for a linked person in this moment: that request is seen now.
            if not broke(exc, ONE_LEADS):
                raise
    return _confirm(request_id, code, actor, now)


def _confirm(request_id: UUID, code: str, actor: Actor, now: datetime) -> DeletionRequest:
    with audited(actor=actor, now=now) as trail:
        linked = _lock_linked(request_id)
        request, check = _lock(request_id, now)
        made_at = check.code_made_at
        if not check.code_tag or made_at is None or now > made_at + CODE_LASTS:
            raise CodeNotAllowed("no code is valid: ask for a new one")
        tag = key_of(request).tag(content_of(code, number=check.codes))
        is_right = hmac.compare_digest(tag, check.code_tag)
        if is_right:
            require_move(RequestState(request.state), RequestState.RECEIVED)
            check.delete()
            request.state = RequestState.RECEIVED
            request.verified_at = now
            request.save(update_fields=["state", "verified_at"])
            trail.record(
                RequestVerified(request_id=str(request.pk), method=EMAIL_CODE),
                about=f"request/{request.pk}",
            )
            add_linked(request, linked, key=key_of(request), trail=trail, actor=actor, now=now)
        else:
            check.tries_left -= 1
            check.code_tag = check.code_tag if check.tries_left else ""
            check.save(update_fields=["tries_left", "code_tag"])
            trail.record(
                CodeRefused(request_id=str(request.pk), tries_left=check.tries_left),
                about=f"request/{request.pk}",
            )
    if not is_right:
        raise CodeWrong  # after the transaction: the try is counted
    return request


def follow_checks(*, actor: Actor, now: datetime) -> None:
    """Destroy addresses that nobody has confirmed in time, and ask an officer to decide."""
    for request_id in expired_checks(now=now):
        with transaction.atomic():
            request = lock_request(request_id)
            if _locked_check(request) is None:
                continue  # confirmed at the last moment
            with audited(actor=actor, now=now) as trail:
                EmailCheck.objects.filter(request=request).delete()
                trail.record(
                    VerificationExpired(request_id=str(request.pk)), about=f"request/{request.pk}"
                )
            raise_alert(
                kind=UNVERIFIED,
                about=f"request/{request.pk}",
                detail={"why": "nobody repeated a code: deny or cancel the request"},
                actor=actor,
                now=now,
            )
    for about in no_more_unverified(
        alert.about for alert in open_alerts() if alert.kind in {NOT_SENT, UNVERIFIED}
    ):
        answer_alerts(
            about=about,
            kinds={NOT_SENT, UNVERIFIED},
            resolution="the request does not wait for its person any more",
            actor=actor,
            now=now,
        )


def _lock_linked(request_id: UUID) -> Linked:
    """Return what links add to a request, locked with whatever leads for its person."""
    named = RequestIdentifier.objects.filter(request=request_id)
    marks = list(named.values_list("pseudonym", flat=True))
    (linked,) = linked_to([marks])
    lock_requests({request_id, *leading([*marks, *linked.pseudonyms]).values()})
    return linked


def _lock(request_id: UUID, now: datetime) -> tuple[DeletionRequest, EmailCheck]:
    """Return a request that waits for its person, and its check."""
    request = lock_request(request_id)
    require_move(RequestState(request.state), RequestState.RECEIVED)
    check = _locked_check(request)
    if check is None or now >= check.expires_at:
        raise CodeNotAllowed("the time in which a code could be asked for is over, or never was")
    return request, check


def _locked_check(request: DeletionRequest) -> EmailCheck | None:
    return EmailCheck.objects.select_for_update(no_key=True).filter(request=request).first()
