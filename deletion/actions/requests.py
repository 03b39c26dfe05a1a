"""Opening and cancelling requests, and what an open one says about its person."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import psycopg2
from django.conf import settings
from django.db import IntegrityError, transaction

from audits.trail import Actor, audited
from deletion.actions.locks import lock_request
from deletion.errors import (
    IdempotencyKeyReused,
    MoveNotAllowed,
    RequestAlreadyOpen,
)
from deletion.events import DeletionRequested, RequestCancelled
from deletion.intake import Claim, Receipt, SaidIdentifier, body_of, claims_of
from deletion.keys import RequestKey, commitment, idempotency_tag, new_key, unwrap
from deletion.models import DeletionRequest, RequestIdentifier
from deletion.regimes import Regime, regime_named
from deletion.states import RequestState, require_move
from lineage.identifiers import pseudonym_of
from lineage.queries import kind_of_namespace

# The names of unique constraints: `unique=True` gives Django's own to the pseudonym's.
_ONE_PER_KEY: Final = "one_request_per_idempotency_key"
_ONE_PER_PERSON: Final = "deletion_requestidentifier_pseudonym_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A request, and the receipt that its person keeps."""

    request: DeletionRequest
    receipt: Receipt


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

    A person has at most one open request. When a request is closed its key cannot be used again,
    since nothing is left by which the same demand could be recognised.
    """
    law = regime_named(regime)
    kinds = {said.namespace: kind_of_namespace(said.namespace) for said in identifiers}
    claims = claims_of(identifiers, kinds=kinds)
    body = body_of(regime=regime, verification=verification, claims=claims)
    tag = idempotency_tag(
        idempotency_key, caller=caller, key_encryption_key=settings.REQUEST_KEY_ENCRYPTION_KEY
    )
    with transaction.atomic():
        known = _opened_with(caller, tag)
        if known is not None:
            return _repeated(known, claims, body)
        try:
            with audited(actor=actor, now=now) as trail:
                opened = _open(
                    law,
                    claims,
                    body,
                    DeletionRequest(
                        pk=uuid4(),
                        state=RequestState.RECEIVED,
                        received_at=now,
                        caller=caller,
                        idempotency_tag=tag,
                        verification=verification,
                    ),
                )
                trail.record(_requested(opened), about=f"request/{opened.request.pk}")
        except IntegrityError as exc:
            # The database decides who was first, about the key as about the person.
            broken = _constraint_broken(exc)
            if broken not in {_ONE_PER_KEY, _ONE_PER_PERSON}:
                raise
            known = _opened_with(caller, tag)
            if known is None:
                raise RequestAlreadyOpen from exc
            return _repeated(known, claims, body)
    return opened


def cancel(*, request_id: UUID, actor: Actor, now: datetime) -> DeletionRequest:
    """Withdraw a demand before any work began; what it said about the person is destroyed."""
    with audited(actor=actor, now=now) as trail:
        request = lock_request(request_id)
        require_move(RequestState(request.state), RequestState.CANCELLED)
        if request.shares.exists():
            raise MoveNotAllowed("work on the request has begun")
        request.state = RequestState.CANCELLED
        request.cancelled_at = now
        request.batch = None
        request.holds.filter(released_at=None).update(released_at=now, released_by=actor)
        close(request)
        trail.record(RequestCancelled(request_id=str(request.pk)), about=f"request/{request.pk}")
    return request


def close(request: DeletionRequest) -> None:
    """Destroy the request's key and everything it opens; the caller records why."""
    request.wrapped_key = None
    request.body_tag = ""
    request.save()
    request.identifiers.all().delete()
    request.found.all().delete()
    request.holds.update(reason="")


def key_of(request: DeletionRequest) -> RequestKey:
    """Return an open request's key."""
    return unwrap(
        bytes(request.wrapped_key or b""),
        request_id=request.pk,
        key_encryption_key=settings.REQUEST_KEY_ENCRYPTION_KEY,
    )


def claims_in(request: DeletionRequest, key: RequestKey) -> tuple[Claim, ...]:
    """Return what an open request says about its person."""
    return tuple(
        sorted(
            Claim(
                namespace=one.namespace_id,
                digest=key.unseal(bytes(one.sealed_digest), namespace=one.namespace_id),
            )
            for one in request.identifiers.all()
        )
    )


def receipt_of(key: RequestKey, claims: Sequence[Claim]) -> Receipt:
    """Return what a request's person gets to keep."""
    return Receipt(
        request_id=key.request_id,
        commitment_key=key.commitment_key,
        commitments=tuple(
            (claim.namespace, commitment(key.commitment_key, claim.namespace, claim.digest))
            for claim in claims
        ),
    )


def _constraint_broken(error: IntegrityError) -> str | None:
    """Return the name of the constraint that the database says was broken."""
    cause = error.__cause__
    return cause.diag.constraint_name if isinstance(cause, psycopg2.Error) else None


def _opened_with(caller: str, tag: str) -> DeletionRequest | None:
    return DeletionRequest.objects.filter(caller=caller, idempotency_tag=tag).first()


def _repeated(known: DeletionRequest, claims: Sequence[Claim], body: bytes) -> Opened:
    if known.wrapped_key is None:
        raise IdempotencyKeyReused
    key = key_of(known)
    if not hmac.compare_digest(key.tag(body), known.body_tag):
        raise IdempotencyKeyReused
    return Opened(request=known, receipt=receipt_of(key, claims))


def _open(law: Regime, claims: Sequence[Claim], body: bytes, request: DeletionRequest) -> Opened:
    key = new_key(request.pk, entropy=secrets.token_bytes)
    clocks = law.clocks(request.received_at)
    request.regime = law.name
    request.acknowledge_by = clocks.acknowledge_by
    request.erase_by = clocks.erase_by
    request.models_by = clocks.models_by
    request.body_tag = key.tag(body)
    request.wrapped_key = key.wrap(
        key_encryption_key=settings.REQUEST_KEY_ENCRYPTION_KEY, entropy=secrets.token_bytes
    )
    request.save(force_insert=True)
    RequestIdentifier.objects.bulk_create(
        RequestIdentifier(
            request=request,
            namespace_id=claim.namespace,
            pseudonym=pseudonym_of(
                claim.digest, namespace=claim.namespace, key=settings.PSEUDONYM_KEY
            ),
            sealed_digest=key.seal(
                claim.digest, namespace=claim.namespace, entropy=secrets.token_bytes
            ),
        )
        for claim in claims
    )
    return Opened(request=request, receipt=receipt_of(key, claims))


def _requested(opened: Opened) -> DeletionRequested:
    request = opened.request
    return DeletionRequested(
        request_id=str(request.pk),
        regime=request.regime,
        commitments=tuple(commitment for _, commitment in opened.receipt.commitments),
        verification=request.verification,
        received_at=request.received_at,
        acknowledge_by=request.acknowledge_by,
        erase_by=request.erase_by,
        models_by=request.models_by,
    )
