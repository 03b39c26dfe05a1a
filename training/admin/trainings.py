"""Training runs: what the gates said, which shards were fitted, and how it ended."""

from datetime import datetime

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.enums import ActionVariant

from audits import queries as trail
from audits.pages.access import BUILDERS, actor_of, may
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
from audits.pages.sections import Facts, Section, Table, raw, timeline_of
from audits.permissions import Role
from training import errors
from training.actions import cancel_run
from training.admin.badges import RUN_TONES, shards_bar, why_badge
from training.admin.outside_jobs import LOG_READERS, work_outside
from training.admin.verdicts import verdicts_table
from training.forecast import Unit
from training.models import ShardFit, TrainingRun
from training.queries.runs import seconds_of
from training.states import RUN_OPEN, RunState


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnlyAdmin):
    seen_by = BUILDERS
    tells_about = "training"
    list_display = ("of", "state_shown", "why", "shards", "asked", "took")
    list_filter = ("state", "forced", "model")
    list_select_related = ("model",)
    page_related = ("model", "source", "version", "gates__family")
    ordering = ("-created_at",)
    empty_sentence = "No training was asked for."
    decided_by = frozenset({Role.ENGINEER, Role.OFFICER, Role.ADMINISTRATOR})
    refusals = refusals_in(errors)
    actions_detail = ("cancel",)

    @admin.display(description="Model", ordering="model__name")
    def of(self, run: TrainingRun) -> str:
        return run.model.name

    @admin.display(description="State", ordering="state")
    def state_shown(self, run: TrainingRun) -> SafeString:
        return state_badge(run.state, RUN_TONES)

    @admin.display(description="Why", ordering="forced")
    def why(self, run: TrainingRun) -> SafeString:
        return why_badge(run)

    @admin.display(description="Shards")
    def shards(self, run: TrainingRun) -> SafeString:
        return shards_bar(run)

    @admin.display(description="Asked for", ordering="created_at")
    def asked(self, run: TrainingRun) -> SafeString:
        return moment(run.created_at)

    @admin.display(description="Took")
    def took(self, run: TrainingRun) -> str | SafeString:
        if run.started_at is None or run.finished_at is None:
            return NOTHING
        return span_words(run.finished_at - run.started_at)

    @override
    def offers(self, row: TrainingRun) -> frozenset[str]:
        may_end = row.state in RUN_OPEN - {RunState.DESTROYING}
        return frozenset({"cancel"} if may_end else ())

    @button(description="Cancel", icon="cancel", variant=ActionVariant.DANGER)
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End the training before it makes a version."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"Cancel the training of {row.model.name}",
                sentence="It makes no version, and what serves goes on. What an outside trainer "
                "does for it is ended, and what it was given is destroyed. If a deletion needs "
                "the training, it asks for it again.",
                button="Cancel it",
                grave=True,
            ),
            do=lambda row, _: _cancel(request, row),
        )

    @override
    def page(self, row: TrainingRun, *, request: HttpRequest, now: datetime) -> Page:
        return Page(
            title=f"Training of {row.model.name}",
            badges=[self.state_shown(row), why_badge(row)],
            lead=row.reason,
            figures=[
                Figure(label="Shards", value=shards_bar(row)),
                Figure(label="Started", value=moment(row.started_at)),
                Figure(label="Finished", value=moment(row.finished_at)),
                Figure(label="Took", value=self.took(row)),
            ],
            sections=[
                Facts(
                    title="Work",
                    rows=[
                        ("Model", row_link(row.model.name, "training_model", row.model_id)),
                        ("Source", row_link(str(row.source), "lineage_node", row.source_id)),
                        (
                            "Version it made",
                            row_link(
                                f"version {row.version.number}",
                                "training_modelversion",
                                row.version.pk,
                            )
                            if row.version
                            else NOTHING,
                        ),
                        ("Attempts", number(row.attempts)),
                        ("Last trouble", row.last_error or NOTHING),
                    ],
                ),
                verdicts_table(row),
                *_cost(row),
                _fits(row),
                *work_outside(row, logs=may(request, LOG_READERS)),
                timeline_of(trail.timeline(f"training/{row.pk}"), hidden={"run_id"}),
                *([raw("What the check found", row.plan)] if row.plan else []),
            ],
        )


def _cancel(request: HttpRequest, run: TrainingRun) -> str:
    cancel_run(run_id=run.pk, actor=actor_of(request), now=timezone.now())
    return f"The training of {run.model.name} is cancelled."


def _cost(run: TrainingRun) -> list[Section]:
    """Say what was expected of the parts hit and of everything, and what it came to."""
    said = run.plan.get("forecast")
    if not said:
        return []
    took = seconds_of(run.pk)
    return [
        Facts(
            title="What fitting costs",
            rows=[
                ("The parts hit", _amount(said["parts"], said["unit"])),
                ("Everything", _amount(said["full"], said["unit"])),
                ("Chosen", said["choice"]),
                ("It took", _amount(took, "seconds") if took is not None else NOTHING),
            ],
        )
    ]


def _amount(value: float, unit: str) -> str:
    return f"{value:,.0f} rows" if unit == Unit.ROWS else f"{value:,.3g} s of one worker"


def _fits(run: TrainingRun) -> Table:
    return Table(
        title="Shards",
        headers=["Shard", "Slice", "State", "People", "Rows", "Attempts", "Last trouble"],
        rows=[_fit(row) for row in run.fits.order_by("shard", "slice")],
        empty="No shard is planned yet.",
    )


def _fit(row: ShardFit) -> list[str | SafeString]:
    if row.reused:
        state = badge("reused", Tone.CALM)
    elif row.snapshot_id:
        state = badge("fitted", Tone.GOOD)
    else:
        state = badge("waiting", Tone.BUSY)
    return [
        number(row.shard),
        number(row.slice),
        state,
        number(row.people),
        number(row.rows),
        number(row.attempts),
        prose(row.last_error),
    ]
