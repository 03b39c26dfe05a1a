"""To whom data and models were passed on, how they can be told, and how that stands."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.enums import ActionVariant
from unfold.widgets import (
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from audits import queries as trail
from audits.pages.access import actor_of
from audits.pages.cells import NOTHING, Tone, ago, badge, link, moment, number
from audits.pages.confirmations import Because, Confirmation, ask, button, choice, refusals_in
from audits.pages.records import Figure, Page, ReadOnlyAdmin
from audits.pages.sections import Facts, Table, Words, name_of, timeline_of
from audits.permissions import Role
from deletion import errors
from deletion.actions.recipients import (
    ask_test,
    declare_recipient,
    disable_recipient,
    enable_recipient,
)
from deletion.admin.clocks import outcome_of, request_link
from deletion.models import Recipient, Telling
from deletion.queries.recipients import callback_key_of, callback_url_of, recipients_seen
from deletion.queries.targets import recipient_target
from deletion.telling import BY_HTTP, Way
from lineage import errors as lineage_errors
from training import errors as training_errors

_SHOWN = 100  # tellings on the page of a recipient


class Declaring(forms.Form):
    """Asks how a recipient can be told."""

    name = forms.CharField(
        max_length=100,
        label="Recipient",
        help_text="By the name under which the passing on is registered.",
        widget=UnfoldAdminTextInputWidget(),
    )
    way = choice("How it is told", [(way.value, way.value) for way in Way])
    url = forms.CharField(
        max_length=500,
        required=False,
        label="Address",
        help_text="https only. Of a webhook the whole address; of a processor its OpenDSR base.",
        widget=UnfoldAdminTextInputWidget(),
    )
    namespaces = forms.CharField(
        required=False,
        label="Identifiers that are sent",
        help_text="One a line, ours=theirs, such as email=email. They are sent as SHA-256.",
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
    )
    waits_for_answer = forms.BooleanField(
        required=False,
        label="Told only when it answers that it is done (OpenDSR)",
        widget=UnfoldBooleanSwitchWidget(),
    )

    callback_key = forms.CharField(
        required=False,
        max_length=16 * 1024,
        label="Key of its callbacks (OpenDSR)",
        help_text="Certificate or public key, PEM. With it, it may say by itself how far it is.",
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
    )

    def clean_namespaces(self) -> dict[str, str]:
        """Read the lines."""
        lines = [line.strip() for line in self.cleaned_data["namespaces"].splitlines()]
        pairs = [re.split(r"\s*=\s*", line, maxsplit=1) for line in lines if line]
        return {ours: rest[0] if rest else ours for ours, *rest in pairs}


DECLARATION = Confirmation(
    title="Declare how a recipient can be told",
    sentence="It replaces what was declared before. Whatever could not be told until now is tried "
    "at once.",
    button="Declare it",
    form=Declaring,
    grave=True,
)


@admin.register(Recipient)
class RecipientAdmin(ReadOnlyAdmin):
    tells_about = "recipient"
    tells_by = "name"
    decided_by = frozenset({Role.ADMINISTRATOR})
    refusals = refusals_in(errors, lineage_errors, training_errors)
    list_display = ("name", "standing", "way_shown", "told", "waiting", "failing", "excused")
    ordering = ("name",)
    actions_list = ("declare",)
    actions_detail = ("test", "disable", "enable")
    empty_sentence = "Nothing was passed on to anybody yet, and nobody is declared."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Recipient]:
        return recipients_seen()

    @override
    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "name" or bool(super().lookup_allowed(lookup, value, request))

    @admin.display(description="Standing")
    def standing(self, row: Any) -> SafeString:
        if not row.way:
            return badge("not declared", Tone.BAD if row.waiting or row.failing else Tone.WARN)
        if row.disabled_at:
            return badge("disabled", Tone.BAD)
        if row.failing:
            return badge("failing", Tone.BAD)
        if row.waiting:
            return badge("waiting", Tone.BUSY)
        return badge("told", Tone.GOOD) if row.told else badge("nothing to tell")

    @admin.display(description="Told by", ordering="way")
    def way_shown(self, row: Recipient) -> str | SafeString:
        return row.way or NOTHING

    @admin.display(description="Told")
    def told(self, row: Any) -> str:
        return number(row.told)

    @admin.display(description="Waiting")
    def waiting(self, row: Any) -> str:
        return number(row.waiting)

    @admin.display(description="Cannot be told")
    def failing(self, row: Any) -> str:
        return number(row.failing)

    @admin.display(description="Excused")
    def excused(self, row: Any) -> str:
        return number(row.excused)

    @override
    def offers(self, row: Recipient) -> frozenset[str]:
        if row.way not in BY_HTTP:
            return frozenset()
        return frozenset({"enable" if row.disabled_at else "disable", "test"})

    @override
    def page(self, row: Any, *, request: HttpRequest, now: datetime) -> Page:
        everything = (
            f"{reverse('admin:deletion_telling_changelist')}"
            f"?share__obligation__recipient__id__exact={row.pk}"
        )
        return Page(
            title=row.name,
            badges=[self.standing(row)],
            figures=[
                Figure(label="Told", value=number(row.told)),
                Figure(label="Waiting", value=number(row.waiting)),
                Figure(
                    label="Cannot be told",
                    value=number(row.failing),
                    tone="bad" if row.failing else "good",
                ),
                Figure(label="Excused", value=number(row.excused)),
            ],
            links=[("Everything it was told", everything)],
            sections=[
                *_warnings(row),
                Facts(
                    title="How it is told",
                    rows=[
                        ("By", row.way or NOTHING),
                        ("Address", row.url or NOTHING),
                        ("Identifiers", _namespaces(row)),
                        ("Told when", _told_when(row)),
                        ("Declared by", name_of(row.declared_by) if row.declared_by else NOTHING),
                        ("Declared", moment(row.declared_at)),
                        ("Test message", _test(row, now)),
                        ("Callbacks", _callbacks(row, now)),
                    ],
                ),
                _tellings(row),
                timeline_of(trail.timeline(recipient_target(row.name))[-_SHOWN:]),
            ],
        )

    @button(description="Declare a recipient", icon="forward_to_inbox")
    def declare(self, request: HttpRequest) -> HttpResponse:
        """Declare how a recipient can be told."""
        return ask(
            request,
            self.admin_site,
            confirmation=DECLARATION,
            do=lambda said: _declare(request, said),
            back=reverse("admin:deletion_recipient_changelist"),
            refusals=self.refusals,
            context={"opts": self.opts},
        )

    @button(description="Send a test message", icon="send", variant=ActionVariant.PRIMARY)
    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send a message that names nobody."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"Send a test message to {row.name}",
                sentence="It names nobody. How it went stands on this page a moment later.",
                button="Send it",
            ),
            do=lambda row, _: _test_it(request, row),
        )

    @button(description="Disable", icon="pause_circle", variant=ActionVariant.DANGER)
    def disable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send nothing until it is enabled again."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"Send nothing to {row.name}",
                sentence="Requests that reached it stay open, and people are asked to tell it.",
                button="Disable it",
                form=Because,
                grave=True,
            ),
            do=lambda row, said: _disable(request, row, said),
        )

    @button(description="Enable", icon="play_circle", variant=ActionVariant.PRIMARY)
    def enable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send again what waits."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"Send to {row.name} again",
                sentence="Whatever could not be told until now is tried at once.",
                button="Enable it",
            ),
            do=lambda row, _: _enable(request, row),
        )


def _warnings(row: Any) -> list[Words]:
    if row.disabled_at:
        return [Words(title="Nothing is sent", text=row.disabled_because, tone="bad")]
    if not row.way and (row.waiting or row.failing):
        return [
            Words(
                title="Nobody declared how it can be told",
                text="An administrator declares it, or an officer tells it and records that for "
                "each request below.",
                tone="bad",
            )
        ]
    return []


def _namespaces(row: Recipient) -> str | SafeString:
    said = [
        ours if ours == theirs else f"{ours} as {theirs}" for ours, theirs in row.namespaces.items()
    ]
    return ", ".join(said) or NOTHING


def _told_when(row: Recipient) -> str | SafeString:
    match row.way:
        case Way.WEBHOOK:
            return "it accepts the message"
        case Way.OPENDSR:
            return "it answers completed" if row.waits_for_answer else "it accepts the request"
        case Way.BY_HAND:
            return "an officer records it"
        case _:
            return NOTHING


def _callbacks(row: Recipient, now: datetime) -> str | SafeString:
    """Say where a processor may call back, and how long its certificate lets it."""
    if not row.callback_key:
        return NOTHING
    key = callback_key_of(row)
    if not key.is_valid(now):
        return badge("its certificate is not valid: it is asked, and cannot call", Tone.BAD)
    until = f", until {key.valid_until:%Y-%m-%d}" if key.valid_until else ""
    where = callback_url_of(row) or "nowhere: PUBLIC_URL is not set"
    return f"{where}; signed by key {key.digest[:16]}…{until}"


def _test(row: Recipient, now: datetime) -> str | SafeString:
    if row.test_asked_at and (row.tested_at is None or row.tested_at < row.test_asked_at):
        return badge("on its way", Tone.BUSY)
    if row.tested_at is None:
        return NOTHING
    said = row.test_trouble or f"went well, status {row.test_status}"
    return badge(f"{said}, {ago(row.tested_at, now)}", Tone.BAD if row.test_trouble else Tone.GOOD)


def _tellings(row: Recipient) -> Table:
    rows = (
        Telling.objects.filter(share__obligation__recipient=row)
        .select_related("share")
        .order_by("-share__pk")[:_SHOWN]
    )
    return Table(
        title="Requests",
        note=f"The newest {_SHOWN} at most.",
        headers=["Request", "Outcome", "Told", "Attempts", "Status", "Answer", ""],
        rows=[
            [
                request_link(each.share.request_id),
                outcome_of(each.share.outcome, run=None),
                moment(each.told_at),
                number(each.attempts),
                str(each.status) if each.status else NOTHING,
                each.answer or NOTHING,
                link("open", reverse("admin:deletion_telling_change", args=[each.pk])),
            ]
            for each in rows
        ],
        empty="No request reached it.",
    )


def _declare(request: HttpRequest, said: Mapping[str, Any]) -> str:
    recipient = declare_recipient(
        name=said["name"],
        way=Way(said["way"]),
        url=said["url"],
        namespaces=said["namespaces"],
        waits_for_answer=said["waits_for_answer"],
        callback_key=said["callback_key"],
        actor=actor_of(request),
        now=timezone.now(),
    )
    return f"{recipient.name} is declared."


def _test_it(request: HttpRequest, row: Recipient) -> str:
    ask_test(recipient=row.name, actor=actor_of(request), now=timezone.now())
    return "The test message goes out with the next sweep."


def _disable(request: HttpRequest, row: Recipient, said: Mapping[str, Any]) -> str:
    disable_recipient(
        recipient=row.name, because=said["reason"], actor=actor_of(request), now=timezone.now()
    )
    return "Nothing is sent any more."


def _enable(request: HttpRequest, row: Recipient) -> str:
    enable_recipient(recipient=row.name, actor=actor_of(request), now=timezone.now())
    return "It is sent to again."
