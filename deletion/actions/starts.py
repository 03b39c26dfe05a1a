"""Beginning runs: which obligations and whose, taken so that no two runs take the same."""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import transaction

from audits.trail import Actor, Trail, audited
from deletion.events import RunStarted
from deletion.models import Obligation, Run, Share
from deletion.queries.targets import target_of
from deletion.queries.work import shares_of
from deletion.slices import people_at_once
from deletion.states import OPEN_OUTCOMES, ObligationKind, RequestState, RunState


def start_erasure(
    *, obligation_ids: Collection[int], because: str, actor: Actor, now: datetime
) -> Run | None:
    """Begin a run for obligations of one store; None if others took them meanwhile.

    It takes the most urgent people of these obligations, `people_at_once`; the others, and whoever
    is planned later, get the next run.
    """
    with transaction.atomic():
        obligations = lock_open_obligations(obligation_ids, kind=ObligationKind.ERASE)
        if not obligations:
            return None
        store = obligations[0].store_id
        if Run.objects.filter(store=store).exclude(state=RunState.SUCCEEDED).exists():
            return None
        people = _most_urgent(store, obligations)
        if not people:
            return None  # everybody was held meanwhile
        with audited(actor=actor, now=now) as trail:
            run = Run.objects.create(
                kind=ObligationKind.ERASE,
                store_id=store,
                state=RunState.RUNNING,
                because=because,
                started_at=now,
            )
            Share.objects.filter(pk__in=people).update(run=run)
            taken = Share.objects.filter(run=run).values_list("obligation_id", flat=True)
            ids = set(taken.distinct())
            take(run, [row for row in obligations if row.pk in ids], trail=trail)
    return run


def _most_urgent(store_id: int | None, obligations: Sequence[Obligation]) -> list[int]:
    """Return the shares that one run serves: the earliest due first, the same in every store."""
    waiting = Share.objects.filter(
        obligation__in=obligations,
        outcome__in=OPEN_OUTCOMES,
        request__state=RequestState.IN_PROGRESS,
    )
    newest = (
        Run.objects.filter(store=store_id, state=RunState.SUCCEEDED)
        .exclude(finished_at=None)
        .order_by("-finished_at")
        .first()
    )
    lasted = newest.finished_at - newest.started_at if newest and newest.finished_at else None
    most = people_at_once(waiting.count(), lasted=lasted)
    ordered = waiting.order_by("request__erase_by", "request_id")
    return list(ordered.values_list("pk", flat=True)[:most])


def lock_open_obligations(
    obligation_ids: Collection[int], *, kind: ObligationKind
) -> list[Obligation]:
    """Return those of the obligations that no run discharges yet, all of one target."""
    found = Obligation.objects.select_for_update(no_key=True).filter(
        pk__in=list(obligation_ids), kind=kind, run=None, discharged_at=None
    )
    rows = list(found.order_by("pk"))
    return [row for row in rows if (row.store_id, row.model_id) == _target(rows[0])]


def take(run: Run, obligations: Sequence[Obligation], *, trail: Trail) -> None:
    """Let a run discharge obligations, and record that it began."""
    Obligation.objects.filter(pk__in=[row.pk for row in obligations]).update(run=run)
    shares = shares_of(run).filter(outcome__in=OPEN_OUTCOMES)
    trail.record(
        RunStarted(
            run_id=str(run.pk),
            kind=run.kind,
            target=target_of(run),
            because=run.because,
            obligations=len(obligations),
            requests=shares.values("request").distinct().count(),
        ),
        about=f"run/{run.pk}",
    )


def _target(obligation: Obligation) -> tuple[int | None, int | None]:
    return obligation.store_id, obligation.model_id
