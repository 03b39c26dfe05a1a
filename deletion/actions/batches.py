"""Planning requests together, and approving or dissolving the plan."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from audits.actions import raise_alert
from audits.trail import Actor, Trail, audited
from deletion.actions.locks import lock_batch, lock_requests
from deletion.actions.tellings import oblige_to_tell
from deletion.errors import PlanOutdated
from deletion.events import OutcomeDecided, PlanApproved, PlanDissolved, RequestPlanned
from deletion.models import Batch, DeletionRequest, Obligation, Share
from deletion.planning import Plan, PlannedShare
from deletion.queries.plans import NOWHERE, plan_for
from deletion.states import ObligationKind, Outcome, RequestState, require_move

UNMANAGED: Final = "model-not-managed"


def plan_batch(*, request_ids: Collection[UUID], actor: Actor, now: datetime) -> Batch | None:
    """Plan the requests that wait for it; None if there is none.

    A request of whose namespaces no store declares a column is not planned: with nowhere to look it
    would be complete at once. It waits, with an alert, until somebody registers a store.
    """
    with transaction.atomic():
        waiting = [
            request
            for request in lock_requests(request_ids)
            if request.state == RequestState.RECEIVED and request.behind_id is None
        ]
        plan = plan_for([request.pk for request in waiting], now=now)
        placed = [request for request in waiting if str(request.pk) in plan.requests]
        for request in waiting:
            if request not in placed:
                ask_where(request_id=request.pk, actor=actor, now=now)
        if not placed:
            return None
        if len(placed) < len(waiting):
            plan = plan_for([request.pk for request in placed], now=now)
        with audited(actor=actor, now=now) as trail:
            batch = Batch.objects.create(
                plan=json.loads(plan.text), digest=plan.digest, planned_at=now
            )
            for request in placed:
                require_move(RequestState(request.state), RequestState.PLANNED)
                trail.record(
                    RequestPlanned(
                        request_id=str(request.pk), batch_id=batch.pk, plan_digest=plan.digest
                    ),
                    about=f"request/{request.pk}",
                )
            _move(placed, state=RequestState.PLANNED, batch=batch)
        for model in plan.unmanaged:
            raise_alert(
                kind=UNMANAGED,
                about=f"model/{model}"[:120],
                detail={"why": "people taint it and no trainer of this service made it"},
                actor=actor,
                now=now,
            )
    return batch


def ask_where(*, request_id: UUID, actor: Actor, now: datetime) -> None:
    """Ask people for a store in which somebody can be looked for."""
    raise_alert(
        kind=NOWHERE,
        about=f"request/{request_id}",
        detail={"why": "no store declares a column in the namespaces of the request"},
        actor=actor,
        now=now,
    )


def note_unchanged(*, batch_id: int, now: datetime) -> None:
    """Let a plan that still holds be looked at last; nothing happened, so nothing is recorded."""
    Batch.objects.filter(pk=batch_id).update(looked_at=now)


def approve_plan(
    *, batch_id: int, seen_digest: str, policy: str = "", actor: Actor, now: datetime
) -> Batch:
    """Approve the plan that was seen, or refuse if lineage or the batch has moved since.

    From here on every target is an obligation with a date. `policy` names the rule that approves in
    the place of an officer.
    """
    with audited(actor=actor, now=now) as trail:
        batch = lock_batch(batch_id)
        ids = list(batch.requests.values_list("pk", flat=True))
        requests = lock_requests(ids)
        if len(_still_planned(requests, batch)) < len(requests):
            raise PlanOutdated  # somebody was held or withdrew while the lock was waited for
        for request in requests:
            require_move(RequestState(request.state), RequestState.IN_PROGRESS)
        plan = plan_for(ids, now=now)
        if seen_digest != plan.digest or seen_digest != batch.digest:
            raise PlanOutdated
        _move(requests, state=RequestState.IN_PROGRESS, batch=batch)
        batch.approved_at = now
        batch.approved_by = f"policy:{policy}" if policy else actor
        batch.save(update_fields=["approved_at", "approved_by"])
        _oblige(batch, plan, trail=trail)
        oblige_to_tell(batch, plan.recipients, trail=trail)
        trail.record(
            PlanApproved(
                batch_id=batch.pk,
                plan_digest=plan.digest,
                approved_by=batch.approved_by,
                requests=len(requests),
                obligations=len(plan.obligations),
            ),
            about=f"batch/{batch.pk}",
        )
    return batch


def dissolve_plan(*, batch_id: int, actor: Actor, now: datetime) -> Batch:
    """Give a batch up before its approval, so that its requests are planned again."""
    with audited(actor=actor, now=now) as trail:
        batch = lock_batch(batch_id)
        ids = list(batch.requests.values_list("pk", flat=True))
        requests = _still_planned(lock_requests(ids), batch)
        for request in requests:
            require_move(RequestState(request.state), RequestState.RECEIVED)
        _move(requests, state=RequestState.RECEIVED, batch=None)
        batch.dissolved_at = now
        batch.save(update_fields=["dissolved_at"])
        trail.record(PlanDissolved(batch_id=batch.pk), about=f"batch/{batch.pk}")
    return batch


def _still_planned(requests: Sequence[DeletionRequest], batch: Batch) -> list[DeletionRequest]:
    """Return those of the locked requests that a hold has not taken out of the batch meanwhile."""
    return [
        request
        for request in requests
        if request.state == RequestState.PLANNED and request.batch_id == batch.pk
    ]


def _move(requests: Sequence[DeletionRequest], *, state: RequestState, batch: Batch | None) -> None:
    mine = [request.pk for request in requests]
    DeletionRequest.objects.filter(pk__in=mine).update(state=state, batch=batch)


def _oblige(batch: Batch, plan: Plan, *, trail: Trail) -> None:
    """Turn an approved plan into rows; what a shield covers has ended with that."""
    rows = Obligation.objects.bulk_create(
        Obligation(
            batch=batch,
            kind=planned.kind,
            store_id=planned.target_id if planned.kind is ObligationKind.ERASE else None,
            model_id=planned.target_id if planned.kind is ObligationKind.RETRAIN else None,
            because=planned.because[:300],
            created_at=trail.now,
            due_at=planned.due_at,
            discharged_at=None if planned.open_shares else trail.now,
        )
        for planned in plan.obligations
    )
    searches = {row.store_id: row for row in rows if row.store_id is not None}
    retrains = {row.model_id: row for row in rows if row.model_id is not None}
    for planned, row in zip(plan.obligations, rows, strict=True):
        row.after.set(
            [
                *(searches[store] for store in planned.after if store in searches),
                *(retrains[model] for model in planned.after_models),
            ]
        )
        Share.objects.bulk_create(
            (_share(share, row, now=trail.now) for share in planned.shares), batch_size=1000
        )
        for share in planned.shares:
            if share.shielded:
                trail.record(
                    OutcomeDecided(
                        request_id=share.request_id,
                        target=f"model/{planned.target}",
                        outcome=Outcome.SHIELDED,
                        note=share.shielded,
                    ),
                    about=f"request/{share.request_id}",
                )


def _share(share: PlannedShare, obligation: Obligation, *, now: datetime) -> Share:
    return Share(
        obligation=obligation,
        request_id=UUID(share.request_id),
        expected=share.expected,
        outcome=Outcome.SHIELDED if share.shielded else "",
        note=share.shielded[:300],
        decided_at=now if share.shielded else None,
    )
