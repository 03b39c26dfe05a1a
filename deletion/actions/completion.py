"""The end of a request: certified and forgotten in one transaction, or planned once more."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from audits.actions import raise_alert
from audits.queries import trail_signer
from audits.statements import digest_of, sign
from audits.trail import Actor, audited
from deletion.actions.batches import UNMANAGED
from deletion.actions.locks import lock_request
from deletion.actions.recipients import ask_to_tell_late
from deletion.actions.requests import claims_in, close, key_of, receipt_of
from deletion.certificates import Ending, Finished, Moved, by_target, certificate_of
from deletion.closure import CLEAN, Remains
from deletion.errors import NotComplete
from deletion.events import RequestCompleted, RequestReopened
from deletion.intake import Claim
from deletion.models import (
    Certificate,
    Deferral,
    DeletionRequest,
    Extension,
    RequestIdentifier,
    Share,
)
from deletion.queries.plans import remains, shields_of, subjects_of
from deletion.queries.targets import target_of
from deletion.regimes import regime_named
from deletion.states import ENDED_WELL, Outcome, RequestState, require_move
from lineage.actions import forget_subjects
from lineage.actions.locks import lock_people
from lineage.identifiers import SubjectId, suppression_tag_of
from lineage.models import Pseudonym
from training.models import Attestation
from training.queries import attestations_of

NOT_CLEAN: Final = "person-still-somewhere"


def complete_request(*, request_id: UUID, actor: Actor, now: datetime) -> Certificate | None:
    """Certify a request of which every target has ended well, and forget its person.

    Before that the closure is computed again. If lineage still shows the person somewhere, the
    request is planned once more instead, and None is returned. While a training that saw the person
    has not ended, or another tool's model holds them, no plan would help: `NotComplete` is raised.
    """
    with transaction.atomic():
        request = lock_request(request_id)
        require_move(RequestState(request.state), RequestState.COMPLETE)
        shares = list(
            request.shares.select_related("obligation__store", "obligation__model", "run")
        )
        if not shares or any(share.outcome not in ENDED_WELL for share in shares):
            raise NotComplete
        lock_people()  # before the look: a registration in between would go unnoticed for ever
        left = remains(request.pk, now=now)
        if left.to_plan:
            _reopen(request, left, actor=actor, now=now)
            return None
        for version in left.unmanaged:
            raise_alert(
                kind=UNMANAGED,
                about=version[:120],
                detail={"why": "people taint it and no trainer of this service made it"},
                actor=actor,
                now=now,
            )
        if left == CLEAN:
            return _certify(request, shares, left, actor=actor, now=now)
    raise NotComplete  # after the transaction: the alerts stay


def _certify(
    request: DeletionRequest, shares: list[Share], left: Remains, *, actor: Actor, now: datetime
) -> Certificate:
    """Issue the certificate; in the same transaction, forget the person.

    The request's key is destroyed, the person moves to the suppression list and leaves every other
    table.
    """
    with audited(actor=actor, now=now) as trail:
        key = key_of(request)
        claims = claims_in(request, key)
        finished = _finished(
            request, shares, claims, receipt_of(key, claims).commitments, left, now
        )
        ask_to_tell_late(request, left.recipients, actor=actor, now=now)
        envelope = sign(certificate_of(finished), signer=trail_signer())
        certificate = Certificate.objects.create(
            request=request, envelope=envelope, digest=digest_of(envelope), issued_at=now
        )
        relied_on = shields_of(left.shielding, requests=[request.pk], now=now)
        Deferral.objects.bulk_create(
            Deferral(request=request, release_id=node, policy=shield.policy)
            for node, shield in relied_on.items()
        )
        forget_subjects(
            subjects=_nobody_elses(request),
            tags=[
                (
                    claim.namespace,
                    suppression_tag_of(
                        claim.digest, namespace=claim.namespace, key=settings.SUPPRESSION_KEY
                    ),
                )
                for claim in claims
            ],
            actor=actor,
            now=now,
        )
        request.state = RequestState.COMPLETE
        request.erased_at = finished.erased_at
        request.completed_at = now
        close(request)
        trail.record(
            RequestCompleted(
                request_id=str(request.pk),
                regime=request.regime,
                received_at=request.received_at,
                erase_by=request.erase_by,
                models_by=request.models_by,
                erased_at=finished.erased_at,
                completed_at=now,
                outcomes=finished.outcomes,
                certificate_digest=certificate.digest,
            ),
            about=f"request/{request.pk}",
        )
    return certificate


def _reopen(request: DeletionRequest, left: Remains, *, actor: Actor, now: datetime) -> None:
    about = f"request/{request.pk}"
    with audited(actor=actor, now=now) as trail:
        request.state = RequestState.RECEIVED
        request.batch = None
        if left.datasets:  # a model alone does not start the first clock again
            request.erased_at = None
        request.save(update_fields=["state", "batch", "erased_at"])
        trail.record(
            RequestReopened(request_id=str(request.pk), still_in=left.to_plan), about=about
        )
    raise_alert(
        kind=NOT_CLEAN, about=about, detail={"still_in": list(left.to_plan)}, actor=actor, now=now
    )


def _finished(  # noqa: PLR0913, PLR0917  # what a certificate is made of
    request: DeletionRequest,
    shares: list[Share],
    claims: tuple[Claim, ...],
    commitments: tuple[tuple[str, str], ...],
    left: Remains,
    now: datetime,
) -> Finished:
    return Finished(
        request_id=request.pk,
        regime=regime_named(request.regime),
        verification=request.verification,
        commitments=tuple(commitment for _, commitment in commitments),
        searched=tuple(sorted({claim.namespace for claim in claims})),
        received_at=request.received_at,
        erase_by=request.erase_by,
        models_by=request.models_by,
        erased_at=request.erased_at or now,  # no store had to be searched: clean from the start
        completed_at=now,
        endings=by_target(
            [
                Ending(
                    target=target_of(share.obligation),
                    outcome=Outcome(share.outcome),
                    note=share.note,
                    decided_at=share.decided_at or now,
                    evidence=share.run.evidence if share.run is not None else {},
                )
                for share in shares
            ]
            + [_attested(one) for one in attestations_of(left.attested)]
        ),
        recipients=left.recipients,
        moved=_moved(request),
    )


def _moved(request: DeletionRequest) -> tuple[Moved, ...]:
    extensions = Extension.objects.filter(request=request)
    pauses = request.pauses.filter(answered_at__isnull=False)
    moved = [
        *(Moved(article=one.article, reason=one.reason, told_at=one.told_at) for one in extensions),
        *(
            Moved(
                article=one.article,
                reason=one.reason,
                told_at=one.asked_at,
                answered_at=one.answered_at,
            )
            for one in pauses
        ),
    ]
    return tuple(sorted(moved, key=lambda one: one.told_at))


def _attested(attestation: Attestation) -> Ending:
    """Say of another tool's model what is true: it is gone on somebody's word."""
    node, by = attestation.node, attestation.attested_by
    return Ending(
        target=f"model/{node.name} {node.version}",
        outcome=Outcome.RETIRED,
        note=f"attested gone by {by}; not proven by Lethe, which did not make it",
        decided_at=attestation.attested_at,
        evidence={"attested_by": by, "evidence_digest": attestation.evidence_digest},
    )


def _nobody_elses(request: DeletionRequest) -> frozenset[SubjectId]:
    """Return the request's subjects without those that another open request still needs."""
    mine = subjects_of([request.pk])[request.pk]
    others = RequestIdentifier.objects.exclude(request=request).values("pseudonym")
    needed = Pseudonym.objects.filter(subject__in=mine, value__in=others)
    return mine - {SubjectId(subject) for subject in needed.values_list("subject_id", flat=True)}
