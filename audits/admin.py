"""The trail, its seals, and the alerts that people answer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.enums import ActionVariant
from unfold.paginator import InfinitePaginator

from audits import actions, errors, queries
from audits.entries import read_entry
from audits.models import Alert, Checkpoint, Leaf
from audits.pages.access import BUILDERS, actor_of, username_of
from audits.pages.cells import Tone, ago, badge, code, moment, number, span_words
from audits.pages.confirmations import Because, Confirmation, button, refusals_in
from audits.pages.records import Figure, Page, ReadOnlyAdmin
from audits.pages.sections import (
    Facts,
    Raw,
    Words,
    about_link,
    in_words,
    name_of,
    raw,
    shown,
    timeline_of,
)

_CAUSE: Final = 80  # letters of a reason that a list shows; the alert's page has all of it
_RECENT: Final = 1000  # leaves that the list of event names is read from


class Answered(admin.SimpleListFilter):
    """Open alerts, or those that somebody has answered."""

    title = "answer"
    parameter_name = "answered"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "Open"), ("yes", "Answered")]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        if self.value() is None:
            return queryset
        return queryset.filter(resolved_at__isnull=self.value() == "no")


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    seen_by = BUILDERS
    refusals = refusals_in(errors)
    list_display = ("what", "about_shown", "cause", "raised", "standing", "answered_by")
    list_filter = (Answered, "kind")
    ordering = (F("resolved_at").desc(nulls_first=True), "-raised_at")
    actions_detail = ("resolve",)
    empty_sentence = "No alert was ever raised. Nothing needs a person."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        found: QuerySet[Alert] = super().get_queryset(request)
        return found.annotate(resolver=username_of("resolved_by"))

    @admin.display(description="Alert", ordering="kind")
    def what(self, alert: Alert) -> str:
        return in_words(alert.kind.replace("-", "_"))

    @admin.display(description="About", ordering="about")
    def about_shown(self, alert: Alert) -> SafeString | str:
        return about_link(alert.about)

    @admin.display(description="Why")
    def cause(self, alert: Alert) -> str:
        said = str(alert.detail.get("why") or alert.detail.get("target") or "")
        return said if len(said) <= _CAUSE else f"{said[:_CAUSE]}…"

    @admin.display(description="Raised", ordering="raised_at")
    def raised(self, alert: Alert) -> SafeString:
        return moment(alert.raised_at)

    @admin.display(description="State", ordering="resolved_at")
    def standing(self, alert: Alert) -> SafeString:
        if alert.resolved_at:
            return badge("answered", Tone.GOOD)
        return badge(f"open for {span_words(timezone.now() - alert.raised_at)}", Tone.BAD)

    @admin.display(description="Answered by")
    def answered_by(self, alert: Any) -> str:
        return str(alert.resolver or alert.resolved_by or "—")

    @override
    def offers(self, row: Alert) -> frozenset[str]:
        return frozenset() if row.resolved_at else frozenset({"resolve"})

    @override
    def page(self, row: Alert, *, request: HttpRequest, now: datetime) -> Page:
        answer = Facts(
            title="What was done",
            rows=[
                ("Answered", moment(row.resolved_at)),
                ("By", name_of(row.resolved_by)),
                ("What was done", row.resolution),
            ],
        )
        return Page(
            title=self.what(row),
            badges=[self.standing(row)],
            sections=[
                Facts(
                    title="What came up",
                    rows=[
                        ("About", about_link(row.about)),
                        ("Raised", moment(row.raised_at)),
                        *((in_words(name), shown(value)) for name, value in row.detail.items()),
                    ],
                ),
                *([answer] if row.resolved_at else []),
                timeline_of(queries.timeline(row.about), title="What the trail says about it"),
            ],
        )

    @button(
        description="Resolve",
        icon="task_alt",
        variant=ActionVariant.PRIMARY,
    )
    def resolve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Close an alert with what was done about it."""
        return self.confirm(
            request,
            object_id,
            question=lambda alert: Confirmation(
                title=f"Resolve: {self.what(alert)}",
                sentence="The alert is closed with your answer. If the same comes up again, a new "
                "alert is raised.",
                button="Resolve the alert",
                form=WhatWasDone,
                sections=[
                    Facts(
                        title="The alert",
                        rows=[
                            ("About", about_link(alert.about)),
                            ("Raised", moment(alert.raised_at)),
                            *((in_words(key), shown(said)) for key, said in alert.detail.items()),
                        ],
                    )
                ],
            ),
            do=lambda alert, said: _resolve(request, alert, said),
        )


class WhatWasDone(Because):
    """Asks for the answer to an alert."""

    @override
    def __init__(self, *args: Any, **changes: Any) -> None:
        super().__init__(*args, **changes)
        self.fields["reason"].label = "What was done"


def _resolve(request: HttpRequest, alert: Alert, said: Mapping[str, Any]) -> str:
    actions.resolve_alert(
        alert_id=alert.pk,
        resolution=said["reason"],
        actor=actor_of(request),
        now=timezone.now(),
    )
    return "The alert is resolved."


class RecentEvent(admin.SimpleListFilter):
    """The names of the newest facts: the trail is too long to ask it for all its names."""

    title = "event"
    parameter_name = "event"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        newest = Leaf.objects.order_by("-index").values_list("event", flat=True)[:_RECENT]
        return [(name, in_words(name)) for name in sorted(set(newest))]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Leaf]) -> QuerySet[Leaf]:
        return queryset.filter(Q(event=self.value())) if self.value() else queryset


@admin.register(Leaf)
class LeafAdmin(ReadOnlyAdmin):
    list_display = ("place", "what", "about_shown", "recorded")
    list_filter = (RecentEvent,)
    ordering = ("-index",)
    show_full_result_count = False
    paginator = InfinitePaginator  # counting a long trail takes longer than showing it
    empty_sentence = "Nothing is sealed yet."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Leaf]:
        found: QuerySet[Leaf] = super().get_queryset(request)
        return found.defer("entry", "leaf_hash")

    @admin.display(description="Leaf", ordering="index")
    def place(self, leaf: Leaf) -> str:
        return number(leaf.index)

    @admin.display(description="Fact")
    def what(self, leaf: Leaf) -> str:
        return in_words(leaf.event)

    @admin.display(description="About")
    def about_shown(self, leaf: Leaf) -> SafeString | str:
        return about_link(leaf.about)

    @admin.display(description="Recorded")
    def recorded(self, leaf: Leaf) -> SafeString:
        return moment(leaf.recorded_at)

    @override
    def page(self, row: Leaf, *, request: HttpRequest, now: datetime) -> Page:
        entry = read_entry(bytes(row.entry), index=row.index)
        covering = Checkpoint.objects.filter(size__gt=row.index).order_by("size").first()
        return Page(
            title=f"Leaf {number(row.index)}: {in_words(row.event)}",
            badges=[badge("sealed", Tone.GOOD)],
            sections=[
                Facts(
                    title="Fact",
                    rows=[
                        ("Recorded", moment(entry.at)),
                        ("By", name_of(entry.actor)),
                        ("About", about_link(entry.about)),
                        *((in_words(name), shown(value)) for name, value in entry.facts.items()),
                    ],
                ),
                Facts(
                    title="Seal",
                    note="The leaf cannot be changed: the database refuses it, and the checkpoint "
                    "would no longer fit.",
                    rows=[
                        ("Hash of the leaf", code(bytes(row.leaf_hash).hex(), shown=64)),
                        (
                            "First covered by",
                            f"checkpoint of {number(covering.size)} leaves" if covering else "—",
                        ),
                    ],
                ),
                raw("The entry as it was hashed", entry.facts),
            ],
        )


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnlyAdmin):
    list_display = ("leaves", "root_shown", "sealed")
    ordering = ("-size",)
    empty_sentence = "No checkpoint is signed yet."

    @admin.display(description="Leaves", ordering="size")
    def leaves(self, checkpoint: Checkpoint) -> str:
        return number(checkpoint.size)

    @admin.display(description="Root")
    def root_shown(self, checkpoint: Checkpoint) -> SafeString:
        return code(bytes(checkpoint.root).hex(), shown=24)

    @admin.display(description="Sealed", ordering="sealed_at")
    def sealed(self, checkpoint: Checkpoint) -> SafeString:
        return moment(checkpoint.sealed_at)

    @override
    def page(self, row: Checkpoint, *, request: HttpRequest, now: datetime) -> Page:
        return Page(
            title=f"Checkpoint of {number(row.size)} leaves",
            badges=[badge("signed", Tone.GOOD)],
            figures=[
                Figure(label="Leaves", value=number(row.size)),
                Figure(label="Sealed", value=moment(row.sealed_at), note=ago(row.sealed_at, now)),
            ],
            sections=[
                Words(
                    title="What it is for",
                    text="Whoever keeps this note can tell later whether anything sealed before it "
                    "was changed or taken away.",
                ),
                Raw(title="The signed note (C2SP tlog-checkpoint)", text=row.note),
            ],
        )
