"""Plans: what a batch of requests will touch, and its approval."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.db.models import Count, Min, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextInputWidget

from audits import queries as trail
from audits.pages.access import OFFICERS, actor_of, username_of
from audits.pages.cells import NOTHING, Tone, badge, code, moment, number, prose, row_link
from audits.pages.confirmations import Confirmation, button, refusals_in
from audits.pages.records import Figure, Page, ReadOnlyAdmin
from audits.pages.sections import Facts, Section, Table, Words, name_of, raw, timeline_of
from deletion import errors
from deletion.actions.batches import approve_plan, dissolve_plan
from deletion.admin.clocks import (
    NEXT_DUE,
    left_of,
    progress_of,
    request_link,
    run_link,
    state_of,
    target_link,
)
from deletion.models import Batch, DeletionRequest
from deletion.states import ObligationKind
from lineage import errors as lineage_errors

_REPEATED: Final = 8  # characters of the digest that an approver types
_SHOWN: Final = 100  # requests of a batch that its page lists
_KINDS: Final = {
    ObligationKind.ERASE: ("erase from store", "lineage_store"),
    ObligationKind.RETRAIN: ("retrain model", "training_model"),
}


class Standing(admin.SimpleListFilter):
    """Whether a plan waits for an approval."""

    title = "state"
    parameter_name = "standing"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("waiting", "Waits for approval"),
            ("approved", "Approved"),
            ("dissolved", "Dissolved"),
        ]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Batch]) -> QuerySet[Batch]:
        match self.value():
            case "waiting":
                return queryset.filter(approved_at=None, dissolved_at=None)
            case "approved":
                return queryset.exclude(approved_at=None)
            case "dissolved":
                return queryset.exclude(dissolved_at=None)
            case _:
                return queryset


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    tells_about = "batch"
    decided_by = OFFICERS
    refusals = refusals_in(errors, lineage_errors)
    list_display = ("number_shown", "standing", "people", "targets", "earliest", "planned", "by")
    list_filter = (Standing,)
    ordering = ("-pk",)
    actions_detail = ("approve", "dissolve")
    empty_sentence = "No requests were planned yet. The next sweep does it."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Batch]:
        found: QuerySet[Batch] = super().get_queryset(request)
        return found.defer("plan").annotate(
            requests_here=Count("requests", distinct=True),
            obligations_here=Count("obligations", distinct=True),
            first_due=Min("requests__erase_by", filter=Q(requests__completed_at=None)),
            approver=username_of("approved_by"),
        )

    @admin.display(description="Batch", ordering="pk")
    def number_shown(self, batch: Batch) -> str:
        return f"Batch {batch.pk}"

    @admin.display(description="State")
    def standing(self, batch: Batch) -> SafeString:
        if batch.dissolved_at:
            return badge("dissolved")
        if batch.approved_at:
            return badge("approved", Tone.GOOD)
        return badge("waits for approval", Tone.WARN)

    @admin.display(description="Requests", ordering="requests_here")
    def people(self, batch: Any) -> str:
        return number(batch.requests_here)

    @admin.display(description="Targets", ordering="obligations_here")
    def targets(self, batch: Any) -> str:
        return number(batch.obligations_here) if batch.approved_at else "—"

    @admin.display(description="First due", ordering="first_due")
    def earliest(self, batch: Any) -> SafeString:
        return moment(batch.first_due)

    @admin.display(description="Planned", ordering="planned_at")
    def planned(self, batch: Batch) -> SafeString:
        return moment(batch.planned_at)

    @admin.display(description="Approved by", ordering="approved_by")
    def by(self, batch: Any) -> str:
        return str(batch.approver or batch.approved_by or "—")

    @override
    def offers(self, row: Batch) -> frozenset[str]:
        waiting = row.approved_at is None and row.dissolved_at is None
        return frozenset({"approve", "dissolve"}) if waiting else frozenset()

    @override
    def page(self, row: Any, *, request: HttpRequest, now: datetime) -> Page:
        lead = (
            "Nothing is touched before somebody approves exactly this plan."
            if row.approved_at is None and row.dissolved_at is None
            else "Lineage moved on before an approval; its requests were planned again."
            if row.dissolved_at
            else ""
        )
        return Page(
            title=f"Batch {row.pk}",
            badges=[self.standing(row)],
            lead=lead,
            figures=[
                Figure(label="Requests", value=number(row.requests_here)),
                Figure(label="Targets", value=number(len(row.plan["obligations"]))),
                Figure(label="Planned", value=moment(row.planned_at)),
                Figure(
                    label="Approved", value=moment(row.approved_at), note=name_of(row.approved_by)
                ),
            ],
            sections=[
                *plan_sections(row),
                *([_obligations(row)] if row.approved_at else []),
                _requests(row, now=now),
                timeline_of(trail.timeline(f"batch/{row.pk}")),
                raw("The plan as it was made", row.plan),
            ],
        )

    @button(
        description="Approve plan",
        icon="task_alt",
        variant=ActionVariant.PRIMARY,
    )
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Approve exactly the plan that is shown."""
        return self.confirm(
            request,
            object_id,
            question=approval_of,
            do=lambda row, said: approve(request, row, said),
        )

    @button(description="Plan again", icon="refresh")
    def dissolve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give the plan up, so that its requests are planned again."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"Give up the plan of batch {row.pk}",
                sentence="Its requests go back and the next sweep plans them again. Their clocks "
                "go on.",
                button="Give the plan up",
            ),
            do=lambda row, _: _dissolve(request, row),
        )


def plan_sections(batch: Batch) -> list[Section]:
    """Return what a plan will touch, and what it leaves alone."""
    plan = batch.plan
    unmanaged = Words(
        title="Tainted models that nobody here can retrain",
        text=f"{', '.join(plan['unmanaged'])}. Whoever made them has to be told.",
        tone="warn",
    )
    spared = Table(
        title="Left alone",
        headers=["Model version", "Why"],
        rows=[[f"{one['model']} {one['number']}", one["why"]] for one in plan["spared"]],
        empty="Nothing near these people is left alone.",
    )
    recipients = Table(
        title="Recipients",
        note="Data or a model was passed on to them. Each is told once the data is erased."
        " The standing is that of the moment of planning.",
        headers=["Recipient", "Requests", "Standing"],
        rows=[
            [one["recipient"], number(len(one["requests"])), badge(one["standing"], Tone.WARN)]
            for one in plan.get("recipients", [])
        ],
        empty="Nobody was reached.",
    )
    return [
        *([unmanaged] if plan["unmanaged"] else []),
        Facts(
            title="Digest of the plan",
            note="It names exactly this plan. If anything changes, the approval is refused.",
            rows=[("SHA-256", code(batch.digest, shown=64))],
        ),
        Table(
            title="What it will touch",
            headers=["Target", "What is done", "Requests", "Shielded", "Due", "Why"],
            rows=[_planned(one) for one in plan["obligations"]],
            empty="It touches nothing.",
        ),
        *([recipients] if recipients.rows else []),
        *([spared] if plan["spared"] else []),
    ]


def _planned(one: Mapping[str, Any]) -> list[str | SafeString]:
    what, view = _KINDS[ObligationKind(one["kind"])]
    shielded = [share["shielded"] for share in one["shares"] if share["shielded"]]
    due_at = parse_datetime(one["due_at"])
    return [
        row_link(one["target"], view, one["target_id"]),
        what,
        number(len(one["shares"])),
        format_html('<span title="{}">{}</span>', shielded[0], number(len(shielded)))
        if shielded
        else NOTHING,
        moment(due_at),
        prose(one["because"]),
    ]


def _obligations(batch: Batch) -> Table:
    rows = list(batch.obligations.select_related("store", "model", "run").order_by("pk"))
    progress = progress_of([row.run for row in rows if row.run is not None])
    return Table(
        title="Obligations",
        headers=["Target", "Due", "Work", "Discharged"],
        rows=[
            [
                target_link(row),
                moment(row.due_at),
                run_link(row.run, progress),
                moment(row.discharged_at),
            ]
            for row in rows
        ],
        empty="The plan obliges to nothing.",
    )


def _requests(batch: Any, *, now: datetime) -> Table:
    rows = batch.requests.annotate(next_due=NEXT_DUE).order_by("next_due")[:_SHOWN]
    return Table(
        title="Requests",
        note=f"The {_SHOWN} most urgent of {number(batch.requests_here)}."
        if batch.requests_here > _SHOWN
        else "",
        headers=["Request", "State", "Regime", "Time left"],
        rows=[_request(row, now) for row in rows],
        empty="No request is part of it any more.",
    )


def _request(row: DeletionRequest, now: datetime) -> list[str | SafeString]:
    return [request_link(row.pk), state_of(row), row.regime.upper(), left_of(row, now=now)]


def repeat_of(digest: str) -> type[forms.Form]:
    """Return a form that asks for the beginning of the digest that its page shows."""
    beginning = digest[:_REPEATED]

    class Repeat(forms.Form):
        seen_digest = forms.CharField(widget=forms.HiddenInput(), initial=digest)
        repeated = forms.CharField(
            label=f"Type the first {_REPEATED} characters of the digest: {beginning}",
            help_text="So that nobody approves by a slip of the hand.",
            widget=UnfoldAdminTextInputWidget({"autocomplete": "off", "spellcheck": "false"}),
        )

        def clean_repeated(self) -> str:
            repeated = str(self.cleaned_data["repeated"]).strip().lower()
            if repeated != str(self.cleaned_data.get("seen_digest", ""))[:_REPEATED]:
                raise forms.ValidationError("These are not the first characters of the digest.")
            return repeated

    return Repeat


def approval_of(batch: Batch) -> Confirmation:
    """Return the question before a plan is approved."""
    return Confirmation(
        title=f"Approve the plan of batch {batch.pk}",
        sentence="Work begins at once: the records of these people are erased for ever, and the "
        "models that learnt from them are trained again or retired. It cannot be taken back.",
        button="Approve this plan",
        form=repeat_of(batch.digest),
        sections=plan_sections(batch),
        grave=True,
    )


def approve(request: HttpRequest, batch: Batch, said: Mapping[str, Any]) -> str:
    """Approve a plan by the digest that was on the page."""
    approve_plan(
        batch_id=batch.pk,
        seen_digest=said["seen_digest"],
        actor=actor_of(request),
        now=timezone.now(),
    )
    return f"The plan of batch {batch.pk} is approved; work begins with the next sweep."


def _dissolve(request: HttpRequest, batch: Batch) -> str:
    dissolve_plan(batch_id=batch.pk, actor=actor_of(request), now=timezone.now())
    return "The plan is given up; its requests are planned again."
