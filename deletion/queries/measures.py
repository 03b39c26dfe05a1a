"""How the clocks, the runs and the leases stand, counted from the rows for those who watch."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, F, Manager, Min, Q, Sum, Value
from django.db.models.functions import Coalesce

from deletion.models import DeletionRequest, Run, RunPart
from deletion.states import OPEN, RUNNING, RequestState
from training.models import ShardFit, TrainingRun

_OPEN: Final = Q(state__in=sorted(state.value for state in OPEN))
_TICKING: Final = Q(state__in=sorted(RUNNING - {RequestState.PAUSED}))
_ENDS: Final = {"data": ("erase_by", "erased_at"), "models": ("models_by", "completed_at")}
_LEASED: Final[Mapping[str, Manager[Any]]] = {
    "run": Run.objects,
    "part": RunPart.objects,
    "training": TrainingRun.objects,
    "shard": ShardFit.objects,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockMeasure:
    """One clock of one regime, over all requests."""

    regime: str
    clock: str  # "data" or "models"
    running: int
    overdue: int  # past the date, and neither held nor paused before it
    oldest_received_at: datetime | None  # of those that run
    next_due_at: datetime | None  # of those that tick: neither held nor paused
    in_time: int  # ended, since the beginning
    late: int


def clock_measures(*, now: datetime) -> list[ClockMeasure]:
    """Return how every clock stands; a request that was cancelled has none."""
    return [
        ClockMeasure(clock=clock, **row)
        for clock, (due, ended) in _ENDS.items()
        for row in _by_regime(due, ended, now)
    ]


def _by_regime(due: str, ended: str, now: datetime) -> Iterable[Mapping[str, Any]]:
    has_ended = Q(**{f"{ended}__isnull": False})
    in_time = has_ended & Q(**{f"{ended}__lte": F(due)})
    running = _OPEN & ~has_ended
    # What is paused stands where it stood when the person was asked.
    clock = Coalesce("paused_since", Value(now))
    missed = ~has_ended & Q(state__in=sorted(RUNNING)) & Q(**{f"{due}__lt": clock})
    return (
        DeletionRequest.objects.values("regime")
        .annotate(
            running=Count("pk", filter=running),
            overdue=Count("pk", filter=missed),
            oldest_received_at=Min("received_at", filter=running),
            next_due_at=Min(due, filter=running & _TICKING),
            in_time=Count("pk", filter=in_time),
            late=Count("pk", filter=has_ended & ~in_time),
        )
        .order_by("regime")
    )


def requests_by_state() -> Mapping[tuple[str, str], int]:
    """Return how many requests there are of each regime, in each state."""
    found = DeletionRequest.objects.values_list("regime", "state").annotate(count=Count("pk"))
    return {(regime, state): count for regime, state, count in found.order_by("regime", "state")}


def runs_by_outcome() -> Mapping[tuple[str, str], int]:
    """Return how many runs there are of each kind, in each state."""
    found = Run.objects.values_list("kind", "state").annotate(count=Count("pk"))
    return {(kind, state): count for kind, state, count in found.order_by("kind", "state")}


def leases_lost() -> Mapping[str, int]:
    """Return how often a lease ran out and passed on, by the kind of work."""
    return {
        kind: rows.aggregate(lost=Sum("leases_lost"))["lost"] or 0 for kind, rows in _LEASED.items()
    }
