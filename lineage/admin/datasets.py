"""Training sets and their versions."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from typing_extensions import override

from audits import queries as trail
from audits.pages.access import BUILDERS
from audits.pages.cells import NOTHING, Tone, badge, code, moment, number, row_link, state_badge
from audits.pages.records import Figure, Page, ReadOnlyAdmin
from audits.pages.sections import Facts, Table, Words, timeline_of
from lineage.admin.graph import graph_table
from lineage.graph import VersionState
from lineage.models import DatasetFamily, DatasetVersion

VERSION_TONES: Final = {
    VersionState.CLEAR: Tone.GOOD,
    VersionState.QUARANTINED: Tone.BAD,
    VersionState.SUPERSEDED: Tone.CALM,
    VersionState.RETIRED: Tone.CALM,
}


@admin.register(DatasetFamily)
class DatasetFamilyAdmin(ReadOnlyAdmin):
    seen_by = BUILDERS
    tells_about = "dataset"
    tells_by = "name"
    list_display = ("name", "store", "label", "shards", "hold_out", "versions_count", "quarantined")
    list_select_related = ("store",)
    page_related = ("store",)
    search_fields = ("name",)
    search_help_text = "Part of a training set's name"
    empty_sentence = "No training set is registered. See manage.py register_dataset."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[DatasetFamily]:
        found: QuerySet[DatasetFamily] = super().get_queryset(request)
        return found.annotate(
            versions_here=Count("versions"),
            quarantined_here=Count("versions", filter=Q(versions__state=VersionState.QUARANTINED)),
        )

    @admin.display(description="Held out")
    def hold_out(self, family: DatasetFamily) -> str:
        return f"{family.hold_out_permille / 10:g} %"

    @admin.display(description="Versions")
    def versions_count(self, family: Any) -> str:
        return number(family.versions_here)

    @admin.display(description="Quarantine")
    def quarantined(self, family: Any) -> SafeString:
        if family.quarantined_here:
            return badge(f"{family.quarantined_here} quarantined", Tone.BAD)
        return badge("clear", Tone.GOOD)

    @override
    def page(self, row: Any, *, request: HttpRequest, now: datetime) -> Page:
        versions = list(row.versions.select_related("family").order_by("-seq")[:100])
        newest = versions[0] if versions else None
        return Page(
            title=row.name,
            badges=[self.quarantined(row)],
            lead="A training set over time. Its members are people; its shards cut them by a "
            "keyed hash; who is held out never trains a model.",
            figures=[
                Figure(
                    label="People in the newest version",
                    value=number(newest.member_count) if newest else NOTHING,
                    note=f"version {newest.seq}" if newest else "never scanned",
                ),
                Figure(label="Shards", value=number(row.shards)),
                Figure(label="Held out", value=self.hold_out(row), note="of the people"),
                Figure(
                    label="Quarantined versions",
                    value=number(row.quarantined_here),
                    tone="bad" if row.quarantined_here else "calm",
                ),
            ],
            sections=[
                Facts(
                    title="Declaration",
                    rows=[
                        ("Store", row_link(row.store.name, "lineage_store", row.store_id)),
                        ("Label", row.label or NOTHING),
                        ("Parts expected", number(row.expected_parts)),
                    ],
                ),
                versions_table(versions),
                timeline_of(trail.timeline(f"dataset/{row.name}")),
            ],
        )


def versions_table(versions: Iterable[DatasetVersion], *, title: str = "Versions") -> Table:
    """Return dataset versions as a table."""
    return Table(
        title=title,
        headers=["Version", "State", "People", "Rows", "Parts", "Registered"],
        rows=[
            [
                row_link(
                    f"{version.family.name} {version.seq}", "lineage_datasetversion", version.pk
                ),
                state_badge(version.state, VERSION_TONES),
                number(version.member_count),
                number(version.row_count),
                number(len(version.parts)),
                moment(version.registered_at),
            ]
            for version in versions
        ],
        empty="No version is registered: the place was never scanned.",
    )


@admin.register(DatasetVersion)
class DatasetVersionAdmin(ReadOnlyAdmin):
    seen_by = BUILDERS
    list_display = ("named", "state_shown", "people", "rows_shown", "registered")
    list_filter = ("state", "family")
    list_select_related = ("family",)
    page_related = ("family", "node")
    ordering = ("-registered_at",)
    empty_sentence = "No version of any training set is registered."

    @admin.display(description="Version", ordering="family__name")
    def named(self, version: DatasetVersion) -> str:
        return f"{version.family.name} {version.seq}"

    @admin.display(description="State", ordering="state")
    def state_shown(self, version: DatasetVersion) -> SafeString:
        return state_badge(version.state, VERSION_TONES)

    @admin.display(description="People", ordering="member_count")
    def people(self, version: DatasetVersion) -> str:
        return number(version.member_count)

    @admin.display(description="Rows", ordering="row_count")
    def rows_shown(self, version: DatasetVersion) -> str:
        return number(version.row_count)

    @admin.display(description="Registered", ordering="registered_at")
    def registered(self, version: DatasetVersion) -> SafeString:
        return moment(version.registered_at)

    @override
    def page(self, row: DatasetVersion, *, request: HttpRequest, now: datetime) -> Page:
        warning = Words(
            title="Quarantined",
            text="This version holds somebody who was forgotten. It may not be used until they "
            "are erased from it again and a new version is registered.",
            tone="bad",
        )
        return Page(
            title=f"{row.family.name}, version {row.seq}",
            badges=[state_badge(row.state, VERSION_TONES)],
            figures=[
                Figure(label="People", value=number(row.member_count)),
                Figure(label="Rows", value=number(row.row_count)),
                Figure(label="Parts", value=number(len(row.parts))),
                Figure(label="Registered", value=moment(row.registered_at)),
            ],
            sections=[
                *([warning] if row.state == VersionState.QUARANTINED else []),
                Facts(
                    title="What was scanned",
                    rows=[
                        (
                            "Training set",
                            row_link(row.family.name, "lineage_datasetfamily", row.family_id),
                        ),
                        ("Digest of the members", code(row.member_digest)),
                        ("In the graph", row_link(str(row.node), "lineage_node", row.node_id)),
                    ],
                ),
                Table(
                    title="Parts, byte for byte",
                    headers=["Part", "Rows", "Digest"],
                    rows=[
                        [part["name"], number(part["rows"]), code(part["digest"])]
                        for part in row.parts
                    ],
                    empty="The scan found no part.",
                ),
                graph_table(row.node_id),
            ],
        )
