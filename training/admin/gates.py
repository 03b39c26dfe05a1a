"""What data has to be before anything learns from it: what is declared, and by whom."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from audits.pages.access import BUILDERS, actor_of
from audits.pages.cells import Tone, badge, code, moment, number, row_link
from audits.pages.confirmations import Confirmation, ask, button, refusals_in
from audits.pages.records import Figure, Page, ReadOnlyAdmin
from audits.pages.sections import Facts, Table, in_words, name_of, raw, shown
from audits.permissions import Role
from lineage import errors as lineage_errors
from lineage.places import NAME
from lineage.queries import family_named
from training import errors
from training.actions import declare_gates
from training.gates import parse
from training.models import GateDeclaration


class RulesField(forms.JSONField):
    """A JSON document that may be empty: no rule of one's own is a declaration, too."""

    empty_values = [None, ""]


class Declaring(forms.Form):
    """Asks for the rules of one training set."""

    family = forms.RegexField(
        NAME,
        label="Training set",
        widget=UnfoldAdminTextInputWidget(),
    )
    rules = RulesField(
        label="Rules",
        help_text="JSON, as a whole: what is left out is usual. See the how-to page.",
        widget=UnfoldAdminTextareaWidget({"rows": 16}),
    )

    def clean_rules(self) -> Mapping[str, object]:
        """Say beside the field what is wrong with it."""
        try:
            rules: Mapping[str, object] = parse(self.cleaned_data["rules"]).as_json()
        except errors.GatesInvalid as no:
            raise forms.ValidationError(str(no)) from None
        return rules


DECLARATION = Confirmation(
    title="Declare what the data of a training set has to be",
    sentence="It replaces what was declared before, as a whole. Trainings that are checked from "
    "now on go by it.",
    button="Declare it",
    form=Declaring,
)


@admin.register(GateDeclaration)
class GateDeclarationAdmin(ReadOnlyAdmin):
    seen_by = BUILDERS
    decided_by = frozenset({Role.ENGINEER, Role.ADMINISTRATOR})
    refusals = refusals_in(errors, lineage_errors)
    list_display = ("of", "number", "standing", "columns_count", "declared", "by")
    list_filter = ("family",)
    list_select_related = ("family",)
    page_related = ("family",)
    ordering = ("-declared_at", "-pk")
    actions_list = ("declare",)
    empty_sentence = "Nothing is declared: the usual rules hold for every training set."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[GateDeclaration]:
        found: QuerySet[GateDeclaration] = super().get_queryset(request)
        newer = GateDeclaration.objects.filter(
            family=OuterRef("family"), number__gt=OuterRef("number")
        )
        return found.annotate(is_replaced=Exists(newer))

    @admin.display(description="Training set", ordering="family__name")
    def of(self, row: GateDeclaration) -> str:
        return row.family.name

    @admin.display(description="Standing")
    def standing(self, row: Any) -> SafeString:
        return badge("replaced") if row.is_replaced else badge("in force", Tone.GOOD)

    @admin.display(description="Columns with rules")
    def columns_count(self, row: GateDeclaration) -> str:
        return number(len(row.rules["columns"]))

    @admin.display(description="Declared", ordering="declared_at")
    def declared(self, row: GateDeclaration) -> SafeString:
        return moment(row.declared_at)

    @admin.display(description="By")
    def by(self, row: GateDeclaration) -> str | SafeString:
        return name_of(row.declared_by)

    @override
    def page(self, row: GateDeclaration, *, request: HttpRequest, now: datetime) -> Page:
        return Page(
            title=f"Gates of {row.family.name}, {row.number}",
            badges=[self.standing(row)],
            lead="What the data has to be before anything learns from it.",
            figures=[
                Figure(label="Columns with rules", value=self.columns_count(row)),
                Figure(label="Trainings checked by it", value=number(row.runs.count())),
            ],
            sections=[
                Facts(
                    title="Declaration",
                    rows=[
                        (
                            "Training set",
                            row_link(row.family.name, "lineage_datasetfamily", row.family_id),
                        ),
                        ("Declared by", self.by(row)),
                        ("Declared", moment(row.declared_at)),
                        ("Digest", code(row.digest)),
                    ],
                ),
                Facts(
                    title="Rules for the whole",
                    rows=[
                        (in_words(name), shown(part))
                        for name, part in row.rules.items()
                        if name != "columns"
                    ],
                ),
                _columns(row),
                raw("Rules as they are stored", row.rules),
            ],
        )

    @button(description="Declare gates", icon="rule")
    def declare(self, request: HttpRequest) -> HttpResponse:
        """Declare what the data of a training set has to be."""
        return ask(
            request,
            self.admin_site,
            confirmation=DECLARATION,
            do=lambda said: _declare(request, said),
            back=reverse("admin:training_gatedeclaration_changelist"),
            refusals=self.refusals,
            context={"opts": self.opts},
        )


def _columns(row: GateDeclaration) -> Table:
    return Table(
        title="Rules for columns",
        headers=["Column", "Rule"],
        rows=[[name, shown(rule)] for name, rule in row.rules["columns"].items()],
        empty="No column has a rule of its own.",
    )


def _declare(request: HttpRequest, said: Mapping[str, Any]) -> str:
    declared = declare_gates(
        family_id=family_named(said["family"]).pk,
        rules=said["rules"],
        actor=actor_of(request),
        now=timezone.now(),
    )
    return f"Declaration {declared.number} holds for {said['family']}."
