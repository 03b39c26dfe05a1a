"""What waits for a worker, and what a worker needs to know. Rows are the queue."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, F, Min, OuterRef, Q, QuerySet

from deletion.errors import RunUnknown
from deletion.models import DeletionRequest, RequestIdentifier, Run, RunPart, Share
from deletion.queries.replays import wanted_since
from deletion.states import (
    ENDED_WELL,
    OPEN_OUTCOMES,
    ObligationKind,
    RequestState,
    RunState,
)
from lineage.identifiers import Wanted, marker
from lineage.models import DatasetFamily
from lineage.queries import columns_of

_AT_ONCE: Final = F("due_at").asc(nulls_first=True)  # a replay serves no obligation: it is overdue


@dataclass(frozen=True, slots=True, kw_only=True)
class PartWork:
    """One file or table to erase from, and whom."""

    run_id: UUID
    store_id: int
    part: str
    wanted: Mapping[str, Wanted]  # by identifier column


def part_work(part_id: int, *, now: datetime) -> PartWork:
    """Return what the erasure of a part needs; held requests are not among the wanted."""
    part = RunPart.objects.select_related("run").filter(pk=part_id).first()
    if part is None or part.run.store_id is None:
        raise RunUnknown
    return PartWork(
        run_id=part.run_id,
        store_id=part.run.store_id,
        part=part.name,
        wanted=wanted_in(part.run_id, part.run.store_id)
        if part.run.replay_since is None
        else wanted_since(part.run.store_id, since=part.run.replay_since, now=now),
    )


def wanted_in(run_id: UUID, store_id: int) -> dict[str, Wanted]:
    """Return the people of a run, by the store's identifier columns."""
    asking = Share.objects.filter(
        run=run_id,
        outcome__in=OPEN_OUTCOMES,
        request__state=RequestState.IN_PROGRESS,
    )
    marks: defaultdict[str, set[UUID]] = defaultdict(set)
    for namespace, pseudonym in RequestIdentifier.objects.filter(
        request__in=asking.values("request")
    ).values_list("namespace_id", "pseudonym"):
        marks[namespace].add(pseudonym)
    return {
        column.name: Wanted(
            kind=column.kind,
            marks=frozenset(marks[column.namespace]),
            mark=marker(namespace=column.namespace, key=settings.PSEUDONYM_KEY),
        )
        for column in columns_of(store_id)
        if column.namespace in marks
    }


def shares_of(run: Run) -> QuerySet[Share]:
    """Return what a run is for: an erasure took some people, a training serves all who wait."""
    if run.kind == ObligationKind.ERASE:
        return Share.objects.filter(run=run)
    return Share.objects.filter(obligation__run=run)


def waiting_parts(*, now: datetime, limit: int) -> list[int]:
    """Return the parts that nobody works on, the most urgent first."""
    found = (
        RunPart.objects.filter(finished_at=None, run__finished_at=None)
        .filter(Q(lease_until=None) | Q(lease_until__lte=now))
        .filter(Q(not_before=None) | Q(not_before__lte=now))
        # When its attempts have ended, one more claim is what makes the run stuck.
        .filter(Q(attempts__lt=settings.ATTEMPTS) | Q(run__state=RunState.RUNNING))
        .annotate(due_at=Min("run__obligations__due_at"))
        .order_by(_AT_ONCE, "pk")
    )
    return list(found.values_list("pk", flat=True)[:limit])


def waiting_runs(*, now: datetime, limit: int) -> list[UUID]:
    """Return the erasures whose parts are all done: to be listed again or finished."""
    at_work = RunPart.objects.filter(run=OuterRef("pk"), finished_at=None)
    found = (
        Run.objects.filter(kind=ObligationKind.ERASE, state=RunState.RUNNING)
        .filter(Q(lease_until=None) | Q(lease_until__lte=now))
        .filter(Q(not_before=None) | Q(not_before__lte=now))
        .exclude(Exists(at_work))
        .annotate(due_at=Min("obligations__due_at"))
        .order_by(_AT_ONCE, "pk")
    )
    return list(found.values_list("pk", flat=True)[:limit])


def retrainings(*, now: datetime) -> list[UUID]:
    """Return the runs that wait for training, the most urgent first."""
    found = (
        Run.objects.filter(kind=ObligationKind.RETRAIN, state=RunState.RUNNING)
        .filter(Q(not_before=None) | Q(not_before__lte=now))
        .annotate(due_at=Min("obligations__due_at"))
        .order_by("due_at", "pk")
    )
    return list(found.values_list("pk", flat=True))


def store_of(run_id: UUID) -> int:
    """Return the store that a run erases from."""
    store = Run.objects.filter(pk=run_id).values_list("store_id", flat=True).first()
    if store is None:
        raise RunUnknown
    return store


def families_in(store_id: int) -> list[int]:
    """Return the training sets that live in a store."""
    found = DatasetFamily.objects.filter(store=store_id).order_by("pk")
    return list(found.values_list("pk", flat=True))


def ready_to_complete(*, limit: int) -> list[UUID]:
    """Return requests of which every target has ended well, the most urgent first.

    Those that were looked at before and had to wait come last, so that they hold up nobody.
    """
    mine = Share.objects.filter(request=OuterRef("pk"))
    found = (
        DeletionRequest.objects.filter(state=RequestState.IN_PROGRESS)
        .filter(Exists(mine))
        .exclude(Exists(mine.exclude(outcome__in=ENDED_WELL)))
        .order_by(F("looked_at").asc(nulls_first=True), "models_by", "pk")
    )
    return list(found.values_list("pk", flat=True)[:limit])
