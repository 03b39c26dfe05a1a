"""Opening and cancelling requests, and what an open one says about its person."""

import hmac
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Final
from uuid import UUID, uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Value
from django.db.models.functions import Coalesce

from audits.trail import Actor, audited
from deletion.actions.claims import receipt_of
from deletion.actions.links import identifier_rows, record_links
from deletion.actions.locks import lock_request
from deletion.actions.merging import (
    ONE_LEADS,
    broke,
    locked_leaders,
    overtake,
    record_standing,
    stand_behind,
)
from deletion.drp import SIGNED_AGENT, is_agent
from deletion.errors import (
    IdempotencyKeyReused,
    MoveNotAllowed,
    RequestAlreadyOpen,
    TwoPeopleNeeded,
    VerificationNotPossible,
    VerificationReserved,
)
from deletion.events import DeletionRequested, RequestCancelled
from deletion.identity import EMAIL_CODE, address_in
from deletion.intake import (
    Claim,
    Receipt,
    SaidDemand,
    SaidIdentifier,
    body_of,
    claims_of,
)
from deletion.keys import RequestKey, idempotency_tag, new_key, unwrap
from deletion.links import NOTHING_LINKED, Linked
from deletion.merging import Leader, leader_of, overtaken_by
from deletion.models import DeletionRequest, EmailCheck, Found, Hold, RequestIdentifier
from deletion.queries.links import linked_to
from deletion.regimes import Regime, regime_named
from deletion.states import OPEN, RequestState, require_move
from lineage.errors import NamespaceUnknown
from lineage.identifiers import IdentifierKind, pseudonym_of
from lineage.queries import kind_of_namespace

_ONE_PER_KEY: Final = "one_request_per_idempotency_key"
_TRIES: Final = 5  # when others ask for the same person in the same moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A request, and the receipt that its person keeps."""

    request: DeletionRequest
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What is asked for, as digests; the caller's key and the person are marks already."""

    law: Regime
    claims: tuple[Claim, ...]
    pseudonyms: tuple[UUID, ...]  # one a claim
    linked: Linked = NOTHING_LINKED  # what links add to them
    verification: str
    body: bytes = field(repr=False)
    tag: str  # of the caller's key
    address: str | None = field(default=None, repr=False)  # to which a code goes, if any does

    @property
    def marks(self) -> tuple[UUID, ...]:
        """Return all that is looked for: what was named, and what links add."""
        return self.pseudonyms + self.linked.pseudonyms


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A request with everything that is written when it is opened."""

    request: DeletionRequest
    identifiers: Sequence[RequestIdentifier]
    receipt: Receipt
    linked: Linked = NOTHING_LINKED
    overtakes: frozenset[UUID] = frozenset()  # requests that nobody has confirmed

    @property
    def opened(self) -> Opened:
        """Return what the caller gets."""
        return Opened(request=self.request, receipt=self.receipt)

    @property
    def about(self) -> str:
        """Return what the trail calls the request."""
        return f"request/{self.request.pk}"

    @property
    def event(self) -> DeletionRequested:
        """Return what the trail says of it."""
        request = self.request
        return DeletionRequested(
            request_id=str(request.pk),
            regime=request.regime,
            commitments=tuple(commitment for _, commitment in self.receipt.commitments),
            verification=request.verification,
            received_at=request.received_at,
            acknowledge_by=request.acknowledge_by,
            erase_by=request.erase_by,
            models_by=request.models_by,
        )


def request_deletion(  # noqa: PLR0913  # keyword-only, one a column
    *,
    regime: str,
    identifiers: Sequence[SaidIdentifier],
    idempotency_key: str,
    caller: str,
    verification: str,
    actor: Actor,
    now: datetime,
) -> Opened:
    """Open a request and start its clocks, or return the one that this caller opened with this key.

    While another request is open for the person, this one is merged into it or waits for its end.
    When a request is closed its key cannot be used again, since nothing is left by which the same
    demand could be recognised.
    """
    demand = demand_of(
        SaidDemand(regime=regime, identifiers=tuple(identifiers), verification=verification),
        key=idempotency_key,
        caller=caller,
        kinds={said.namespace: kind_of_namespace(said.namespace) for said in identifiers},
    )
    with transaction.atomic():
        for _ in range(_TRIES - 1):
            try:
                return _open(demand, caller=caller, actor=actor, now=now)
            except IntegrityError as exc:
                # The database decides who was first, about the key as about the person: that one
                # is seen now.
                if not somebody_was_first(exc):
                    raise
        return _open(demand, caller=caller, actor=actor, now=now)


def _open(demand: Demand, *, caller: str, actor: Actor, now: datetime) -> Opened:
    known = _opened_with(caller, demand.tag)
    if known is not None:
        return repeated(known, demand)
    with audited(actor=actor, now=now) as trail:
        (demand,) = with_links([demand])
        draft = line_up(draft_of(demand, caller=caller, now=now), locked_leaders(demand.marks))
        draft.request.save(force_insert=True)
        overtake(draft.request, draft.overtakes, trail=trail)
        RequestIdentifier.objects.bulk_create(draft.identifiers)
        if demand.address is not None:
            _begin_check(draft.request, address=demand.address, now=now)
        trail.record(draft.event, about=draft.about)
        record_links(draft.request, draft.linked, trail=trail, actor=actor, now=now)
        record_standing(draft.request, trail=trail)
    return draft.opened


def with_links(demands: Sequence[Demand]) -> list[Demand]:
    """Return demands with what links add; a code proves an address alone, so it comes first."""
    asked = [demand.pseudonyms if demand.address is None else () for demand in demands]
    return [
        replace(demand, linked=linked)
        for demand, linked in zip(demands, linked_to(asked), strict=True)
    ]


def line_up(draft: Draft, leaders: Mapping[UUID, Leader]) -> Draft:
    """Return a draft that stands behind what leads for its person, if anything does.

    Raise `RequestAlreadyOpen` if its own person has not shown who they are: no code is sent to
    somebody of whom a request is open.
    """
    marks = [one.pseudonym for one in draft.identifiers]
    is_unverified = draft.request.state == RequestState.UNVERIFIED
    leader = leader_of(marks, leaders, is_unverified=is_unverified)
    if leader is None:
        return replace(draft, overtakes=overtaken_by(marks, leaders))
    if is_unverified:
        raise RequestAlreadyOpen
    stand_behind(draft.request, draft.identifiers, leader)
    return draft


def cancel(*, request_id: UUID, actor: Actor, now: datetime) -> DeletionRequest:
    """Withdraw a demand before any work began; what it said about the person is destroyed."""
    with audited(actor=actor, now=now) as trail:
        request = lock_request(request_id)
        request.cancelled_at = now
        close_unworked(request, RequestState.CANCELLED, actor=actor, now=now)
        trail.record(RequestCancelled(request_id=str(request.pk)), about=f"request/{request.pk}")
    return request


def close_unworked(
    request: DeletionRequest, state: RequestState, *, actor: Actor, now: datetime
) -> None:
    """Close a locked request on which no work has begun, whatever suspends it.

    As a hold is released by somebody else than who placed it, so is its request closed.
    """
    require_move(RequestState(request.state), state)
    if request.shares.exists():
        raise MoveNotAllowed("work on the request has begun")
    if request.state == RequestState.HELD and request.followers.filter(state__in=OPEN).exists():
        # It cannot be held itself: what has to be kept would be erased for it.
        raise MoveNotAllowed("another request of the same person waits: release the hold first")
    holds = request.holds.filter(released_at=None)
    if holds.filter(placed_by=actor).exists():
        raise TwoPeopleNeeded
    request.state = state
    request.batch = None
    holds.update(released_at=now, released_by=actor)
    request.pauses.filter(ended_at=None).update(ended_at=now, ended_by=actor)
    request.paused_since = None
    close(request)


def close(request: DeletionRequest) -> None:
    """Destroy the request's key and everything it opens; the caller records why."""
    request.wrapped_key = None
    request.body_tag = ""
    request.save()
    _destroy([request.pk])


def close_all(request_ids: Collection[UUID], *, completed_at: datetime) -> None:
    """Close complete requests as `close` does, in few statements; the caller records it.

    State and key go in one statement, since a constraint binds them.
    """
    DeletionRequest.objects.filter(pk__in=list(request_ids)).update(
        state=RequestState.COMPLETE,
        erased_at=Coalesce("erased_at", Value(completed_at)),
        completed_at=completed_at,
        wrapped_key=None,
        body_tag="",
    )
    _destroy(request_ids)


def _destroy(request_ids: Collection[UUID]) -> None:
    RequestIdentifier.objects.filter(request__in=list(request_ids)).delete()
    EmailCheck.objects.filter(request__in=list(request_ids)).delete()
    Found.objects.filter(request__in=list(request_ids)).delete()
    Hold.objects.filter(request__in=list(request_ids)).update(reason="")


def _begin_check(request: DeletionRequest, *, address: str, now: datetime) -> None:
    """Keep the address of a new request until its person has confirmed it; a code is wanted."""
    if not settings.EMAIL_HOST:
        raise VerificationNotPossible("this service sends no e-mail: EMAIL_HOST is not set")
    try:
        validate_email(address)
    except ValidationError:
        raise VerificationNotPossible("there is no such e-mail address") from None
    EmailCheck.objects.create(
        request=request,
        sealed_address=key_of(request).seal_address(address, entropy=secrets.token_bytes),
        expires_at=now + timedelta(days=settings.IDENTITY_DAYS),
        wanted_at=now,
    )


def key_of(request: DeletionRequest) -> RequestKey:
    """Return an open request's key."""
    return unwrap(
        bytes(request.wrapped_key or b""),
        request_id=request.pk,
        key_encryption_key=settings.REQUEST_KEY_ENCRYPTION_KEY,
    )


def demand_of(
    said: SaidDemand, *, key: str, caller: str, kinds: Mapping[str, IdentifierKind]
) -> Demand:
    """Return a demand with its digests, or raise what is wrong with it.

    `kinds` are those of the declared namespaces, `key` is the caller's own for this demand.
    """
    law = regime_named(said.regime)
    if said.verification == SIGNED_AGENT and not is_agent(caller):
        raise VerificationReserved
    if any(identifier.namespace not in kinds for identifier in said.identifiers):
        raise NamespaceUnknown  # unrepeated: somebody may have sent an identifier in its place
    claims = claims_of(said.identifiers, kinds=kinds)
    return Demand(
        law=law,
        claims=claims,
        verification=said.verification,
        address=address_in(said.identifiers, kinds=kinds)
        if said.verification == EMAIL_CODE
        else None,
        body=body_of(regime=said.regime, verification=said.verification, claims=claims),
        tag=idempotency_tag(
            key, caller=caller, key_encryption_key=settings.REQUEST_KEY_ENCRYPTION_KEY
        ),
        pseudonyms=tuple(
            pseudonym_of(claim.digest, namespace=claim.namespace, key=settings.PSEUDONYM_KEY)
            for claim in claims
        ),
    )


def draft_of(demand: Demand, *, caller: str, now: datetime) -> Draft:
    """Return a request that starts its clocks now, with all its rows; nothing is saved yet."""
    clocks = demand.law.clocks(now)
    key = new_key(uuid4(), entropy=secrets.token_bytes)
    request = DeletionRequest(
        pk=key.request_id,
        regime=demand.law.name,
        state=RequestState.RECEIVED if demand.address is None else RequestState.UNVERIFIED,
        received_at=now,
        acknowledge_by=clocks.acknowledge_by,
        erase_by=clocks.erase_by,
        models_by=clocks.models_by,
        caller=caller,
        idempotency_tag=demand.tag,
        body_tag=key.tag(demand.body),
        verification=demand.verification,
        wrapped_key=key.wrap(
            key_encryption_key=settings.REQUEST_KEY_ENCRYPTION_KEY, entropy=secrets.token_bytes
        ),
    )
    named = zip(demand.pseudonyms, demand.claims, strict=True)
    identifiers = [
        *identifier_rows(request, named, key=key, by_link=False),
        *identifier_rows(request, demand.linked.claims, key=key, by_link=True),
    ]
    # In one order everywhere, so that two who insert some of the same people never deadlock.
    identifiers.sort(key=attrgetter("pseudonym"))
    return Draft(
        request=request,
        identifiers=identifiers,
        receipt=receipt_of(key, demand.claims),
        linked=demand.linked,
    )


def repeated(known: DeletionRequest, demand: Demand) -> Opened:
    """Return a request that was opened with the same key, if it was for the same demand."""
    if known.wrapped_key is None:
        raise IdempotencyKeyReused
    key = key_of(known)
    if not hmac.compare_digest(key.tag(demand.body), known.body_tag):
        raise IdempotencyKeyReused
    return Opened(request=known, receipt=receipt_of(key, demand.claims))


def somebody_was_first(error: IntegrityError) -> bool:
    """Say whether the database refused a key that was used, or a person who has asked already."""
    return broke(error, _ONE_PER_KEY, ONE_LEADS)


def _opened_with(caller: str, tag: str) -> DeletionRequest | None:
    return DeletionRequest.objects.filter(caller=caller, idempotency_tag=tag).first()
