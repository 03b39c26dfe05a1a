"""What officers attested of other tools' models, and the button to attest it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from audits import queries as trail
from audits.pages.access import BUILDERS, actor_of
from audits.pages.cells import Tone, badge, moment
from audits.pages.confirmations import Because, Confirmation, ask, button, refusals_in
from audits.pages.records import Page, ReadOnlyAdmin
from audits.pages.sections import Facts, name_of, timeline_of
from lineage import errors as lineage_errors
from lineage.models import Node
from training import errors
from training.actions import attest_gone
from training.evidence import EvidenceClass, closes, refusal_of
from training.models import Attestation
from training.queries import foreign_versions


class Attesting(Because):
    """Asks which version is gone, by what evidence, and why."""

    version: forms.ModelChoiceField[Node] = forms.ModelChoiceField(
        queryset=foreign_versions(), label="Model version", widget=UnfoldAdminSelectWidget()
    )
    evidence_class = forms.ChoiceField(
        choices=[(one.value, one.value) for one in EvidenceClass],
        initial=EvidenceClass.RETIRED.value,
        label="What was done",
        help_text="Certified and approximate removals are kept on record and close nothing.",
        widget=UnfoldAdminSelectWidget(),
    )
    evidence_digest = forms.RegexField(
        regex=r"\A[0-9a-f]{64}\Z",
        label="Digest of the evidence",
        help_text="SHA-256, hexadecimal, of the document that you keep.",
        widget=UnfoldAdminTextInputWidget(),
    )


QUESTION = Confirmation(
    title="Attest that another tool's model is gone",
    sentence="Requests that only waited for it are completed. Their certificates say that you "
    "attested it, and that Lethe has not proven it.",
    button="Attest it",
    form=Attesting,
    grave=True,
)


@admin.register(Attestation)
class AttestationAdmin(ReadOnlyAdmin):
    seen_by = BUILDERS
    list_display = ("named", "became", "attested", "attester")
    list_select_related = ("node",)
    ordering = ("-attested_at",)
    refusals = refusals_in(errors, lineage_errors)
    actions_list = ("attest",)
    empty_sentence = "Nothing was ever attested."

    @admin.display(description="Model version", ordering="node__name")
    def named(self, row: Attestation) -> str:
        return str(row.node)

    @admin.display(description="Evidence", ordering="evidence_class")
    def became(self, row: Attestation) -> SafeString:
        return _badge(row)

    @admin.display(description="Attested", ordering="attested_at")
    def attested(self, row: Attestation) -> SafeString:
        return moment(row.attested_at)

    @admin.display(description="By", ordering="attested_by")
    def attester(self, row: Attestation) -> str:
        return row.attested_by

    @button(description="Attest a model gone", icon="verified_user")
    def attest(self, request: HttpRequest) -> HttpResponse:
        """Attest that a model version of another tool is gone."""
        return ask(
            request,
            self.admin_site,
            confirmation=QUESTION,
            do=lambda said: _attest(request, said["version"], said),
            back=reverse("admin:training_attestation_changelist"),
            refusals=self.refusals,
            context={"opts": self.opts},
        )

    @override
    def page(self, row: Attestation, *, request: HttpRequest, now: datetime) -> Page:
        return Page(
            title=str(row.node),
            badges=[_badge(row)],
            lead=refusal_of(EvidenceClass(row.evidence_class)) or row.reason,
            sections=[
                Facts(
                    title="Attested, not proven by Lethe",
                    rows=[
                        ("Reason", row.reason),
                        ("Evidence", row.evidence_class),
                        ("By", name_of(row.attested_by)),
                        ("At", moment(row.attested_at)),
                        ("Digest of the evidence", row.evidence_digest),
                    ],
                ),
                timeline_of(trail.timeline(f"model/{row.node.name}")),
            ],
        )


def _attest(request: HttpRequest, node: Node, said: Mapping[str, Any]) -> str:
    evidence = EvidenceClass(said["evidence_class"])
    attest_gone(
        model=node.name,
        version=node.version,
        reason=said["reason"],
        evidence_class=evidence,
        evidence_digest=said["evidence_digest"],
        actor=actor_of(request),
        now=timezone.now(),
    )
    if refusal := refusal_of(evidence):
        return f"Kept on record for {node}, which still counts: {refusal}."
    return f"{node} is attested gone."


def _badge(row: Attestation) -> SafeString:
    if closes(EvidenceClass(row.evidence_class)):
        return badge("attested gone")
    return badge(f"{row.evidence_class}: closes nothing", Tone.BAD)
