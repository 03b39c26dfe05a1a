"""Stops: the switch that keeps every run of its scope from starting, and the two who lift it."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.enums import ActionVariant

from audits import queries as trail
from audits.pages.access import BUILDERS, username_of
from audits.pages.cells import Tone, badge, moment
from audits.pages.confirmations import ask, button
from audits.pages.records import Page, ReadOnlyAdmin
from audits.pages.sections import Facts, name_of, timeline_of
from training.admin.switch import (
    REFUSALS,
    confirm_lift,
    lift_question,
    propose,
    propose_question,
    pull,
    stop_pool_question,
    stop_question,
)
from training.models import Stop
from training.queries import EVERYTHING


@admin.register(Stop)
class StopAdmin(ReadOnlyAdmin):
    seen_by = BUILDERS
    list_display = ("scope", "standing", "raised", "raiser", "lifted")
    ordering = (F("lifted_at").desc(nulls_first=True), "-raised_at")
    tells_about = "stop"
    tells_by = "scope"
    refusals = REFUSALS
    actions_list = ("stop_everything", "stop_pool")
    actions_detail = ("propose_lift", "lift")
    empty_sentence = "Nothing was ever stopped."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Stop]:
        found: QuerySet[Stop] = super().get_queryset(request)
        return found.annotate(raiser_name=username_of("raised_by"))

    @admin.display(description="State", ordering="lifted_at")
    def standing(self, stop: Stop) -> SafeString:
        if stop.lifted_at:
            return badge("lifted")
        if stop.lift_proposed_by:
            return badge("stopped, lift proposed", Tone.WARN)
        return badge("stopped", Tone.BAD)

    @admin.display(description="Stopped", ordering="raised_at")
    def raised(self, stop: Stop) -> SafeString:
        return moment(stop.raised_at)

    @admin.display(description="By", ordering="raised_by")
    def raiser(self, stop: Any) -> str:
        return str(stop.raiser_name or stop.raised_by)

    @admin.display(description="Lifted", ordering="lifted_at")
    def lifted(self, stop: Stop) -> SafeString:
        return moment(stop.lifted_at)

    @override
    def offers(self, row: Stop) -> frozenset[str]:
        if row.lifted_at:
            return frozenset()
        return frozenset({"propose_lift", "lift"} if row.lift_proposed_by else {"propose_lift"})

    @button(description="Stop everything", icon="front_hand", variant=ActionVariant.DANGER)
    def stop_everything(self, request: HttpRequest) -> HttpResponse:
        """Stop every model at once."""
        return ask(
            request,
            self.admin_site,
            confirmation=stop_question(EVERYTHING),
            do=lambda said: pull(request, EVERYTHING, said),
            back=reverse("admin:training_stop_changelist"),
            refusals=self.refusals,
            context={"opts": self.opts},
        )

    @button(description="Stop a pool", icon="front_hand")
    def stop_pool(self, request: HttpRequest) -> HttpResponse:
        """Stop what one pool of machines would begin."""
        return ask(
            request,
            self.admin_site,
            confirmation=stop_pool_question(),
            do=lambda said: pull(request, said["scope"], said),
            back=reverse("admin:training_stop_changelist"),
            refusals=self.refusals,
            context={"opts": self.opts},
        )

    @button(description="Propose to lift", icon="lock_open")
    def propose_lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Propose, as the first of two people, to lift a stop."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: propose_question(row.scope),
            do=lambda row, _: propose(request, row.scope),
        )

    @button(description="Lift", icon="play_arrow", variant=ActionVariant.PRIMARY)
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lift a stop, as the second of two people."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: lift_question(row.scope),
            do=lambda row, _: confirm_lift(request, row.scope),
        )

    @override
    def page(self, row: Stop, *, request: HttpRequest, now: datetime) -> Page:
        return Page(
            title=f"Stop of {row.scope}",
            badges=[self.standing(row)],
            lead=row.reason,
            sections=[
                Facts(
                    title="Who did what",
                    rows=[
                        ("Stopped", moment(row.raised_at)),
                        ("By", name_of(row.raised_by)),
                        ("Lift proposed by", name_of(row.lift_proposed_by)),
                        ("Lifted", moment(row.lifted_at)),
                        ("Lifted by", name_of(row.lifted_by)),
                    ],
                ),
                timeline_of(trail.timeline(f"stop/{row.scope}")),
            ],
        )
