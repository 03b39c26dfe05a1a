"""The list of deletion requests, and what an officer may decide about one."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, Count, F, Q, QuerySet, When
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.enums import ActionVariant

from audits.pages.access import OFFICERS
from audits.pages.cells import badge, moment
from audits.pages.confirmations import Confirmation, button, refusals_in
from audits.pages.records import Page, ReadOnlyAdmin
from deletion import errors
from deletion.admin import decisions, links
from deletion.admin.batches import approval_of, approve
from deletion.admin.clocks import (
    NEXT_DUE,
    OPEN_STATES,
    STOPPED,
    TICKING,
    is_late,
    left_of,
    next_due,
    short,
    state_of,
)
from deletion.admin.request_page import page_of
from deletion.models import Certificate, DeletionRequest
from deletion.queries.links import may_be_undone
from deletion.queries.requests import may_be_extended, may_be_paused
from deletion.regimes import REGIMES
from deletion.states import ENDED_WELL, MOVES, RequestState
from lineage import errors as lineage_errors

_SOON: Final = timedelta(days=7)


class Due(admin.SimpleListFilter):
    """How the requests stand that are still open."""

    title = "due date"
    parameter_name = "due"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("overdue", "Overdue"),
            ("held", "Held, past its date"),
            ("soon", "Due in 7 days"),
            ("open", "Every open one"),
        ]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = timezone.now()
        still_open = queryset.filter(state__in=OPEN_STATES)
        running = queryset.filter(state__in=TICKING)
        match self.value():
            case "overdue":
                return queryset.filter(is_late(now))
            case "held":
                return queryset.filter(state=RequestState.HELD, next_due__lt=now)
            case "soon":
                return running.filter(next_due__gte=now, next_due__lt=now + _SOON)
            case "open":
                return still_open
            case _:
                return queryset


class State(admin.SimpleListFilter):
    """What is true of the requests now."""

    title = "state"
    parameter_name = "state"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state.value, state.value.capitalize()) for state in RequestState]

    @override
    def queryset(
        self, request: HttpRequest, queryset: QuerySet[DeletionRequest]
    ) -> QuerySet[DeletionRequest]:
        return queryset.filter(state=self.value()) if self.value() else queryset


class Law(admin.SimpleListFilter):
    """The declared regimes."""

    title = "regime"
    parameter_name = "regime"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name.upper()) for name in sorted(REGIMES)]

    @override
    def queryset(
        self, request: HttpRequest, queryset: QuerySet[DeletionRequest]
    ) -> QuerySet[DeletionRequest]:
        return queryset.filter(regime=self.value()) if self.value() else queryset


@admin.register(DeletionRequest)
class DeletionRequestAdmin(ReadOnlyAdmin):
    tells_about = "request"
    decided_by = OFFICERS
    refusals = refusals_in(errors, lineage_errors)
    list_display = ("number", "state_shown", "law", "received", "due", "left", "targets")
    list_filter = (State, Due, Law)
    list_select_related = ("batch",)
    page_related = ("batch",)
    actions_detail = (
        "approve",
        "hold",
        "release",
        "pause",
        "end_pause",
        "unmerge",
        "undo_link",
        "extend",
        "deny",
        "cancel",
    )
    list_before_template = "officers/request_views.html"
    empty_sentence = "Nobody has asked to be deleted yet. Requests arrive over the API."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[DeletionRequest]:
        found: QuerySet[DeletionRequest] = super().get_queryset(request)
        return found.annotate(
            next_due=NEXT_DUE,
            targets_all=Count("shares"),
            targets_ended=Count(
                "shares",
                filter=Q(shares__outcome__in=sorted(outcome.value for outcome in ENDED_WELL)),
            ),
        )

    @override
    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        # What is still open comes first, the most urgent on top; then the newest of the rest.
        closed = Case(When(state__in=OPEN_STATES, then=0), default=1)
        return (closed.asc(), NEXT_DUE.asc(), F("received_at").desc())

    @admin.display(description="Request")
    def number(self, request: DeletionRequest) -> SafeString:
        return format_html('<span title="{}">{}</span>', request.pk, short(request.pk))

    @admin.display(description="State", ordering="state")
    def state_shown(self, request: DeletionRequest) -> SafeString:
        return state_of(request)

    @admin.display(description="Regime", ordering="regime")
    def law(self, request: DeletionRequest) -> str:
        return request.regime.upper()

    @admin.display(description="Received", ordering="received_at")
    def received(self, request: DeletionRequest) -> SafeString:
        return moment(request.received_at)

    @admin.display(description="Due", ordering="next_due")
    def due(self, request: DeletionRequest) -> SafeString:
        if request.state in STOPPED:
            return badge("withdrawn" if request.cancelled_at else "refused")
        what, due_at = next_due(request)
        return format_html(
            '<span class="lt-stack">{}<span class="lt-quiet">{}</span></span>', moment(due_at), what
        )

    @admin.display(description="Time left")
    def left(self, request: DeletionRequest) -> SafeString:
        return left_of(request, now=timezone.now())

    @admin.display(description="Targets")
    def targets(self, request: Any) -> SafeString | str:
        if not request.targets_all:
            return badge("not planned")
        return f"{request.targets_ended} of {request.targets_all}"

    @override
    def page(self, row: DeletionRequest, *, request: HttpRequest, now: datetime) -> Page:
        return page_of(row, now=now)

    @override
    def offers(self, row: DeletionRequest) -> frozenset[str]:
        onward = MOVES[RequestState(row.state)]
        held = row.state == RequestState.HELD
        return frozenset(
            name
            for name, is_possible in {
                "approve": row.state == RequestState.PLANNED and row.batch_id is not None,
                "hold": RequestState.HELD in onward and row.behind_id is None,
                "release": held,
                "pause": RequestState.PAUSED in onward and may_be_paused(row, now=timezone.now()),
                "end_pause": row.state == RequestState.PAUSED,
                "extend": may_be_extended(row, now=timezone.now()),
                "unmerge": row.state == RequestState.MERGED and row.erased_at is None,
                "undo_link": may_be_undone(row),
                "deny": RequestState.DENIED in onward,
                "cancel": RequestState.CANCELLED in onward,
            }.items()
            if is_possible
        )

    @override
    def get_urls(self) -> list[URLPattern]:
        certificate = path(
            "<uuid:request_id>/certificate.json",
            self.admin_site.admin_view(self.certificate),
            name="deletion_deletionrequest_certificate",
        )
        return [certificate, *super().get_urls()]

    def certificate(self, request: HttpRequest, request_id: Any) -> HttpResponse:
        """Hand out the signed certificate of a finished request."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = Certificate.objects.filter(request=request_id).first()
        if found is None:
            raise Http404
        name = f"certificate-{request_id}.json"
        return JsonResponse(
            found.envelope, headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )

    @button(
        description="Approve plan",
        icon="task_alt",
        variant=ActionVariant.PRIMARY,
    )
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Approve the plan that the request is part of."""
        if not DeletionRequest.objects.filter(pk=object_id, batch__isnull=False).exists():
            messages.error(request, "There is no plan to approve: the request is not in a batch.")
            return redirect("admin:deletion_deletionrequest_change", object_id)
        return self.confirm(
            request,
            object_id,
            question=lambda row: approval_of(row.batch),
            do=lambda row, said: approve(request, row.batch, said),
        )

    @button(description="Place hold", icon="gavel")
    def hold(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Keep the request back on a ground that its regime knows."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"Place a hold on request {short(row.pk)}",
                sentence="Work on the request stops until somebody else releases the hold. Its "
                "clocks go on and stay visible. What was erased before stays erased.",
                button="Place the hold",
                form=decisions.hold_form(row.regime),
                sections=[decisions.standing(row)],
            ),
            do=lambda row, said: decisions.hold(request, row, said),
        )

    @button(description="Release hold", icon="lock_open")
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let a held request go on."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"Release the hold on request {short(row.pk)}",
                sentence="The request goes on where it was. You cannot release a hold that you "
                "placed yourself.",
                button="Release the hold",
                sections=[decisions.standing(row)],
            ),
            do=lambda row, _: decisions.release(request, row),
        )

    @button(description="Pause", icon="pause_circle")
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Stop the clocks while the person is asked for something."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"Pause request {short(row.pk)}",
                sentence="Both clocks stand still from when the person was asked until they "
                "answer, and nobody works on the request. A plan that it is part of is made anew.",
                button="Stop the clocks",
                form=decisions.pause_form(row.regime),
                sections=[decisions.standing(row)],
            ),
            do=lambda row, said: decisions.pause(request, row, said),
        )

    @button(description="End pause", icon="play_circle")
    def end_pause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the clocks go on since the person answered."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"End the pause of request {short(row.pk)}",
                sentence="The person has answered. Both dates are later by exactly as long as the "
                "answer took, and the request is planned. If there is no answer, cancel it.",
                button="Let the clocks go on",
                form=decisions.Answer,
                sections=[decisions.standing(row)],
            ),
            do=lambda row, said: decisions.end_pause(request, row, said),
        )

    @button(description="Extend", icon="more_time")
    def extend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Move the dates of a request by what its law allows once."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"Extend the dates of request {short(row.pk)}",
                sentence="The law allows this once, and only after the person was told, with the "
                "reason, before its first date has passed. Both dates move.",
                button="Extend the dates",
                form=decisions.extension_form(row.regime),
                sections=[decisions.standing(row)],
            ),
            do=lambda row, said: decisions.extend_dates(request, row, said),
        )

    @button(description="Undo merge", icon="call_split")
    def unmerge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let a merged request be planned by itself."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"Undo the merge of request {short(row.pk)}",
                sentence="The end of the other request does not answer this one any more: it is "
                "planned by itself when the other one has ended. Its clocks go on.",
                button="Undo the merge",
                sections=[decisions.standing(row)],
            ),
            do=lambda row, _: decisions.unmerge(request, row),
        )

    @button(description="Undo link", icon="link_off")
    def undo_link(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Look no more for what a wrong link has added."""
        return self.confirm(
            request,
            object_id,
            question=links.which_link,
            do=lambda row, said: links.undo_link(request, row, said),
        )

    @button(description="Deny", icon="block", variant=ActionVariant.DANGER)
    def deny(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Refuse a request before any work began, after its person was told."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"Deny request {short(row.pk)}",
                sentence="The demand is refused on the ground that you name, and everything it "
                "said about the person is destroyed. This cannot be taken back: they would have "
                "to ask again, which they may.",
                button="Deny the request",
                form=decisions.denial_form(row.regime),
                sections=[decisions.standing(row)],
                grave=True,
            ),
            do=lambda row, said: decisions.deny(request, row, said),
        )

    @button(description="Cancel", icon="cancel", variant=ActionVariant.DANGER)
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Withdraw a request before any work began."""
        return self.confirm(
            request,
            object_id,
            question=lambda row: Confirmation(
                title=f"Cancel request {short(row.pk)}",
                sentence="The demand is withdrawn, and everything it said about the person is "
                "destroyed. This cannot be taken back: they would have to ask again.",
                button="Cancel the request",
                sections=[decisions.standing(row)],
                grave=True,
            ),
            do=lambda row, _: decisions.withdraw(request, row),
        )
