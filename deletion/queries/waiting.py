"""What an open request and each of its targets wait for, in words and, where known, until when."""

from datetime import UTC, datetime
from typing import Final

from django.conf import settings

from deletion.models import DeletionRequest, Hold, Run, Share
from deletion.outlook import Forecast
from deletion.queries.links import waits_for_undoing
from deletion.queries.plans import nowhere_to_look_for
from deletion.queries.targets import target_of
from deletion.states import OPEN_OUTCOMES, ObligationKind, Outcome, RequestState, RunState

_FREE: Final = "a free worker"


def waits_for(  # noqa: C901, PLR0911  # one a state
    request: DeletionRequest, *, now: datetime
) -> str:
    """Say what a request as a whole waits for; empty when its targets say it, or it is closed."""
    match RequestState(request.state):
        case RequestState.UNVERIFIED:
            return "Its person has not confirmed their address yet."
        case RequestState.MERGED:
            return "Another request of the same person does the work, and its end answers both."
        case RequestState.RECEIVED:
            if request.behind_id is not None:
                return "Another request of the same person has to end first."
            if nowhere_to_look_for(request.pk):
                return "It waits for a store that can be searched for such a person."
            if (until := waits_for_undoing(request, now=now)) is not None:
                return f"Links have added to it: until {_moment(until)} an officer may undo one."
            return "It waits to be planned."
        case RequestState.PLANNED:
            people = request.batch.requests.count() if request.batch is not None else 0
            if people > settings.APPROVE_UP_TO:
                crowd = "1 person" if people == 1 else f"{people:,} people"
                return f"Its plan, for {crowd}, waits for an officer to approve it."
            return "Its plan waits to be approved."
        case RequestState.HELD:
            return _held(request)
        case RequestState.PAUSED:
            return "The person was asked for something: until the answer its clocks stand still."
        case RequestState.IN_PROGRESS:
            return _in_progress(request, now=now)
        case RequestState.COMPLETE | RequestState.CANCELLED | RequestState.DENIED:
            return ""


def target_waits(share: Share, *, forecast: Forecast | None, now: datetime) -> str:
    """Say what one open target of a request waits for; empty when it has ended."""
    if share.outcome not in OPEN_OUTCOMES:
        return ""
    run = _run_of(share)
    if share.outcome == Outcome.UNREACHABLE or (run and run.state == RunState.STUCK):
        return f"a person to look: {run.last_error if run else share.note}"
    if run is not None:
        return _training(run, now=now) if run.model_id is not None else _erasure(run, now=now)
    if forecast is None:
        tells = share.obligation.kind == ObligationKind.TELL
        return "its recipient to be told once the data is erased" if tells else "the next sweep"
    if forecast.starts_at is None:
        return f"somebody or something else: {forecast.why}"
    return f"its start until {_moment(forecast.starts_at)}: {forecast.why}"


def _run_of(share: Share) -> Run | None:
    """Return the run that is at work on a share; an erasure may serve others of its obligation."""
    run = share.run if share.obligation.kind == ObligationKind.ERASE else share.obligation.run
    return run if run is not None and run.finished_at is None else None


def _erasure(run: Run, *, now: datetime) -> str:
    parts = run.parts.filter(finished_at=None)
    held = parts.filter(lease_until__gt=now).order_by("lease_until").last()
    if held is not None and held.lease_until is not None:
        done = run.listed - parts.count()
        return (
            f"a worker, {done} of {run.listed} parts are done: heard of until"
            f" {_moment(held.lease_until)}, or another takes over"
        )
    if run.lease_until is not None and run.lease_until > now:
        return f"a worker that lists its parts: heard of until {_moment(run.lease_until)}"
    late = parts.filter(not_before__gt=now).order_by("not_before").first()
    later = late if late is not None else run
    return _after_a_failure(later.not_before, later.last_error, now=now) or _FREE


def _training(run: Run, *, now: datetime) -> str:
    if failed := _after_a_failure(run.not_before, run.last_error, now=now):
        return failed
    if run.training_run is None:
        return "a training to begin, which a stop may forbid"
    return f"a training that is {run.training_run.state}"


def _after_a_failure(not_before: datetime | None, error: str, *, now: datetime) -> str:
    if not_before is None or not_before <= now:
        return ""
    return f"another attempt, not before {_moment(not_before)}, after {error}"


def _held(request: DeletionRequest) -> str:
    hold = Hold.objects.filter(request=request, released_at=None).first()
    if hold is None:
        return "A legal reason to keep holds it."
    return (
        f"A legal reason to keep holds it since {_moment(hold.placed_at)}, until somebody else"
        f" than who placed it releases it: {hold.article}."
    )


def _in_progress(request: DeletionRequest, *, now: datetime) -> str:
    """Say the most pressing thing: a person who must look comes before everything else."""
    shares = list(
        request.shares.filter(outcome__in=OPEN_OUTCOMES)
        .select_related("obligation__store", "obligation__model", "obligation__recipient")
        .order_by("obligation__due_at", "pk")
    )
    for share in shares:
        if share.outcome == Outcome.UNREACHABLE:
            waits = target_waits(share, forecast=None, now=now)
            return f"{target_of(share.obligation)} waits for {waits}."
    if shares:
        return ""
    if request.looked_at is not None:
        return (
            "Every target has ended, but a training or a model that only others can remove still"
            f" holds the person, or work is missing: looked at {_moment(request.looked_at)}."
        )
    return "Every target has ended: it waits for its certificate."


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
