"""Dates and badges that the pages of requests, plans and runs share."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Case, Count, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audits.pages.cells import NOTHING, Tone, badge, bar, prose, row_link, span_words, state_badge
from deletion.models import DeletionRequest, Obligation, Run, RunPart
from deletion.states import OPEN, RUNNING, ObligationKind, Outcome, RequestState, RunState
from deletion.urgency import Urgency, urgency_of
from training.models import ShardFit

REQUEST_TONES: Final = {
    RequestState.UNVERIFIED: Tone.WARN,
    RequestState.RECEIVED: Tone.BUSY,
    RequestState.MERGED: Tone.BUSY,
    RequestState.HELD: Tone.WARN,
    RequestState.PAUSED: Tone.WARN,
    RequestState.PLANNED: Tone.WARN,
    RequestState.IN_PROGRESS: Tone.BUSY,
    RequestState.COMPLETE: Tone.GOOD,
    RequestState.CANCELLED: Tone.CALM,
    RequestState.DENIED: Tone.CALM,
}
OUTCOME_TONES: Final = {
    Outcome.ERASED: Tone.GOOD,
    Outcome.ABSENT: Tone.GOOD,
    Outcome.RETRAINED: Tone.GOOD,
    Outcome.RETIRED: Tone.GOOD,
    Outcome.SHIELDED: Tone.GOOD,
    Outcome.NOTIFIED: Tone.GOOD,
    Outcome.EXCUSED: Tone.WARN,
    Outcome.HELD: Tone.WARN,
    Outcome.UNREACHABLE: Tone.BAD,
}
RUN_TONES: Final = {
    RunState.RUNNING: Tone.BUSY,
    RunState.SUCCEEDED: Tone.GOOD,
    RunState.STUCK: Tone.BAD,
}
URGENCY_TONES: Final = {
    Urgency.AHEAD: Tone.CALM,
    Urgency.NEAR: Tone.WARN,
    Urgency.OVERDUE: Tone.BAD,
    Urgency.HELD_PAST: Tone.WARN,
    Urgency.PAUSED: Tone.WARN,
    Urgency.IN_TIME: Tone.GOOD,
    Urgency.LATE: Tone.BAD,
}
OPEN_STATES: Final = sorted(state.value for state in OPEN)
NEXT_DUE: Final = Case(When(erased_at=None, then=F("erase_by")), default=F("models_by"))
"""The date that a request is measured by next: its data first, then its models."""
STOPPED: Final = frozenset({RequestState.CANCELLED, RequestState.DENIED})
"""Closed before any work began: no date is met or missed any more."""
TICKING: Final = sorted(state.value for state in RUNNING - {RequestState.PAUSED})
"""Whose clocks go on, and whose date can be missed."""


def is_late(now: datetime) -> Q:
    """Return the condition, on `NEXT_DUE` as `next_due`, under which a date was missed.

    What is paused stands where it stood when the person was asked.
    """
    clock = Coalesce("paused_since", Value(now))
    return Q(state__in=sorted(RUNNING), next_due__lt=clock)


def state_of(request: DeletionRequest) -> SafeString:
    """Return the badge of a request's state."""
    return state_badge(request.state, REQUEST_TONES)


def next_due(request: DeletionRequest) -> tuple[str, datetime]:
    """Return which of its two clocks a request is measured by next, and its date."""
    if request.erased_at is None:
        return "data erased", request.erase_by
    return "models clean", request.models_by


def time_left(  # noqa: PLR0913  # what a date is judged by
    *,
    since: datetime,
    due_at: datetime,
    ended_at: datetime | None,
    held: bool = False,
    paused_since: datetime | None = None,
    now: datetime,
) -> SafeString:
    """Return how long there is until a date, or how it was met."""
    urgency = urgency_of(
        since=since,
        due_at=due_at,
        ended_at=ended_at,
        held=held,
        paused_since=paused_since,
        now=now,
    )
    span = span_words(abs(due_at - (ended_at or paused_since or now)))
    return badge(_said(urgency, span), URGENCY_TONES[urgency])


def clock_left(
    request: DeletionRequest, *, due_at: datetime, ended_at: datetime | None, now: datetime
) -> SafeString:
    """Return how one of a request's clocks stands; a hold does not stop it, a pause does."""
    return time_left(
        since=request.received_at,
        due_at=due_at,
        ended_at=ended_at,
        held=request.state == RequestState.HELD,
        paused_since=request.paused_since,
        now=now,
    )


def _said(urgency: Urgency, span: str) -> str:
    match urgency:
        case Urgency.AHEAD | Urgency.NEAR:
            return f"{span} left"
        case Urgency.OVERDUE:
            return f"overdue by {span}"
        case Urgency.HELD_PAST:
            return f"held, past its date by {span}"
        case Urgency.PAUSED:
            return f"paused, {span} left"
        case Urgency.IN_TIME:
            return f"in time, {span} before"
        case Urgency.LATE:
            return f"late by {span}"


def left_of(request: DeletionRequest, *, now: datetime) -> SafeString:
    """Return how a request stands against its next date."""
    if request.state in STOPPED:
        return badge("clocks stopped")
    if request.erased_at is not None and request.erased_at > request.erase_by:
        late = span_words(request.erased_at - request.erase_by)
        return badge(f"data late by {late}", Tone.BAD)  # whatever its models do
    _, due_at = next_due(request)
    return clock_left(
        request,
        due_at=due_at,
        ended_at=request.completed_at if request.erased_at else None,
        now=now,
    )


def short(request_id: UUID) -> str:
    """Return the part of a request's number by which people speak of it."""
    return str(request_id)[:8]


def request_link(request_id: UUID | None) -> SafeString:
    """Return a link to a request's page."""
    if request_id is None:
        return NOTHING
    return row_link(short(request_id), "deletion_deletionrequest", request_id)


def target_link(work: Run | Obligation) -> SafeString:
    """Return what has to be freed of people, with a link to its page."""
    if work.store is not None:
        return format_html("{} store", row_link(work.store.name, "lineage_store", work.store.pk))
    if work.model is not None:
        return format_html("{} model", row_link(work.model.name, "training_model", work.model.pk))
    if isinstance(work, Obligation) and work.recipient is not None:
        name = row_link(work.recipient.name, "deletion_recipient", work.recipient.pk)
        return format_html("{} recipient", name)
    return NOTHING


def outcome_of(outcome: str, *, run: Run | None) -> SafeString:
    """Return what became of one person in one target, or that it is still open."""
    if outcome:
        return state_badge(outcome, OUTCOME_TONES)
    return badge("at work", Tone.BUSY) if run is not None else badge("waiting")


def with_note(outcome: SafeString, note: str) -> SafeString:
    """Return an outcome with what is said of it below, where no column is cut off for it."""
    if not note:
        return outcome
    return format_html('<span class="lt-noted">{}{}</span>', outcome, prose(note))


def progress_of(runs: Iterable[Run]) -> dict[UUID, SafeString]:
    """Return how far some runs have come, in two statements however many they are."""
    shown = list(runs)
    parts = _counts(RunPart.objects.filter(run__in=shown), "run", Q(finished_at__isnull=False))
    fits = _counts(
        ShardFit.objects.filter(run__in=[run.training_run_id for run in shown]),
        "run",
        Q(snapshot__isnull=False),
    )
    return {
        run.pk: _bar(
            run,
            *(
                parts.get(run.pk, (0, 0))
                if run.kind == ObligationKind.ERASE
                else fits.get(run.training_run_id, (0, 0))
            ),
        )
        for run in shown
    }


def _counts(rows: QuerySet[Any], by: str, done: Q) -> dict[object, tuple[int, int]]:
    counted = rows.values(by).annotate(done=Count("pk", filter=done), total=Count("pk"))
    return {row[by]: (row["done"], row["total"]) for row in counted}


def _bar(run: Run, done: int, total: int) -> SafeString:
    unit = "parts" if run.kind == ObligationKind.ERASE else "shards"
    tone = Tone.BAD if run.state == RunState.STUCK else Tone.GOOD if done == total else Tone.BUSY
    if not total:
        return badge(run.state, RUN_TONES[RunState(run.state)])
    return bar(done, total, words=f"{done} of {total} {unit}", tone=tone)


def run_link(run: Run | None, progress: dict[UUID, SafeString]) -> SafeString:
    """Return how far the work on a target is, with a link to it."""
    if run is None:
        return NOTHING
    return format_html(
        '<span class="lt-run">{} {}</span>',
        row_link("Run", "deletion_run", run.pk),
        progress.get(run.pk, ""),
    )


def batch_link(batch_id: int | None) -> SafeString:
    """Return a link to a plan's page."""
    return row_link(f"Batch {batch_id}", "deletion_batch", batch_id) if batch_id else NOTHING
