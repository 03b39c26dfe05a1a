"""The scheduler's inputs, read from the rows at one moment."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Count, Min, Q

from deletion.estimates import estimate_of
from deletion.models import Obligation as ObligationRow
from deletion.models import Run
from deletion.queries.targets import target_of
from deletion.scheduling import Decision, decide
from deletion.states import OPEN_OUTCOMES, ObligationKind, RequestState, RunState
from deletion.workload import Obligation, Pool, Rules, Running, Target
from training.models import Stop

EVERYTHING: Final = "everything"

_ERASURE: Final = "erasure"
_HISTORY: Final = 50  # runs of a target that its estimate looks at
_GUESS: Final = {
    ObligationKind.ERASE: timedelta(minutes=10),
    ObligationKind.RETRAIN: timedelta(hours=1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Everything that `decide` looks at."""

    obligations: tuple[Obligation, ...]
    targets: Mapping[str, Target]
    pools: Mapping[str, Pool]
    running: tuple[Running, ...]

    def decide(self, *, now: datetime) -> Decision:
        """Ask the scheduler."""
        return decide(
            now=now,
            obligations=self.obligations,
            targets=self.targets,
            pools=self.pools,
            running=self.running,
            rules=Rules(tick=timedelta(seconds=settings.SWEEP_SECONDS), coalesce=settings.COALESCE),
        )


def workload() -> Workload:
    """Return the open obligations, their targets, and the runs in progress."""
    rows = list(
        ObligationRow.objects.filter(discharged_at=None)
        .annotate(
            people=Count(
                "shares",
                filter=Q(
                    shares__outcome__in=OPEN_OUTCOMES,
                    shares__request__state=RequestState.IN_PROGRESS,
                ),
            )
        )
        .filter(people__gt=0)
        .select_related("store", "model")
        .prefetch_related("after")
        .order_by("pk")
    )
    runs = list(
        Run.objects.exclude(state=RunState.SUCCEEDED)
        .select_related("store", "model")
        .annotate(due_at=Min("obligations__due_at"))
        .order_by("pk")
    )
    targets = _targets([*rows, *runs])
    return Workload(
        obligations=tuple(
            Obligation(
                id=row.pk,
                target=target_of(row),
                created_at=row.created_at,
                due_at=row.due_at,
                people=row.people,
                after=frozenset(feeder.pk for feeder in row.after.all()),
            )
            for row in rows
        ),
        targets=targets,
        pools={
            name: Pool(name=name, slots=settings.POOL_SLOTS)
            for name in sorted({target.pool for target in targets.values()})
        },
        running=tuple(
            Running(
                target=target_of(run),
                started_at=run.started_at,
                due_at=run.due_at or run.started_at,
                stuck=run.state == RunState.STUCK,
            )
            for run in runs
        ),
    )


def _targets(rows: Collection[ObligationRow | Run]) -> dict[str, Target]:
    stopped = set(Stop.objects.filter(lifted_at=None).values_list("scope", flat=True))
    works = {target_of(row): row for row in rows}
    past = _durations()
    return {
        name: Target(
            name=name,
            pool=_ERASURE if row.model is None else f"training/{row.model.pool}",
            estimate=estimate_of(
                past[row.store_id, row.model_id], guess=_GUESS[ObligationKind(row.kind)]
            ),
            stopped=not stopped.isdisjoint({EVERYTHING, name}),
        )
        for name, row in works.items()
    }


def _durations() -> defaultdict[tuple[int | None, int | None], list[timedelta]]:
    """Return how long the latest runs of each target took."""
    found: defaultdict[tuple[int | None, int | None], list[timedelta]] = defaultdict(list)
    rows = (
        Run.objects.filter(state=RunState.SUCCEEDED, finished_at__isnull=False)
        .order_by("-finished_at")
        .values_list("store_id", "model_id", "started_at", "finished_at")
    )
    for store, model, started_at, finished_at in rows[: 100 * _HISTORY]:
        if finished_at is not None and len(found[store, model]) < _HISTORY:
            found[store, model].append(finished_at - started_at)
    return found
