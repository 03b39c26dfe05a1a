"""What recipients were told about requests, and what an officer may record or try again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSplitDateTimeWidget, UnfoldAdminTextInputWidget

from audits import queries as trail
from audits.pages.access import OFFICERS, actor_of
from audits.pages.cells import NOTHING, badge, code, moment, number, row_link
from audits.pages.confirmations import Because, Confirmation, button, choice, refusals_in
from audits.pages.records import Page, ReadOnlyAdmin
from audits.pages.sections import Facts, name_of, timeline_of
from deletion import errors
from deletion.actions.evidence import attach_evidence
from deletion.actions.tellings import excuse, record_told, retry_telling
from deletion.admin.clocks import outcome_of, request_link, with_note
from deletion.admin.told import ANSWER_TONES, callbacks_of, deliveries_of, documents_of
from deletion.models import Telling
from deletion.queries.targets import recipient_target
from deletion.states import ENDED_WELL, OPEN_OUTCOMES, Outcome, RequestState
from deletion.telling import AWAITED, WORD, Answer, Ground


class Recording(forms.Form):
    """Asks how and when a recipient was told, and what proves it."""

    told_by = forms.RegexField(
        regex=rf"\A{WORD.pattern}\Z",
        label="How they were told",
        help_text="One word, such as registered-letter. It stands in the certificate.",
        widget=UnfoldAdminTextInputWidget(),
    )
    told_at = forms.SplitDateTimeField(
        label="When they were told", widget=UnfoldAdminSplitDateTimeWidget()
    )
    proof_digest = forms.RegexField(
        regex=r"\A[0-9a-f]{64}\Z",
        label="Digest of the proof",
        required=False,
        help_text="SHA-256, hexadecimal, of what you keep: their answer, a receipt, a certificate.",
        widget=UnfoldAdminTextInputWidget(),
    )


class Attaching(forms.Form):
    """Asks what a document is called, and for its digest."""

    name = forms.RegexField(
        regex=rf"\A{WORD.pattern}\Z",
        label="What the document is",
        help_text="One word, such as certificate-of-destruction. It stands in the trail.",
        widget=UnfoldAdminTextInputWidget(),
    )
    digest = forms.RegexField(
        regex=r"\A[0-9a-f]{64}\Z",
        label="Digest of the document",
        help_text="SHA-256, hexadecimal. You keep the document itself; Lethe never sees it.",
        widget=UnfoldAdminTextInputWidget(),
    )


class Excusing(Because):
    """Asks why a recipient need not be told."""

    field_order = ("ground", "reason")
    ground = choice(
        "Ground (GDPR Art. 19)", [(ground.value, ground.value.capitalize()) for ground in Ground]
    )


@admin.register(Telling)
class TellingAdmin(ReadOnlyAdmin):
    decided_by = OFFICERS
    refusals = refusals_in(errors)
    list_display = (
        "recipient",
        "request_shown",
        "outcome",
        "answer_shown",
        "told",
        "tries",
        "next",
    )
    list_filter = ("share__outcome", "answer", "share__obligation__recipient")
    list_select_related = ("share__request", "share__obligation__recipient")
    page_related = ("share__request", "share__obligation__recipient")
    ordering = ("share__obligation__due_at", "pk")
    actions_detail = ("record", "attach", "again", "excuse")
    empty_sentence = "Nobody had to be told of an erasure yet."

    @admin.display(description="Recipient", ordering="share__obligation__recipient__name")
    def recipient(self, row: Telling) -> str:
        return str(row.share.obligation.recipient)

    @admin.display(description="Request")
    def request_shown(self, row: Telling) -> SafeString:
        return request_link(row.share.request_id)

    @admin.display(description="Outcome", ordering="share__outcome")
    def outcome(self, row: Telling) -> SafeString:
        return outcome_of(row.share.outcome, run=None)

    @admin.display(description="Their answer", ordering="answer")
    def answer_shown(self, row: Telling) -> SafeString:
        return badge(row.answer, ANSWER_TONES[Answer(row.answer)]) if row.answer else NOTHING

    @admin.display(description="Told", ordering="told_at")
    def told(self, row: Telling) -> SafeString:
        return moment(row.told_at)

    @admin.display(description="Attempts", ordering="attempts")
    def tries(self, row: Telling) -> str:
        return number(row.attempts)

    @admin.display(description="Next attempt", ordering="not_before")
    def next(self, row: Telling) -> SafeString:
        ended = row.share.outcome not in OPEN_OUTCOMES and row.answer not in AWAITED
        return NOTHING if ended else moment(row.not_before)

    @override
    def offers(self, row: Telling) -> frozenset[str]:
        if row.share.outcome in ENDED_WELL:
            return frozenset({"attach"})
        if (
            row.share.outcome not in OPEN_OUTCOMES
            or row.share.request.state != RequestState.IN_PROGRESS
        ):
            return frozenset()
        stuck = row.share.outcome == Outcome.UNREACHABLE or row.attempts > 0
        return frozenset({"record", "excuse", *(["again"] if stuck else [])})

    @override
    def page(self, row: Telling, *, request: HttpRequest, now: datetime) -> Page:
        name = self.recipient(row)
        return Page(
            title=f"Telling {name}",
            badges=[self.outcome(row)],
            lead="GDPR Art. 19: whoever was given the data is told that it was erased, unless that "
            "is impossible or takes disproportionate effort.",
            sections=[
                Facts(
                    title="How it stands",
                    rows=[
                        ("Recipient", _link(row)),
                        ("Request", request_link(row.share.request_id)),
                        ("Due", moment(row.share.obligation.due_at)),
                        ("Outcome", with_note(self.outcome(row), row.share.note)),
                        ("Accepted by them", moment(row.sent_at)),
                        ("Their answer", self.answer_shown(row)),
                        ("Answered", moment(row.answered_at)),
                        ("They expect to be done", moment(row.expected_at)),
                        ("Told", moment(row.told_at)),
                        ("Told by", row.told_by or NOTHING),
                        ("Recorded by", name_of(row.recorded_by) if row.recorded_by else NOTHING),
                        (
                            "Digest of the proof",
                            code(row.proof_digest, shown=64) if row.proof_digest else NOTHING,
                        ),
                        ("Number of the message", code(str(row.pk), shown=36)),
                    ],
                ),
                *documents_of(row),
                *callbacks_of(row),
                deliveries_of(row),
                timeline_of(
                    [
                        entry
                        for entry in trail.timeline(recipient_target(name))
                        if entry.facts.get("telling") == str(row.pk)
                    ],
                    hidden={"telling", "request_id", "recipient"},
                ),
            ],
        )

    @button(
        description="Record that they were told", icon="task_alt", variant=ActionVariant.PRIMARY
    )
    def record(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Keep the officer's word that the recipient was told."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"Record that {self.recipient(row)} was told",
                sentence="The certificate will say that you recorded it, and that no message of "
                "Lethe's proves it.",
                button="Record it",
                form=Recording,
                grave=True,
            ),
            do=lambda row, said: _record(request, row, said),
        )

    @button(description="Attach a document", icon="attach_file", variant=ActionVariant.PRIMARY)
    def attach(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Keep the digest of a document that proves the telling."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"Attach a document about {self.recipient(row)}",
                sentence="Its name and digest stand in the trail and in reports. A certificate "
                "that is issued already is not changed: the document stands beside it.",
                button="Attach it",
                form=Attaching,
                grave=True,
            ),
            do=lambda row, said: _attach(request, row, said),
        )

    @button(description="Try again", icon="refresh")
    def again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send the message again, from the first attempt on."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"Tell {self.recipient(row)} again",
                sentence="The message gets all its attempts back and goes out at once, under the "
                "same number: a recipient that has it already can see that it is the same.",
                button="Let it try again",
            ),
            do=lambda row, _: _again(request, row),
        )

    @button(description="Need not be told", icon="block", variant=ActionVariant.DANGER)
    def excuse(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Keep the reason why the recipient need not be told."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"{self.recipient(row)} need not be told",
                sentence="Only where telling them is impossible or takes disproportionate effort. "
                "Ground and reason stand in the certificate, with your word for it.",
                button="Keep this reason",
                form=Excusing,
                grave=True,
            ),
            do=lambda row, said: _excuse(request, row, said),
        )


def _link(row: Telling) -> SafeString:
    recipient = row.share.obligation.recipient
    if recipient is None:
        return NOTHING
    return row_link(recipient.name, "deletion_recipient", recipient.pk)


def _record(request: HttpRequest, row: Telling, said: Mapping[str, Any]) -> str:
    record_told(
        telling_id=row.pk,
        told_by=said["told_by"],
        told_at=said["told_at"],
        proof_digest=said["proof_digest"],
        actor=actor_of(request),
        now=timezone.now(),
    )
    return "It is recorded."


def _attach(request: HttpRequest, row: Telling, said: Mapping[str, Any]) -> str:
    attach_evidence(
        telling_id=row.pk,
        name=said["name"],
        digest=said["digest"],
        actor=actor_of(request),
        now=timezone.now(),
    )
    return "It is attached."


def _again(request: HttpRequest, row: Telling) -> str:
    retry_telling(telling_id=row.pk, actor=actor_of(request), now=timezone.now())
    return "The message goes out with the next sweep."


def _excuse(request: HttpRequest, row: Telling, said: Mapping[str, Any]) -> str:
    excuse(
        telling_id=row.pk,
        ground=Ground(said["ground"]),
        reason=said["reason"],
        actor=actor_of(request),
        now=timezone.now(),
    )
    return "The reason is kept."
