"""Models: what they are for, what serves, and what answers when nothing may."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import CharField, Count, Exists, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Concat
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.enums import ActionVariant

from audits import queries as trail
from audits.pages.access import BUILDERS
from audits.pages.cells import NOTHING, Tone, badge, code, moment, number, row_link, state_badge
from audits.pages.confirmations import button
from audits.pages.records import Figure, Page, ReadOnlyAdmin
from audits.pages.sections import Facts, Table, Words, raw, timeline_of
from training.admin.badges import RUN_TONES, VERSION_TONES, accuracy_of, shards_bar, why_badge
from training.admin.switch import (
    REFUSALS,
    confirm_lift,
    lift_question,
    propose,
    propose_question,
    pull,
    stop_question,
)
from training.models import Model, ModelVersion, Stop
from training.queries import EVERYTHING, gates_of, scope_of, scopes_over
from training.states import VersionState


@admin.register(Model)
class DeclaredModelAdmin(ReadOnlyAdmin):
    seen_by = BUILDERS
    tells_about = "model"
    tells_by = "name"
    list_display = ("name", "serving", "accuracy", "versions_count", "trainer", "family")
    list_select_related = ("family",)
    page_related = ("family",)
    search_fields = ("name",)
    search_help_text = "Part of a model's name"
    refusals = REFUSALS
    actions_detail = ("stop", "propose_lift", "lift")
    empty_sentence = "No model is declared."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        found: QuerySet[Model] = super().get_queryset(request)
        serving = ModelVersion.objects.filter(model=OuterRef("pk"), state=VersionState.RELEASED)
        stopped = Stop.objects.filter(
            Q(scope=EVERYTHING)
            | Q(scope=Concat(Value("model/"), OuterRef("name"), output_field=CharField())),
            lifted_at=None,
        )
        return found.annotate(
            versions_here=Count("versions"),
            was_released=Exists(
                ModelVersion.objects.filter(model=OuterRef("pk"), release__isnull=False)
            ),
            serving_number=Subquery(serving.values("number")[:1]),
            serving_until=Subquery(serving.values("release__qualified_until")[:1]),
            serving_metrics=Subquery(serving.values("metrics")[:1]),
            stop_scope=Subquery(stopped.values("scope")[:1]),
            own_stop=Subquery(stopped.exclude(scope=EVERYTHING).values("lift_proposed_by")[:1]),
        )

    @admin.display(description="Serves")
    def serving(self, model: Any) -> SafeString:
        answers = "fallback answers" if model.fallback else "nothing answers"
        if model.stop_scope:
            return badge(f"stopped: {answers}", Tone.BAD)
        if model.serving_number and model.serving_until and model.serving_until <= timezone.now():
            return badge(f"version {model.serving_number} ran out: {answers}", Tone.BAD)
        if model.serving_number:
            return badge(f"version {model.serving_number}", Tone.GOOD)
        if not model.was_released:
            return badge("nothing released yet")
        return badge(f"none: {answers}", Tone.WARN)

    @admin.display(description="Accuracy")
    def accuracy(self, model: Any) -> str | SafeString:
        return accuracy_of(model.serving_metrics)

    @admin.display(description="Versions")
    def versions_count(self, model: Any) -> str:
        return number(model.versions_here)

    @override
    def offers(self, row: Any) -> frozenset[str]:
        if row.own_stop is None:
            return frozenset({"stop"})
        return frozenset({"propose_lift", "lift"} if row.own_stop else {"propose_lift"})

    @button(description="Stop", icon="front_hand", variant=ActionVariant.DANGER)
    def stop(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Stop the model."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: stop_question(scope_of(row.name)),
            do=lambda row, said: pull(request, scope_of(row.name), said),
        )

    @button(description="Propose to lift the stop", icon="lock_open")
    def propose_lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Propose, as the first of two people, to lift the model's stop."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: propose_question(scope_of(row.name)),
            do=lambda row, _: propose(request, scope_of(row.name)),
        )

    @button(description="Lift the stop", icon="play_arrow", variant=ActionVariant.PRIMARY)
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lift the model's stop, as the second of two people."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: lift_question(scope_of(row.name)),
            do=lambda row, _: confirm_lift(request, scope_of(row.name)),
        )

    @override
    def page(self, row: Any, *, request: HttpRequest, now: datetime) -> Page:
        stop = Stop.objects.filter(
            scope__in=scopes_over(row.name, pool=row.pool), lifted_at=None
        ).first()
        stopped = (
            [
                Words(
                    title=f"Stopped: {stop.scope}",
                    text=f"{stop.reason} No training starts"
                    f"{'' if stop.scope.startswith('pool/') else ' and the fallback answers'}"
                    " until two people lift the stop.",
                    tone="bad",
                )
            ]
            if stop
            else []
        )
        return Page(
            title=row.name,
            badges=[self.serving(row)],
            lead=row.purpose,
            figures=[
                Figure(
                    label="Serving version",
                    value=number(row.serving_number) if row.serving_number else "none",
                    tone="good" if row.serving_number and not stop else "warn",
                ),
                Figure(label="Its accuracy", value=self.accuracy(row), note="on the hold-out"),
                Figure(label="Versions", value=number(row.versions_here)),
                Figure(
                    label="May get worse by",
                    value=f"{row.margin_permille / 10:g} %",
                    note="when it is trained without somebody",
                ),
            ],
            sections=[
                *stopped,
                _versions(row),
                _trainings(row),
                Facts(
                    title="Declaration",
                    rows=[
                        ("Trainer", row.trainer),
                        (
                            "Training set",
                            row_link(row.family.name, "lineage_datasetfamily", row.family_id)
                            if row.family
                            else NOTHING,
                        ),
                        ("Comes from", _parent(row)),
                        ("Gates", _gates(row)),
                        ("Features", ", ".join(row.features) or "every other column"),
                        ("Uses", ", ".join(row.uses) or NOTHING),
                        ("Pool", row.pool),
                        ("Registered", moment(row.registered_at)),
                    ],
                ),
                timeline_of(trail.timeline(f"model/{row.name}")),
                raw(
                    "Parameters and fallback",
                    {"parameters": row.parameters, "fallback": row.fallback},
                ),
            ],
        )


def _parent(model: Model) -> str | SafeString:
    if model.parent is None:
        return NOTHING
    return row_link(f"{model.descent} {model.parent.name}", "training_model", model.parent.pk)


def _gates(model: Model) -> str | SafeString:
    declared = gates_of(model.family_id) if model.family_id else None
    if declared is None:
        return "the usual ones"
    return row_link(f"declaration {declared.number}", "training_gatedeclaration", declared.pk)


def _versions(model: Model) -> Table:
    rows = model.versions.order_by("-number")[:100]
    return Table(
        title="Versions",
        headers=["Version", "State", "Accuracy", "Trained", "Artefact"],
        rows=[
            [
                row_link(f"version {row.number}", "training_modelversion", row.pk),
                state_badge(row.state, VERSION_TONES),
                accuracy_of(row.metrics),
                moment(row.trained_at),
                "destroyed" if row.destroyed_at else code(row.artefact_digest),
            ]
            for row in rows
        ],
        empty="It was never trained.",
    )


def _trainings(model: Model) -> Table:
    rows = model.runs.order_by("-created_at")[:20]
    return Table(
        title="Trainings",
        headers=["Asked for", "State", "Why", "Shards", "Finished"],
        rows=[
            [
                row_link(f"{row.created_at:%Y-%m-%d %H:%M}", "training_trainingrun", row.pk),
                state_badge(row.state, RUN_TONES),
                why_badge(row),
                shards_bar(row),
                moment(row.finished_at),
            ]
            for row in rows
        ],
        empty="No training was asked for.",
    )
