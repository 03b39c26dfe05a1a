"""Orders to give data up: what they reach, what is still there, and the two people's buttons."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.enums import ActionVariant
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
)

from audits import queries as trail
from audits.pages.access import actor_of, username_of
from audits.pages.cells import Tone, badge, code, moment, number, prose, state_badge
from audits.pages.confirmations import Because, Confirmation, ask, button, choice, refusals_in
from audits.pages.records import Figure, Page, ReadOnlyAdmin
from audits.pages.sections import Cell, Facts, Raw, Table, Words, name_of, timeline_of
from deletion import actions, errors
from deletion.admin.batches import repeat_of
from deletion.disgorgement import DAYS, Closure, NamedBy, OrderState, Standing, closure_from
from deletion.models import Disgorgement
from deletion.queries import disgorgement as queries
from deletion.sworn import document_of
from lineage import errors as lineage_errors
from training import errors as training_errors

_TONES: Final = {
    OrderState.PROPOSED: Tone.WARN,
    OrderState.APPROVED: Tone.BUSY,
    OrderState.CARRIED_OUT: Tone.GOOD,
    OrderState.REFUSED: Tone.CALM,
}
_LIST: Final = "admin:deletion_disgorgement_changelist"


class Proposing(Because):
    """Asks which data an order names, and what order that is."""

    named_by = choice("The order names a", [(one.value, one.value) for one in NamedBy])
    name = forms.CharField(max_length=100, widget=UnfoldAdminTextInputWidget())
    order = forms.CharField(
        max_length=100, label="Reference of the order", widget=UnfoldAdminTextInputWidget()
    )
    days = forms.IntegerField(
        min_value=1,
        max_value=3650,
        initial=DAYS,
        label="Days that the order gives",
        widget=UnfoldAdminIntegerFieldWidget(),
    )


PROPOSAL: Final = Confirmation(
    title="Propose to give data up",
    sentence="Everything that was made of it in whole or in part is listed. Nothing is touched"
    " before somebody else approves exactly that.",
    button="Propose it",
    form=Proposing,
)


@admin.register(Disgorgement)
class DisgorgementAdmin(ReadOnlyAdmin):
    tells_about = "disgorgement"
    refusals = refusals_in(errors, lineage_errors, training_errors)
    list_display = ("numbered", "standing", "data", "order", "due", "proposer", "decider")
    list_filter = ("state",)
    ordering = ("-pk",)
    actions_list = ("propose",)
    actions_detail = ("approve", "refuse", "look", "testify")
    empty_sentence = "Nobody was ever ordered to give data up."

    @override
    def get_queryset(self, request: HttpRequest) -> Any:
        found = super().get_queryset(request)
        return found.annotate(
            proposer_name=username_of("proposed_by"), decider_name=username_of("decided_by")
        )

    @admin.display(description="Disgorgement", ordering="pk")
    def numbered(self, row: Disgorgement) -> str:
        return f"Disgorgement {row.pk}"

    @admin.display(description="State", ordering="state")
    def standing(self, row: Disgorgement) -> SafeString:
        return state_badge(row.state, _TONES)

    @admin.display(description="Data")
    def data(self, row: Disgorgement) -> str:
        return f"{row.named_by} {row.name}"

    @admin.display(description="Due", ordering="due_at")
    def due(self, row: Disgorgement) -> SafeString:
        return moment(row.due_at)

    @admin.display(description="Proposed by")
    def proposer(self, row: Any) -> str:
        return str(row.proposer_name or row.proposed_by)

    @admin.display(description="Decided by")
    def decider(self, row: Any) -> str:
        return str(row.decider_name or row.decided_by or "—")

    @override
    def offers(self, row: Disgorgement) -> frozenset[str]:
        match OrderState(row.state):
            case OrderState.PROPOSED:
                return frozenset({"approve", "refuse"})
            case OrderState.APPROVED:
                return frozenset({"look", "testify"})
            case _:
                return frozenset()

    @override
    def page(self, row: Disgorgement, *, request: HttpRequest, now: datetime) -> Page:
        planned = closure_from(row.plan)
        is_open = row.state == OrderState.APPROVED
        found = queries.standings(row) if is_open else ()
        left = [one for one in found if not one.became.is_settled]
        text = document_of(queries.stated(row), signed_digest=row.statement_digest)
        return Page(
            title=f"Disgorgement {row.pk}: {row.named_by} {row.name}",
            badges=[self.standing(row)],
            lead=row.reason,
            figures=[
                Figure(label="Order", value=row.order),
                Figure(label="Due", value=moment(row.due_at)),
                Figure(label="Proposed by", value=name_of(row.proposed_by)),
                Figure(label="Decided by", value=name_of(row.decided_by)),
            ],
            sections=[
                *([_left(left)] if is_open else []),
                *closure_sections(row.digest, planned),
                *([_became(found)] if is_open else []),
                Raw(title="The statement for signature", text=text),
                timeline_of(trail.timeline(f"disgorgement/{row.pk}")),
            ],
        )

    @button(description="Propose to give data up", icon="gavel")
    def propose(self, request: HttpRequest) -> HttpResponse:
        """Propose, as the first of two people."""
        return ask(
            request,
            self.admin_site,
            confirmation=PROPOSAL,
            do=lambda said: _propose(request, said),
            back=reverse(_LIST),
            refusals=self.refusals,
            context={"opts": self.opts},
        )

    @button(description="Approve", icon="task_alt", variant=ActionVariant.PRIMARY)
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Approve exactly the plan that is shown, as the second of two people."""
        return self.confirm(
            request,
            object_id,
            question=_approval,
            do=lambda row, said: _approve(request, row, said),
        )

    @button(description="Refuse", icon="block")
    def refuse(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Refuse a proposal, or take one's own back."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"Refuse disgorgement {row.pk}",
                sentence="Nothing was touched, and nothing will be.",
                button="Refuse it",
            ),
            do=lambda row, _: _refuse(request, row),
        )

    @button(description="Look at the places", icon="search")
    def look(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Look whether the places are gone."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"Look at the places of disgorgement {row.pk}",
                sentence="Lethe looks whether they are gone. It drops no table and no folder"
                " itself: what else is in it, and who needs that, it cannot know. A place that"
                " is gone is from then on no trouble to a search for people.",
                button="Look now",
            ),
            do=lambda row, _: _look(request, row),
        )

    @button(description="Attest", icon="verified_user")
    def testify(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Attest that something is gone, or somebody told."""
        return self.confirm(
            request,
            object_id,
            question=_attesting,
            do=lambda row, said: _testify(request, row, said),
        )


def closure_sections(digest: str, closure: Closure) -> list[Facts | Table]:
    """Return what goes with the data, each with the way by which it was reached."""
    measured: list[list[Cell]] = [[prose(one)] for one in closure.measured]
    return [
        Facts(
            title="Digest of the plan",
            note="It names exactly this plan. If anything changes, the approval is refused.",
            rows=[("SHA-256", code(digest, shown=64))],
        ),
        Table(
            title="What goes with it",
            headers=["Thing", "How it was reached", "Files"],
            rows=[
                [item.key, _steps(item.way), number(len(item.files)) if item.files else "—"]
                for item in closure.items
            ],
            empty="Nothing.",
        ),
        Table(
            title="Only measured on it",
            headers=["Model version"],
            rows=measured,
            empty="Nothing was.",
        ),
    ]


def _steps(way: tuple[str, ...]) -> SafeString:
    return format_html_join("", "<div>{}</div>", [(step,) for step in way])


def _left(left: list[Standing]) -> Words:
    if not left:
        return Words(title="Still there", text="Nothing. The next look closes the order.")
    said = "; ".join(f"{one.item.key} ({one.became.what})" for one in left)
    return Words(title=f"Still there: {len(left)}", text=said, tone="warn")


def _became(found: tuple[Standing, ...]) -> Table:
    return Table(
        title="What has become of it",
        note="Read anew from lineage and from what was destroyed each time this page is opened.",
        headers=["Thing", "", "What has become of it", "When", "Evidence"],
        rows=[
            [
                one.item.key,
                badge("done", Tone.GOOD) if one.became.is_settled else badge("left", Tone.WARN),
                prose(one.became.what + (" (reached after the approval)" if one.is_late else "")),
                moment(one.became.at),
                code(one.became.evidence) if one.became.evidence else "—",
            ]
            for one in found
        ],
        empty="Nothing.",
    )


def _approval(row: Disgorgement) -> Confirmation:
    return Confirmation(
        title=f"Approve disgorgement {row.pk}",
        sentence="At once nothing more is registered, trained or drawn of this data, models that"
        " were made of it stop serving, and their files are destroyed. It cannot be taken back.",
        button="Approve this plan",
        form=repeat_of(row.digest),
        sections=closure_sections(row.digest, closure_from(row.plan)),
        grave=True,
    )


def _attesting(row: Disgorgement) -> Confirmation:
    left = [one.item.key for one in queries.standings(row) if not one.became.is_settled]

    class Attesting(Because):
        item = choice("What is gone, or who was told", [(key, key) for key in left])
        evidence_digest = forms.RegexField(
            regex=r"\A[0-9a-f]{64}\Z",
            label="Digest of the evidence",
            help_text="SHA-256, hexadecimal, of the document that you keep.",
            widget=UnfoldAdminTextInputWidget(),
        )

    return Confirmation(
        title=f"Attest for disgorgement {row.pk}",
        sentence="The statement says that you attested it, and that Lethe has not proven it. What"
        " Lethe destroys itself nobody attests.",
        button="Attest it",
        form=Attesting,
        grave=True,
    )


def _propose(request: HttpRequest, said: Mapping[str, Any]) -> str:
    row = actions.propose_disgorgement(
        named_by=NamedBy(said["named_by"]),
        name=said["name"],
        order=said["order"],
        reason=said["reason"],
        days=said["days"],
        actor=actor_of(request),
        now=timezone.now(),
    )
    return f"Disgorgement {row.pk} is proposed; somebody else has to approve it."


def _approve(request: HttpRequest, row: Disgorgement, said: Mapping[str, Any]) -> str:
    actions.approve_disgorgement(
        disgorgement_id=row.pk,
        seen_digest=said["seen_digest"],
        actor=actor_of(request),
        now=timezone.now(),
    )
    return f"Disgorgement {row.pk} is approved; the next sweep destroys the files."


def _refuse(request: HttpRequest, row: Disgorgement) -> str:
    actions.refuse_disgorgement(disgorgement_id=row.pk, actor=actor_of(request), now=timezone.now())
    return f"Disgorgement {row.pk} is refused."


def _look(request: HttpRequest, row: Disgorgement) -> str:
    gone = queries.places_seen_gone(row)  # reads files: never inside a transaction
    actions.note_places_gone(
        disgorgement_id=row.pk, store_ids=gone, actor=actor_of(request), now=timezone.now()
    )
    return f"{len(gone)} places were seen gone."


def _testify(request: HttpRequest, row: Disgorgement, said: Mapping[str, Any]) -> str:
    actions.testify(
        disgorgement_id=row.pk,
        item=said["item"],
        reason=said["reason"],
        evidence_digest=said["evidence_digest"],
        actor=actor_of(request),
        now=timezone.now(),
    )
    return f"{said['item']} is attested."
