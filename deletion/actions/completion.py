"""The end of requests: certified and forgotten in one transaction, or planned once more."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import prefetch_related_objects

from audits.actions import raise_alert
from audits.queries import require_witnessed_trail, trail_signer
from audits.statements import digest_of, sign
from audits.trail import Actor, audited
from deletion.actions.batches import UNMANAGED
from deletion.actions.claims import claims_in, named_in, receipt_of
from deletion.actions.links import destroy_links_of
from deletion.actions.locks import lock_with_merged
from deletion.actions.requests import close_all, key_of
from deletion.actions.tellings import tell_late
from deletion.certificates import Ending, Finished, Moved, by_target, certificate_of
from deletion.closure import CLEAN, Remains
from deletion.errors import MoveNotAllowed, NotComplete, RequestUnknown
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
from deletion.queries.completion import planned_targets, shares_by_request
from deletion.queries.merging import answered_by
from deletion.queries.plans import remains_of_each, shields_of, subjects_of
from deletion.queries.recipients import told_of
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
MISSING: Final = "planned-work-missing"

Merged = Mapping[UUID, Sequence[DeletionRequest]]
"""The requests that each answers as well, locked with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of requests that looked ready: each is in one of the three."""

    certified: Mapping[UUID, Certificate]
    reopened: frozenset[UUID]
    waiting: frozenset[UUID]  # not every target has ended well, or only others can act


def complete_request(*, request_id: UUID, actor: Actor, now: datetime) -> Certificate | None:
    """Certify one request as `complete_requests` does; None if it is planned once more instead.

    While a recipient has not been told, a training that saw the person has not ended, or another
    tool's model holds them, no plan would help: `NotComplete` is raised.
    """
    with transaction.atomic():
        rows = lock_with_merged([request_id])
        request = next((row for row in rows if row.pk == request_id), None)
        if request is None:
            raise RequestUnknown
        if request.state == RequestState.MERGED:
            raise MoveNotAllowed("a merged request is complete with the one it was merged into")
        require_move(RequestState(request.state), RequestState.COMPLETE)
        settled = _settle([request], _merged(rows), actor=actor, now=now)
    if settled.waiting:
        raise NotComplete  # after the transaction: the alerts stay
    return settled.certified.get(request_id)


def complete_requests(*, request_ids: Collection[UUID], actor: Actor, now: datetime) -> Settled:
    """Certify the requests of which every target has ended well, and forget their people.

    Before that the closure of each is computed again, inside the lock that keeps registrations out.
    Whom lineage still shows somewhere is planned once more instead. All in one transaction, so the
    lock is taken, lineage read and the disk waited for once. Requests that others have taken on
    meanwhile are passed over.
    """
    with transaction.atomic():
        rows = lock_with_merged(request_ids)
        requests = [request for request in rows if request.state == RequestState.IN_PROGRESS]
        return _settle(requests, _merged(rows), actor=actor, now=now)


def note_waiting(*, request_ids: Collection[UUID], now: datetime) -> None:
    """Let requests that must wait be looked at last. Nothing happened, so nothing is recorded."""
    DeletionRequest.objects.filter(pk__in=list(request_ids)).update(looked_at=now)


def _merged(rows: Sequence[DeletionRequest]) -> Merged:
    found: defaultdict[UUID, list[DeletionRequest]] = defaultdict(list)
    for row in rows:
        if row.state == RequestState.MERGED and row.behind_id is not None:
            found[row.behind_id].append(row)
    return found


def _settle(
    requests: Sequence[DeletionRequest], merged: Merged, *, actor: Actor, now: datetime
) -> Settled:
    require_witnessed_trail()  # a restored one would certify what was certified otherwise
    shares = shares_by_request([request.pk for request in requests])
    ended = [request for request in requests if _all_ended_well(shares[request.pk])]
    ready = _with_all_that_was_planned(ended, shares, actor=actor, now=now)
    lock_people()  # before the look: a registration in between would go unnoticed for ever
    left = remains_of_each([request.pk for request in ready], now=now)
    for request in ready:
        if left[request.pk].to_plan:
            _reopen(request, merged.get(request.pk, ()), left[request.pk], actor=actor, now=now)
        for version in left[request.pk].unmanaged if not left[request.pk].to_plan else ():
            raise_alert(
                kind=UNMANAGED,
                about=version[:120],
                detail={"why": "people taint it and no trainer of this service made it"},
                actor=actor,
                now=now,
            )
    clean = [
        request
        for request in ready
        if left[request.pk] == CLEAN
        # Somebody more was reached meanwhile: it is complete when they are told.
        and not tell_late(
            request=request, recipients=left[request.pk].recipients, actor=actor, now=now
        )
    ]
    certified = _certify(clean, merged, shares, left, actor=actor, now=now) if clean else {}
    reopened = frozenset(request.pk for request in ready if left[request.pk].to_plan)
    every = frozenset(request.pk for request in requests)
    return Settled(
        certified=certified,
        reopened=reopened,
        waiting=every - certified.keys() - reopened,
    )


def _all_ended_well(shares: Sequence[Share]) -> bool:
    return bool(shares) and all(share.outcome in ENDED_WELL for share in shares)


def _with_all_that_was_planned(
    requests: Sequence[DeletionRequest],
    shares: Mapping[UUID, Sequence[Share]],
    *,
    actor: Actor,
    now: datetime,
) -> list[DeletionRequest]:
    """Return the requests with an outcome for each target of their approved plan.

    Rows that went missing must not look like work that is done: a person is asked to look.
    """
    planned = planned_targets([request.pk for request in requests])
    whole = []
    for request in requests:
        has = {
            (one.obligation.kind, one.obligation.store_id or one.obligation.model_id)
            for one in shares[request.pk]
            if one.obligation.batch_id == request.batch_id
        }
        missing = planned[request.pk].keys() - has
        if not missing and planned[request.pk]:
            whole.append(request)
            continue
        raise_alert(
            kind=MISSING,
            about=f"request/{request.pk}",
            detail={
                "why": "its approved plan names targets of which no work is on record",
                "targets": sorted(planned[request.pk][target] for target in missing),
            },
            actor=actor,
            now=now,
        )
    return whole


def _certify(  # noqa: PLR0913  # what is known of the requests
    requests: Sequence[DeletionRequest],
    merged: Merged,
    shares: Mapping[UUID, Sequence[Share]],
    left: Mapping[UUID, Remains],
    *,
    actor: Actor,
    now: datetime,
) -> dict[UUID, Certificate]:
    """Issue the certificates; in the same transaction, forget the people.

    Who was merged into a request has the same endings, and a certificate of their own.
    The requests' keys are destroyed, the people move to the suppression list and leave every other
    table.
    """
    answered = [
        (request, leader) for leader in requests for request in (leader, *merged.get(leader.pk, ()))
    ]
    everybody = [request for request, _ in answered]
    prefetch_related_objects(everybody, "identifiers", "extension", "pauses")
    certificates: dict[UUID, Certificate] = {}
    tags: list[tuple[str, UUID]] = []
    deferrals: list[Deferral] = []
    signer = trail_signer()
    with audited(actor=actor, now=now) as trail:
        for request, leader in answered:
            key, mine = key_of(request), left[leader.pk]
            claims = claims_in(request, key)
            commitments = receipt_of(key, named_in(request, key)).commitments
            finished = _finished(request, leader, shares[leader.pk], claims, commitments, mine, now)
            envelope = sign(certificate_of(finished), signer=signer)
            certificate = Certificate(
                request=request, envelope=envelope, digest=digest_of(envelope), issued_at=now
            )
            certificates[request.pk] = certificate
            if request is leader:  # one person, however often they asked
                relied_on = shields_of(mine.shielding, requests=[request.pk], now=now)
                deferrals += [
                    Deferral(request=request, release_id=node, policy=shield.policy)
                    for node, shield in relied_on.items()
                ]
            tags += [
                (
                    claim.namespace,
                    suppression_tag_of(
                        claim.digest, namespace=claim.namespace, key=settings.SUPPRESSION_KEY
                    ),
                )
                for claim in claims
            ]
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
        Certificate.objects.bulk_create(certificates.values())
        Deferral.objects.bulk_create(deferrals)
        forget_subjects(
            subjects=_nobody_elses(everybody), tags=sorted(set(tags)), actor=actor, now=now
        )
        destroy_links_of({one.pseudonym for row in everybody for one in row.identifiers.all()})
        close_all(certificates.keys(), completed_at=now)
    return certificates


def _reopen(
    request: DeletionRequest,
    merged: Sequence[DeletionRequest],
    left: Remains,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    about = f"request/{request.pk}"
    with audited(actor=actor, now=now) as trail:
        request.state = RequestState.RECEIVED
        request.batch = None
        request.save(update_fields=["state", "batch"])
        for one in (request, *merged):
            if left.datasets:  # a model alone does not start the first clock again
                one.erased_at = None
                one.save(update_fields=["erased_at"])
            trail.record(
                RequestReopened(request_id=str(one.pk), still_in=left.to_plan),
                about=f"request/{one.pk}",
            )
    raise_alert(
        kind=NOT_CLEAN, about=about, detail={"still_in": list(left.to_plan)}, actor=actor, now=now
    )


def _finished(  # noqa: PLR0913, PLR0917  # what a certificate is made of
    request: DeletionRequest,
    leader: DeletionRequest,
    shares: Sequence[Share],
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
        linked=len(claims) - len(commitments),
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
            + [_attested(one) for one in (attestations_of(left.attested) if left.attested else ())]
        ),
        recipients=tuple(told_of(leader)),
        moved=_moved(request),
        merged_into=answered_by(request),
    )


def _moved(request: DeletionRequest) -> tuple[Moved, ...]:
    extension: Extension | None = getattr(request, "extension", None)
    extensions = [extension] if extension is not None else []
    pauses = [one for one in request.pauses.all() if one.answered_at is not None]
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
        evidence={
            "attested_by": by,
            "evidence class": attestation.evidence_class,
            "evidence_digest": attestation.evidence_digest,
        },
    )


def _nobody_elses(requests: Sequence[DeletionRequest]) -> frozenset[SubjectId]:
    """Return the requests' subjects without those that any other open request still needs."""
    mine = frozenset[SubjectId]().union(*subjects_of([one.pk for one in requests]).values())
    others = RequestIdentifier.objects.exclude(request__in=requests).values("pseudonym")
    needed = Pseudonym.objects.filter(subject__in=mine, value__in=others)
    return mine - {SubjectId(subject) for subject in needed.values_list("subject_id", flat=True)}
