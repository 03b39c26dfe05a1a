"""Imports: who sent many requests at once, how their lines were answered, and how it ended."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from typing_extensions import override

from audits import queries as trail
from audits.pages.access import username_of
from audits.pages.cells import Tone, badge, code, moment, number
from audits.pages.records import Figure, Page, ReadOnlyAdmin
from audits.pages.sections import Facts, name_of, timeline_of
from deletion.models import Import

SILENT: Final = timedelta(minutes=5)  # a chunk takes seconds: whoever is silent so long is dead


def standing(row: Import, *, now: datetime) -> SafeString:
    """Return how an import goes, or how it ended."""
    if row.broken_because:
        return badge("broken off", Tone.WARN, title=row.broken_because)
    if row.ended_at is not None:
        return badge("finished", Tone.GOOD)
    if now - row.last_at > SILENT:
        return badge("broken off", Tone.WARN, title="its process ended without a word")
    return badge("running", Tone.BUSY)


@admin.register(Import)
class ImportAdmin(ReadOnlyAdmin):
    tells_about = "import"
    list_display = ("begun", "by", "standing", "lines", "taken", "repeated", "rejected", "upload")
    list_filter = ("source",)
    ordering = ("-started_at",)
    empty_sentence = "Nobody has sent many requests at once yet."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Import]:
        found: QuerySet[Import] = super().get_queryset(request)
        return found.annotate(sender=username_of("started_by"))

    @admin.display(description="Started", ordering="started_at")
    def begun(self, row: Import) -> SafeString:
        return moment(row.started_at)

    @admin.display(description="By", ordering="started_by")
    def by(self, row: Any) -> str:
        return str(row.sender or row.started_by)

    @admin.display(description="State")
    def standing(self, row: Import) -> SafeString:
        return standing(row, now=timezone.now())

    @admin.display(description="Lines")
    def lines(self, row: Import) -> str:
        return number(row.accepted + row.known + row.refused)

    @admin.display(description="Accepted", ordering="accepted")
    def taken(self, row: Import) -> str:
        return number(row.accepted)

    @admin.display(description="Known", ordering="known")
    def repeated(self, row: Import) -> str:
        return number(row.known)

    @admin.display(description="Refused", ordering="refused")
    def rejected(self, row: Import) -> str:
        return number(row.refused)

    @admin.display(description="Upload")
    def upload(self, row: Import) -> SafeString:
        return code(row.upload_tag)

    @override
    def page(self, row: Any, *, request: HttpRequest, now: datetime) -> Page:
        whole = [
            entry for entry in trail.timeline(f"import/{row.pk}") if entry.event != "LinesTaken"
        ]
        lead = (
            "It was not read to its end. What was accepted stays accepted; the same upload, sent"
            " again with the same key, goes on."
            if row.broken_because or (row.ended_at is None and now - row.last_at > SILENT)
            else ""
        )
        return Page(
            title=f"Import {str(row.pk)[:8]}",
            badges=[standing(row, now=now)],
            lead=lead,
            figures=[
                Figure(label="Accepted", value=number(row.accepted), note="a request was opened"),
                Figure(label="Known", value=number(row.known), note="taken by an earlier sending"),
                Figure(label="Refused", value=number(row.refused), note="opened nothing"),
            ],
            sections=[
                Facts(
                    title="How it went",
                    rows=[
                        ("Sent by", name_of(row.started_by)),
                        ("Over", row.source),
                        ("Started", moment(row.started_at)),
                        ("Last heard of", moment(row.last_at)),
                        ("Ended", moment(row.ended_at)),
                        ("Because", row.broken_because or "—"),
                        ("Upload", code(row.upload_tag)),
                    ],
                ),
                timeline_of(whole),
            ],
        )
