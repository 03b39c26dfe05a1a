"""Recipients: declared, tested, disabled and enabled. What they are told is `actions.tellings`."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db.models import QuerySet

from audits.trail import Actor, Trail, audited
from deletion.actions.shares import note_outcome
from deletion.callbacks import key_in, require_key_of
from deletion.errors import RecipientInvalid, RecipientUnknown
from deletion.events import (
    RecipientDeclared,
    RecipientDisabled,
    RecipientEnabled,
    RecipientTestAsked,
    RecipientTested,
)
from deletion.models import OrderNotice, Recipient, Share, Telling
from deletion.opendsr import IDENTITY_TYPES
from deletion.queries.targets import recipient_target
from deletion.states import Outcome, RequestState
from deletion.telling import BY_HTTP, Way, known_as
from lineage.errors import NamespaceUnknown
from lineage.models import Namespace
from training.calling.addresses import place_of
from training.queries import address_policy

_NAME: Final = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
_CALLED: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def declare_recipient(  # noqa: PLR0913  # keyword-only, one a column
    *,
    name: str,
    way: Way,
    url: str,
    namespaces: Mapping[str, str],
    waits_for_answer: bool,
    callback_key: str = "",
    actor: Actor,
    now: datetime,
) -> Recipient:
    """Declare how a recipient can be told; `namespaces` maps ours to what it calls them.

    `callback_key`, a certificate or public key in PEM, lets a processor say by itself how far
    it is. What is declared replaces what was declared before and enables the recipient; what could
    not be told until now is tried again.
    """
    host = _checked(name, way, url, namespaces, waits_for_answer=waits_for_answer)
    key_digest = _checked_key(callback_key, way, host, now=now)
    with audited(actor=actor, now=now) as trail:
        Recipient.objects.get_or_create(name=name)
        recipient = lock_recipient(name)
        recipient.way = way
        recipient.url = url
        recipient.namespaces = known_as(namespaces)
        recipient.waits_for_answer = waits_for_answer
        recipient.callback_key = callback_key
        recipient.declared_by = actor
        recipient.declared_at = now
        recipient.disabled_at = None
        recipient.disabled_because = ""
        recipient.save()
        trail.record(
            RecipientDeclared(
                recipient=name,
                way=way.value,
                host=host,
                namespaces=known_as(namespaces),
                waits_for_answer=waits_for_answer,
                callback_key=key_digest,
            ),
            about=recipient_target(name),
        )
        _try_again(recipient, trail=trail)
    return recipient


def disable_recipient(*, recipient: str, because: str, actor: Actor, now: datetime) -> Recipient:
    """Send nothing to a recipient until it is enabled again; people are asked about it."""
    with audited(actor=actor, now=now) as trail:
        row = lock_recipient(recipient)
        if row.way not in BY_HTTP or row.disabled_at is not None:
            raise RecipientUnknown
        switch_off(row, because=because, trail=trail)
    return row


def switch_off(recipient: Recipient, *, because: str, trail: Trail) -> None:
    """Disable a locked recipient, within another action."""
    recipient.disabled_at = trail.now
    recipient.disabled_because = because[:100]
    recipient.save(update_fields=["disabled_at", "disabled_because"])
    trail.record(
        RecipientDisabled(recipient=recipient.name, because=recipient.disabled_because),
        about=recipient_target(recipient.name),
    )


def enable_recipient(*, recipient: str, actor: Actor, now: datetime) -> Recipient:
    """Send to a disabled recipient again, from the first attempt on."""
    with audited(actor=actor, now=now) as trail:
        row = lock_recipient(recipient)
        if row.disabled_at is None:
            raise RecipientUnknown
        row.disabled_at = None
        row.disabled_because = ""
        row.save(update_fields=["disabled_at", "disabled_because"])
        trail.record(RecipientEnabled(recipient=row.name), about=recipient_target(row.name))
        _try_again(row, trail=trail)
    return row


def ask_test(*, recipient: str, actor: Actor, now: datetime) -> Recipient:
    """Ask for a test message that names nobody; a worker sends it."""
    with audited(actor=actor, now=now) as trail:
        row = lock_recipient(recipient)
        if row.way not in BY_HTTP:
            raise RecipientUnknown
        row.test_asked_at = now
        row.save(update_fields=["test_asked_at"])
        trail.record(RecipientTestAsked(recipient=row.name), about=recipient_target(row.name))
    return row


def record_test(
    *, recipient: str, status: int | None, trouble: str, actor: Actor, now: datetime
) -> Recipient:
    """Note how a test message went."""
    with audited(actor=actor, now=now) as trail:
        row = lock_recipient(recipient)
        row.tested_at = now
        row.test_status = status
        row.test_trouble = trouble[:100]
        row.save(update_fields=["tested_at", "test_status", "test_trouble"])
        trail.record(
            RecipientTested(recipient=row.name, status=status, trouble=row.test_trouble),
            about=recipient_target(row.name),
        )
    return row


def lock_recipient(name: str) -> Recipient:
    """Return a recipient that nobody else changes meanwhile; locked after requests."""
    recipient = Recipient.objects.select_for_update(no_key=True).filter(name=name).first()
    if recipient is None:
        raise RecipientUnknown
    return recipient


def begin_anew(tellings: QuerySet[Telling]) -> None:
    """Give tellings all their attempts back; what stands in the way is gone.

    What was accepted and then refused is sent once more, under the same id.
    """
    tellings.update(
        attempts=0, not_before=None, last_error="", sent_at=None, answer="", expected_at=None
    )


def _try_again(recipient: Recipient, *, trail: Trail) -> None:
    """Open again what could not be told to a recipient."""
    stuck = Share.objects.filter(
        obligation__recipient=recipient,
        outcome=Outcome.UNREACHABLE,
        request__state=RequestState.IN_PROGRESS,
    )
    note_outcome(stuck, None, note="", trail=trail)
    begin_anew(Telling.objects.filter(share__obligation__recipient=recipient, share__outcome=""))
    OrderNotice.objects.filter(recipient=recipient, accepted_at=None).update(
        attempts=0, not_before=None, last_error=""
    )


def _checked_key(pem: str, way: Way, host: str, *, now: datetime) -> str:
    """Return the SHA-256 of the key that verifies callbacks, or nothing if none are wanted."""
    if not pem:
        return ""
    if way is not Way.OPENDSR:
        raise RecipientInvalid("only a processor that speaks OpenDSR calls back")
    if not settings.PUBLIC_URL:
        raise RecipientInvalid("nobody can call back: PUBLIC_URL is not set")
    if "PRIVATE KEY" in pem:  # what is declared is shown to everybody who sees recipients
        raise RecipientInvalid("there is a private key in it: declare the public part alone")
    key = key_in(pem)
    require_key_of(host, key, now=now)
    return key.digest


def _checked(
    name: str, way: Way, url: str, namespaces: Mapping[str, str], *, waits_for_answer: bool
) -> str:
    """Return the host of a declaration that holds together."""
    if not _NAME.fullmatch(name) or name != name.strip():
        raise RecipientInvalid("a name has 1 to 100 printable characters")
    if waits_for_answer and way is not Way.OPENDSR:
        raise RecipientInvalid("only a processor that speaks OpenDSR answers")
    if way is Way.BY_HAND:
        if url or namespaces:
            raise RecipientInvalid("who is told by hand has neither an address nor namespaces")
        return ""
    if not namespaces:
        raise RecipientInvalid("at least one namespace is needed, by which they find the person")
    declared = set(Namespace.objects.values_list("pk", flat=True))
    if missing := sorted(set(namespaces) - declared):
        raise NamespaceUnknown(f"not declared: {', '.join(missing)}"[:200])
    called = set(namespaces.values())
    if len(called) < len(namespaces):
        raise RecipientInvalid("two namespaces have the same name there")
    if way is Way.OPENDSR and (unknown := sorted(called - IDENTITY_TYPES)):
        raise RecipientInvalid(f"OpenDSR knows no identity type {', '.join(unknown)}"[:200])
    if not all(_CALLED.fullmatch(each) for each in called):
        raise RecipientInvalid("a namespace's name has letters, digits, dots, hyphens, underscores")
    return place_of(url, policy=address_policy()).host
