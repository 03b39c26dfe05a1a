"""Authorised agents: declared, disabled and enabled; and what they sign, by `deletion.drp`.

A signature is verified under the lock of its agent's row, by the key that stands there then. The
agent is locked before any request is.
"""

import re
import secrets
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from audits.trail import Actor, audited
from deletion.actions.requests import cancel, request_deletion
from deletion.drp import (
    SIGNED_AGENT,
    caller_of,
    demand_in,
    is_code,
    key_in,
    message_in,
    require_meant,
    require_revocation,
    require_set_up,
)
from deletion.errors import (
    AgentInvalid,
    AgentUnknown,
    MessageRepeated,
    MoveNotAllowed,
    RequestOfAnother,
)
from deletion.events import (
    AgentDeclared,
    AgentDisabled,
    AgentEnabled,
    AgentSetUp,
    RequestSigned,
)
from deletion.keys import idempotency_tag
from deletion.models import Agent, SignedDemand
from deletion.queries.agents import digest_of
from deletion.regimes import regime_named
from deletion.states import RequestState
from lineage.identifiers import IdentifierKind
from lineage.queries import kind_of_namespace

_NAME: Final = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
_TOKEN: Final = "lethe_agent_"  # noqa: S105  # it lets scanners find a token that leaked into code


def declare_agent(  # noqa: PLR0913  # keyword-only, one a column
    *,
    agent: str,
    name: str,
    public_key: str,
    email_namespace: str,
    phone_namespace: str,
    regime: str,
    actor: Actor,
    now: datetime,
) -> Agent:
    """Declare whose signature is taken for a person's demand; it replaces what was declared.

    With another key the agent has to set up a new token. Who is disabled stays it.
    """
    key = _checked(
        agent, name, public_key, email_namespace=email_namespace, phone_namespace=phone_namespace
    )
    law = regime_named(regime)
    with audited(actor=actor, now=now) as trail:
        said = {
            "name": name,
            "public_key": key,
            "email_namespace_id": email_namespace or None,
            "phone_namespace_id": phone_namespace or None,
            "regime": law.name,
            "declared_by": actor,
            "declared_at": now,
        }
        Agent.objects.get_or_create(code=agent, defaults=said)
        row = _lock(agent, or_disabled=True)
        if row.public_key != key:
            row.token_digest = ""
            row.token_until = None
        for column, value in said.items():
            setattr(row, column, value)
        row.save()
        trail.record(
            AgentDeclared(
                agent=agent,
                name=name,
                public_key=key,
                email_namespace=email_namespace,
                phone_namespace=phone_namespace,
                regime=law.name,
            ),
            about=f"agent/{agent}",
        )
    return row


def disable_agent(*, agent: str, because: str, actor: Actor, now: datetime) -> Agent:
    """Take nothing from an agent until it is enabled again. What it asked for goes on."""
    with audited(actor=actor, now=now) as trail:
        row = _lock(agent)
        row.disabled_at = now
        row.disabled_because = because[:100]
        row.token_digest = ""
        row.token_until = None
        row.save()
        trail.record(
            AgentDisabled(agent=agent, because=row.disabled_because), about=f"agent/{agent}"
        )
    return row


def enable_agent(*, agent: str, actor: Actor, now: datetime) -> Agent:
    """Take messages of a disabled agent again; it has to set up a new token."""
    with audited(actor=actor, now=now) as trail:
        row = _lock(agent, or_disabled=True)
        if row.disabled_at is None:
            raise AgentUnknown
        row.disabled_at = None
        row.disabled_because = ""
        row.save()
        trail.record(AgentEnabled(agent=agent), about=f"agent/{agent}")
    return row


def set_up_token(*, agent: str, body: bytes, actor: Actor, now: datetime) -> str:
    """Return a new token for a signed message (section 2.05); the one before is worthless.

    Each message must be issued later than the last, so that nobody who saw one has a token by it.
    """
    with audited(actor=actor, now=now) as trail:
        row = _lock(agent)
        message = message_in(body, key=bytes.fromhex(row.public_key))
        issued_at = require_meant(message, agent=agent, business=settings.DRP_BUSINESS_ID, now=now)
        require_set_up(message)
        if row.set_up_at is not None and issued_at is not None and issued_at <= row.set_up_at:
            raise MessageRepeated
        token = f"{_TOKEN}{secrets.token_urlsafe(32)}"
        row.set_up_at = issued_at
        row.token_digest = digest_of(token)
        row.token_until = now + timedelta(days=settings.TOKEN_DAYS)
        row.save(update_fields=["set_up_at", "token_digest", "token_until"])
        trail.record(AgentSetUp(agent=agent), about=f"agent/{agent}")
    return token


def accept_demand(*, agent: str, body: bytes, actor: Actor, now: datetime) -> SignedDemand:
    """Open the request that an agent signed (section 2.01), or return the one that it opened.

    The same message is the same request for ever, also when that is closed; and so is, while the
    request is open, the same demand under the same agent-request-id.
    """
    with transaction.atomic():
        row = _lock(agent)
        message = message_in(body, key=bytes.fromhex(row.public_key))
        require_meant(message, agent=agent, business=settings.DRP_BUSINESS_ID, now=now)
        tag = idempotency_tag(
            f"message {message.signed.hex()}",
            caller=caller_of(agent),
            key_encryption_key=settings.REQUEST_KEY_ENCRYPTION_KEY,
        )
        mine = SignedDemand.objects.select_related("request").filter(agent=row)
        if (known := mine.filter(message_tag=tag).first()) is not None:
            return known
        asked = demand_in(
            message, email=row.email_namespace_id or "", phone=row.phone_namespace_id or ""
        )
        own = asked.agent_request_id
        opened = request_deletion(
            regime=asked.regime or row.regime,
            identifiers=asked.identifiers,
            idempotency_key=f"id {own}" if own else f"message {tag}",
            caller=caller_of(agent),
            verification=SIGNED_AGENT,
            actor=actor,
            now=now,
        )
        if (known := mine.filter(request=opened.request).first()) is not None:
            return known
        with audited(actor=actor, now=now) as trail:
            demand = SignedDemand.objects.create(
                request=opened.request, agent=row, agent_request_id=own, message_tag=tag
            )
            trail.record(
                RequestSigned(
                    request_id=str(opened.request.pk),
                    agent=agent,
                    public_key=row.public_key,
                    verified=asked.verified,
                ),
                about=f"request/{opened.request.pk}",
            )
    return demand


def revoke_demand(
    *, agent: str, request_id: UUID, body: bytes, actor: Actor, now: datetime
) -> SignedDemand:
    """Cancel a request as its agent signed (section 2.04); the person's words are not kept."""
    with transaction.atomic():
        row = _lock(agent)
        message = message_in(body, key=bytes.fromhex(row.public_key))
        require_meant(
            message, agent=agent, business=settings.DRP_BUSINESS_ID, now=now, names_all=False
        )
        require_revocation(message)
        demand = SignedDemand.objects.select_related("request").filter(agent=row)
        mine = demand.filter(request=request_id).first()
        if mine is None:
            raise RequestOfAnother
        if mine.request.state != RequestState.CANCELLED:
            try:
                mine.request = cancel(request_id=request_id, actor=actor, now=now)
            except MoveNotAllowed:
                # What stands in the way may be a hold, or another request of the same person.
                raise MoveNotAllowed("the request cannot be revoked any more") from None
    return mine


def _lock(agent: str, *, or_disabled: bool = False) -> Agent:
    """Return an agent that nobody else changes meanwhile."""
    found = Agent.objects.select_for_update(no_key=True).filter(code=agent)
    row = found.first() if is_code(agent) else None
    if row is None or (row.disabled_at is not None and not or_disabled):
        raise AgentUnknown
    return row


def _checked(
    agent: str, name: str, public_key: str, *, email_namespace: str, phone_namespace: str
) -> str:
    """Return the key of a declaration that holds together, in hexadecimal."""
    if not is_code(agent):
        raise AgentInvalid("an id has 1 to 50 letters, digits, dots, hyphens and underscores")
    if not _NAME.fullmatch(name) or name != name.strip():
        raise AgentInvalid("a name has 1 to 100 printable characters")
    if not email_namespace and not phone_namespace:
        raise AgentInvalid("a namespace is needed, of e-mail addresses or of phone numbers")
    if email_namespace and kind_of_namespace(email_namespace) is not IdentifierKind.EMAIL:
        raise AgentInvalid("the namespace of e-mail addresses is not of the kind email")
    if phone_namespace and kind_of_namespace(phone_namespace) is not IdentifierKind.TEXT:
        raise AgentInvalid("the namespace of phone numbers is not of the kind text")
    return key_in(public_key).hex()
