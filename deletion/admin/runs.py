"""Runs: how far the work on a target is, and what happens when it is stuck."""

from datetime import datetime
from typing import Any, Final

from django.contrib import admin
from django.db.models import Count, Min, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.enums import ActionVariant

from audits import queries as trail
from audits.pages.access import BUILDERS, OFFICERS, actor_of
from audits.pages.cells import (
    NOTHING,
    Tone,
    badge,
    moment,
    number,
    prose,
    row_link,
    span_words,
    state_badge,
)
from audits.pages.confirmations import Confirmation, button, refusals_in
from audits.pages.records import Figure, Page, ReadOnlyAdmin
from audits.pages.sections import Facts, Table, Words, raw, timeline_of
from deletion import errors
from deletion.actions.runs import retry_run
from deletion.admin.clocks import RUN_TONES, batch_link, progress_of, target_link, time_left
from deletion.models import Run, RunPart
from deletion.rounds import GONE, SET_ASIDE
from deletion.states import RunState
from lineage import errors as lineage_errors

_SHOWN: Final = 200  # parts that a page lists


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    tells_about = "run"
    seen_by = BUILDERS
    decided_by = OFFICERS
    refusals = refusals_in(errors, lineage_errors)
    list_display = ("target", "state_shown", "parts", "serves", "due", "started", "took")
    list_filter = ("state", "kind")
    list_select_related = ("store", "model", "training_run")
    page_related = ("store", "model", "training_run")
    ordering = ("-started_at",)
    actions_detail = ("retry",)
    empty_sentence = "No run was started yet."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        found: QuerySet[Run] = super().get_queryset(request)
        return found.annotate(
            obligations_here=Count("obligations", distinct=True),
            first_due=Min("obligations__due_at"),
            parts_here=Count("parts", distinct=True),
        )

    @admin.display(description="Target", ordering="kind")
    def target(self, run: Run) -> str:
        if run.store is not None:
            return f"{run.store.name} store"
        return f"{run.model.name} model" if run.model is not None else "—"

    @admin.display(description="State", ordering="state")
    def state_shown(self, run: Run) -> SafeString:
        return state_badge(run.state, RUN_TONES)

    @admin.display(description="Parts")
    def parts(self, run: Any) -> str:
        return number(run.parts_here) if run.parts_here else "—"

    @admin.display(description="Obligations")
    def serves(self, run: Any) -> str:
        return number(run.obligations_here)

    @admin.display(description="First due", ordering="first_due")
    def due(self, run: Any) -> SafeString:
        return moment(run.first_due)

    @admin.display(description="Started", ordering="started_at")
    def started(self, run: Run) -> SafeString:
        return moment(run.started_at)

    @admin.display(description="Took")
    def took(self, run: Run) -> str:
        return span_words(run.finished_at - run.started_at) if run.finished_at else "—"

    @override
    def offers(self, row: Run) -> frozenset[str]:
        return frozenset({"retry"}) if row.state == RunState.STUCK else frozenset()

    @override
    def page(self, row: Any, *, request: HttpRequest, now: datetime) -> Page:
        stuck = Words(
            title="Stuck: a person must look",
            text=f"Every attempt failed, the last one with: {row.last_error or 'no reason given'}. "
            "The obligations stay open and their clocks go on.",
            tone="bad",
        )
        return Page(
            title=f"Run on {self.target(row)}",
            badges=[self.state_shown(row)],
            lead=row.because,
            figures=[
                Figure(label="Progress", value=progress_of([row])[row.pk]),
                Figure(
                    label="First due",
                    value=moment(row.first_due),
                    note=time_left(
                        since=row.started_at,
                        due_at=row.first_due,
                        ended_at=row.finished_at,
                        now=now,
                    )
                    if row.first_due
                    else "",
                ),
                Figure(label="Started", value=moment(row.started_at)),
                Figure(label="Took", value=self.took(row)),
            ],
            sections=[
                *([stuck] if row.state == RunState.STUCK else []),
                Facts(
                    title="Work",
                    rows=[
                        ("Target", target_link(row)),
                        ("Rounds", number(row.rounds)),
                        ("Attempts", number(row.attempts)),
                        ("Last trouble", row.last_error or NOTHING),
                        (
                            "Training",
                            row_link("the training", "training_trainingrun", row.training_run_id)
                            if row.training_run_id
                            else NOTHING,
                        ),
                    ],
                ),
                *([_parts(row)] if row.parts_here else []),
                _obligations(row),
                timeline_of(trail.timeline(f"run/{row.pk}"), hidden={"run_id"}),
                *([raw("Evidence", row.evidence)] if row.evidence else []),
            ],
        )

    @button(
        description="Try again",
        icon="refresh",
        variant=ActionVariant.PRIMARY,
    )
    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let a stuck run try again."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"Try again: {self.target(row)}",
                sentence="The run gets its attempts back and goes on where it stopped. Do this "
                "after what stopped it was repaired.",
                button="Let it try again",
                sections=[
                    Facts(title="The last trouble", rows=[("It said", row.last_error or NOTHING)])
                ],
            ),
            do=lambda row, _: _retry(request, row),
        )


def _retry(request: HttpRequest, run: Run) -> str:
    retry_run(run_id=run.pk, actor=actor_of(request), now=timezone.now())
    return "The run tries again with the next sweep."


def _parts(run: Any) -> Table:
    rows = run.parts.order_by("finished_at", "pk")[:_SHOWN]
    return Table(
        title="Parts",
        note=f"The first {_SHOWN} of {number(run.parts_here)}." if run.parts_here > _SHOWN else "",
        headers=["Part", "Round", "Step", "Rows erased", "Attempts", "Last trouble", "Finished"],
        rows=[_part(row) for row in rows],
        empty="It has no part.",
    )


def _part(part: RunPart) -> list[str | SafeString]:
    erased = part.evidence.get("rows_erased")
    return [
        part.name,
        number(part.round),
        _step(part),
        NOTHING if erased is None else number(erased),
        number(part.attempts),
        prose(part.last_error),
        moment(part.finished_at),
    ]


def _step(part: RunPart) -> SafeString:
    """Return how far a part is; what is done without a proof is no good news."""
    if part.step in {GONE, SET_ASIDE}:
        return badge(part.step, Tone.WARN)
    if not part.step:
        return badge("waiting")
    return badge(part.step, Tone.GOOD if part.finished_at else Tone.BUSY)


def _obligations(run: Run) -> Table:
    rows = run.obligations.select_related("batch").order_by("due_at")
    return Table(
        title="Obligations it discharges",
        headers=["Batch", "Due", "Discharged"],
        rows=[
            [batch_link(row.batch_id), moment(row.due_at), moment(row.discharged_at)]
            for row in rows
        ],
        empty="It discharges nothing any more.",
    )
