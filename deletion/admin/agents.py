"""Authorised agents, whose signature is taken for a person's demand."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextInputWidget

from audits import queries as trail
from audits.pages.access import actor_of
from audits.pages.cells import NOTHING, Tone, badge, moment, number
from audits.pages.confirmations import Because, Confirmation, ask, button, choice, refusals_in
from audits.pages.records import Figure, Page, ReadOnlyAdmin
from audits.pages.sections import Facts, Table, Words, name_of, timeline_of
from audits.permissions import Role
from deletion import errors
from deletion.actions import declare_agent, disable_agent, enable_agent
from deletion.admin.clocks import request_link
from deletion.models import Agent, SignedDemand
from deletion.queries.agents import agents_seen
from deletion.regimes import REGIMES
from lineage import errors as lineage_errors

_SHOWN = 100  # requests on the page of an agent


def _line(label: str, hint: str, *, longest: int = 100, required: bool = True) -> forms.CharField:
    return forms.CharField(
        max_length=longest,
        label=label,
        help_text=hint,
        required=required,
        widget=UnfoldAdminTextInputWidget(),
    )


class Declaring(forms.Form):
    """Asks whose signature is taken."""

    agent = _line("Agent", "Its id in the network's directory.", longest=50)
    name = _line("Organisation", "Its name.")
    public_key = _line("Public key", "The directory's verify_key: Ed25519, in base64.", longest=64)
    email_namespace = _line(
        "E-mail addresses", "The namespace that a verified email means here.", required=False
    )
    phone_namespace = _line(
        "Phone numbers",
        "The namespace that a verified phone number means here, written in E.164.",
        required=False,
    )
    regime = choice("Law of requests that name none", [(name, name) for name in sorted(REGIMES)])


DECLARATION = Confirmation(
    title="Declare an authorised agent",
    sentence="Whatever it signs is taken for the demand of the person it names. It replaces what "
    "was declared before; with another key the agent has to set up a new token.",
    button="Declare it",
    form=Declaring,
    grave=True,
)


@admin.register(Agent)
class AgentAdmin(ReadOnlyAdmin):
    tells_about = "agent"
    tells_by = "code"
    decided_by = frozenset({Role.ADMINISTRATOR})
    refusals = refusals_in(errors, lineage_errors)
    list_display = ("code", "name", "standing", "requests", "open_requests")
    ordering = ("code",)
    actions_list = ("declare",)
    actions_detail = ("disable", "enable")
    empty_sentence = "No agent is declared: requests come from your own systems only."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Agent]:
        return agents_seen()

    @override
    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "code" or bool(super().lookup_allowed(lookup, value, request))

    @admin.display(description="Standing")
    def standing(self, row: Agent) -> SafeString:
        if row.disabled_at:
            return badge("disabled", Tone.BAD)
        if not settings.DRP_BUSINESS_ID:
            return badge("not listened to", Tone.WARN)
        if row.token_until is None or row.token_until <= timezone.now():
            return badge("has no token", Tone.WARN)
        return badge("listened to", Tone.GOOD)

    @admin.display(description="Requests")
    def requests(self, row: Any) -> str:
        return number(row.requests)

    @admin.display(description="Of them open")
    def open_requests(self, row: Any) -> str:
        return number(row.open_requests)

    @override
    def offers(self, row: Agent) -> frozenset[str]:
        return frozenset({"enable" if row.disabled_at else "disable"})

    @override
    def page(self, row: Any, *, request: HttpRequest, now: datetime) -> Page:
        return Page(
            title=row.code,
            badges=[self.standing(row)],
            figures=[
                Figure(label="Requests", value=number(row.requests)),
                Figure(label="Of them open", value=number(row.open_requests)),
            ],
            sections=[
                *_warnings(row),
                Facts(
                    title="Whose signature is taken",
                    rows=[
                        ("Organisation", row.name),
                        ("Public key", row.public_key),
                        ("E-mail addresses are", row.email_namespace_id or NOTHING),
                        ("Phone numbers are", row.phone_namespace_id or NOTHING),
                        ("Law of requests that name none", row.regime),
                        ("Declared by", name_of(row.declared_by)),
                        ("Declared", moment(row.declared_at)),
                        ("Token valid until", moment(row.token_until)),
                    ],
                ),
                _requests(row),
                timeline_of(trail.timeline(f"agent/{row.code}")[-_SHOWN:]),
            ],
        )

    @button(description="Declare an agent", icon="support_agent")
    def declare(self, request: HttpRequest) -> HttpResponse:
        """Declare whose signature is taken."""
        return ask(
            request,
            self.admin_site,
            confirmation=DECLARATION,
            do=lambda said: _declare(request, said),
            back=reverse("admin:deletion_agent_changelist"),
            refusals=self.refusals,
            context={"opts": self.opts},
        )

    @button(description="Disable", icon="pause_circle", variant=ActionVariant.DANGER)
    def disable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take nothing from it until it is enabled again."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"Take nothing from {row.code}",
                sentence="Its token is worthless from now on. What it asked for goes on: cancel or "
                "deny what should not.",
                button="Disable it",
                form=Because,
                grave=True,
            ),
            do=lambda row, said: _disable(request, row, said),
        )

    @button(description="Enable", icon="play_circle", variant=ActionVariant.PRIMARY)
    def enable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take its messages again."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"Listen to {row.code} again",
                sentence="It has to set up a new token first.",
                button="Enable it",
            ),
            do=lambda row, _: _enable(request, row),
        )


def _warnings(row: Agent) -> list[Words]:
    if row.disabled_at:
        return [Words(title="Nothing is taken from it", text=row.disabled_because, tone="bad")]
    return []


def _requests(row: Agent) -> Table:
    rows = SignedDemand.objects.filter(agent=row).select_related("request").order_by("-pk")[:_SHOWN]
    return Table(
        title="Requests",
        note=f"The newest {_SHOWN} at most.",
        headers=["Request", "State", "Received", "The agent's own id"],
        rows=[
            [
                request_link(each.request_id),
                each.request.state,
                moment(each.request.received_at),
                each.agent_request_id or NOTHING,
            ]
            for each in rows
        ],
        empty="It asked for nobody yet.",
    )


def _declare(request: HttpRequest, said: Mapping[str, Any]) -> str:
    row = declare_agent(**said, actor=actor_of(request), now=timezone.now())
    return f"{row.code} is declared."


def _disable(request: HttpRequest, row: Agent, said: Mapping[str, Any]) -> str:
    disable_agent(
        agent=row.code, because=said["reason"], actor=actor_of(request), now=timezone.now()
    )
    return "Nothing is taken from it any more."


def _enable(request: HttpRequest, row: Agent) -> str:
    enable_agent(agent=row.code, actor=actor_of(request), now=timezone.now())
    return "It is listened to again."
