"""Demands for people of whom another request is open: merged into it, or made to wait for it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg2
from django.db import IntegrityError, transaction

from audits.trail import Actor, Trail, audited
from deletion.actions.locks import lock_request, lock_requests
from deletion.errors import MoveNotAllowed
from deletion.events import RequestMerged, RequestQueued, RequestUnmerged, RequestUnqueued
from deletion.merging import Leader, leader_of, overtaken_by
from deletion.models import DeletionRequest, Obligation, RequestIdentifier
from deletion.queries.merging import leaders_for, leading
from deletion.states import OPEN, ObligationKind, RequestState, require_move

ONE_LEADS: Final = "one_request_leads_for_a_person"


def locked_leaders(pseudonyms: Collection[UUID]) -> dict[UUID, Leader]:
    """Return what leads for people; until the transaction ends it neither begins nor closes."""
    ahead = leading(pseudonyms)
    if not ahead:
        return {}
    lock_requests(set(ahead.values()))
    return leaders_for(pseudonyms)  # read again: one may have ended while it was waited for


def stand_behind(
    request: DeletionRequest, identifiers: Sequence[RequestIdentifier], leader: Leader
) -> None:
    """Let a request that waits for its plan stand behind another, in memory."""
    request.behind_id = leader.request_id
    if leader.answers([one.pseudonym for one in identifiers]):
        request.state = RequestState.MERGED
    for one in identifiers:
        one.leads = False


def overtake(request: DeletionRequest, others: Collection[UUID], *, trail: Trail) -> None:
    """Let locked requests that nobody has confirmed wait for a saved one that leads."""
    if not others:
        return
    RequestIdentifier.objects.filter(request__in=others).update(leads=False)
    DeletionRequest.objects.filter(pk__in=others).update(behind=request)
    for other in sorted(others):
        trail.record(
            RequestQueued(request_id=str(other), behind=str(request.pk)), about=f"request/{other}"
        )


def record_standing(request: DeletionRequest, *, trail: Trail) -> None:
    """Record behind which other a saved request stands, and let the work be due for both."""
    if request.behind_id is None:
        return
    about, behind = f"request/{request.pk}", str(request.behind_id)
    if request.state != RequestState.MERGED:
        trail.record(RequestQueued(request_id=str(request.pk), behind=behind), about=about)
        return
    for kind, due_at in (
        (ObligationKind.ERASE, request.erase_by),
        (ObligationKind.RETRAIN, request.models_by),
        (ObligationKind.TELL, request.models_by),
    ):
        # Most come later and are due later: then no row is locked that others work with.
        later = Obligation.objects.filter(kind=kind, due_at__gt=due_at)
        later.filter(shares__request=request.behind_id).update(due_at=due_at)
    trail.record(RequestMerged(request_id=str(request.pk), merged_into=behind), about=about)


def undo_merge(*, request_id: UUID, actor: Actor, now: datetime) -> DeletionRequest:
    """Let a merged request be planned by itself, after the one that it was merged into."""
    with audited(actor=actor, now=now) as trail:
        request = lock_request(request_id)
        if request.state != RequestState.MERGED:
            raise MoveNotAllowed("the request is not merged")
        if request.erased_at is not None:
            raise MoveNotAllowed("the data of its person is erased already")
        _unmerge(request, trail=trail)
        request.save(update_fields=["state"])
        record_standing(request, trail=trail)
    return request


def take_turn(*, request_id: UUID, actor: Actor, now: datetime) -> None:
    """Let a request go on whose predecessor has ended: it leads now, or stands behind the next.

    Whoever asks for the same person in the same moment may be first: then the next sweep does it.
    """
    marks = list(
        RequestIdentifier.objects.filter(request=request_id).values_list("pseudonym", flat=True)
    )
    try:
        with transaction.atomic():
            rows = lock_requests({request_id, *leading(marks).values()})
            request = next((row for row in rows if row.pk == request_id), None)
            if request is None or not _is_next(request):
                return  # somebody was faster
            with audited(actor=actor, now=now) as trail:
                _take_turn(request, leaders_for(marks), trail=trail)
    except IntegrityError as exc:
        if not broke(exc, ONE_LEADS):
            raise


def broke(error: IntegrityError, *constraints: str) -> bool:
    """Say whether the database refused something for one of these constraints."""
    cause = error.__cause__
    return isinstance(cause, psycopg2.Error) and cause.diag.constraint_name in constraints


def stand_anew(request: DeletionRequest, *, trail: Trail) -> None:
    """Let a locked request lead, or stand behind what leads for its person now.

    Whatever leads for them is locked as well. Who asks in the same moment may be first: then the
    database refuses, see `ONE_LEADS`.
    """
    marks = list(request.identifiers.values_list("pseudonym", flat=True))
    _take_turn(request, leaders_for(marks), trail=trail)


def _is_next(request: DeletionRequest) -> bool:
    return (
        request.behind is not None
        and RequestState(request.state) in OPEN
        and RequestState(request.behind.state) not in OPEN
    )


def _take_turn(request: DeletionRequest, leaders: Mapping[UUID, Leader], *, trail: Trail) -> None:
    identifiers = list(request.identifiers.all())
    marks = [one.pseudonym for one in identifiers]
    is_unverified = request.state == RequestState.UNVERIFIED
    leader = leader_of(marks, leaders, is_unverified=is_unverified)
    was_merged = request.state == RequestState.MERGED
    if was_merged:
        _unmerge(request, trail=trail)
    if leader is None:
        overtake(request, overtaken_by(marks, leaders), trail=trail)
        request.behind = None
        request.identifiers.update(leads=True)
        if not was_merged:
            trail.record(RequestUnqueued(request_id=str(request.pk)), about=f"request/{request.pk}")
    elif was_merged:
        stand_behind(request, identifiers, leader)
    else:  # an officer may have wanted it to be planned by itself
        request.behind_id = leader.request_id
    request.save(update_fields=["state", "behind"])
    record_standing(request, trail=trail)


def _unmerge(request: DeletionRequest, *, trail: Trail) -> None:
    require_move(RequestState(request.state), RequestState.RECEIVED)
    request.state = RequestState.RECEIVED
    trail.record(
        RequestUnmerged(request_id=str(request.pk), merged_into=str(request.behind_id)),
        about=f"request/{request.pk}",
    )
