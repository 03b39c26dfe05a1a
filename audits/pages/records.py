"""Lists and pages of rows that nobody edits by hand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.admin import ModelAdmin

from audits.pages.access import DECIDERS, WATCHERS, may
from audits.pages.confirmations import Confirmation, Refusals, ask
from audits.pages.sections import Section
from audits.permissions import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number or word at the top of a page."""

    label: str
    value: str | SafeString
    note: str | SafeString = ""
    tone: str = "calm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything that the page of one row shows."""

    title: str
    badges: Sequence[SafeString] = ()
    lead: str | SafeString = ""
    figures: Sequence[Figure] = ()
    links: Sequence[tuple[str, str]] = field(default=())  # (words, address)
    sections: Sequence[Section] = ()


class Crumb:
    """A row under the name that its page has: the way to it is written with `str`."""

    def __init__(self, row: Model, title: str) -> None:
        self._meta, self.pk, self._title = row._meta, row.pk, title

    @override
    def __str__(self) -> str:
        return self._title


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """A list, a page per row, and buttons that ask first. There is no form that writes a row."""

    seen_by: ClassVar[frozenset[Role]] = WATCHERS
    decided_by: ClassVar[frozenset[Role]] = DECIDERS
    page_related: ClassVar[tuple[str, ...]] = ()
    refusals: ClassVar[Refusals] = ()
    empty_sentence: ClassVar[str] = "There is nothing here yet."
    tells_about: ClassVar[str] = ""  # the trail says `<this>/<key>` about a row
    tells_by: ClassVar[str] = "pk"  # the column of the key
    actions = None
    list_per_page = 50

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @override
    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may(request, self.seen_by)

    @override
    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request, self.seen_by)

    def address_about(self, kind: str, key: str) -> str | None:
        """Return the address of the page of what the trail calls `<kind>/<key>`."""
        if kind != self.tells_about:
            return None
        if self.tells_by == "pk":
            return reverse(f"admin:{self._view}_change", args=[quote(key)])
        return f"{reverse(f'admin:{self._view}_changelist')}?{urlencode({self.tells_by: key})}"

    def has_decide_permission(self, request: HttpRequest, _row: object = None) -> bool:
        """Say whether the account may press this admin's buttons."""
        return may(request, self.decided_by)

    @override
    def get_urls(self) -> list[URLPattern]:
        """Leave out adding, deleting and Django's own history: the trail is the history."""
        absent = tuple(f"_{name}" for name in ("add", "delete", "history"))
        return [url for url in super().get_urls() if not str(url.name).endswith(absent)]

    @override
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        row = self._row(request, object_id)
        if row is None:
            return self._absent(request, object_id)
        offered = self.offers(row)
        allowed = [
            action
            for action in self.get_actions_detail(request, object_id)
            if action.method.__name__ in offered
        ]
        page = self.page(row, request=request, now=timezone.now())
        return TemplateResponse(
            request,
            "officers/record.html",
            {
                **self.admin_site.each_context(request),
                **(extra_context or {}),
                "opts": self.opts,
                "original": Crumb(row, page.title),
                "title": page.title,
                "actions_detail": self._get_actions_navigation(
                    self.actions_detail, allowed, object_id
                ),
                "page": page,
            },
        )

    def page(self, row: Any, *, request: HttpRequest, now: datetime) -> Page:
        """Return what the page of a row shows."""
        raise NotImplementedError

    def offers(self, _row: Any) -> frozenset[str]:
        """Return the buttons that make sense for a row as it is now; the action decides again."""
        return frozenset(self.actions_detail)

    def confirm(
        self,
        request: HttpRequest,
        object_id: str,
        *,
        question: Callable[[Any], Confirmation],
        do: Callable[[Any, Mapping[str, Any]], str],
    ) -> HttpResponse:
        """Ask about one row; when the button is pressed, do it and go back to the row's page."""
        row = self._row(request, object_id)
        if row is None:
            return self._absent(request, object_id)
        asked = question(row)
        return ask(
            request,
            self.admin_site,
            confirmation=asked,
            do=lambda said: do(row, said),
            back=reverse(f"admin:{self._view}_change", args=[quote(row.pk)]),
            refusals=self.refusals,
            context={"opts": self.opts, "original": Crumb(row, asked.title)},
        )

    @property
    def _view(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"

    def _row(self, request: HttpRequest, object_id: str | None) -> Model | None:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.get_object(request, unquote(object_id or ""))

    @override
    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Model | None:
        found: QuerySet[Model] = self.get_queryset(request).select_related(*self.page_related)
        try:
            return found.filter(pk=self.opts.pk.to_python(object_id)).first()
        except (ValueError, ValidationError):
            return None

    def _absent(self, request: HttpRequest, object_id: str | None) -> HttpResponse:
        found: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return found
