"""Namespaces of identifiers, and the stores whose columns they are in."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from typing_extensions import override

from audits import queries as trail
from audits.pages.access import BUILDERS
from audits.pages.cells import NOTHING, badge, moment, number, row_link
from audits.pages.records import Figure, Page, ReadOnlyAdmin
from audits.pages.sections import Table, timeline_of
from lineage.models import Namespace, Store
from lineage.queries import suppressed


@admin.register(Namespace)
class NamespaceAdmin(ReadOnlyAdmin):
    seen_by = BUILDERS
    tells_about = "namespace"
    list_display = ("name", "kind", "suppressed_count")
    list_filter = ("kind",)
    empty_sentence = "No identifier namespace is declared. Registering a dataset declares one."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Namespace]:
        found: QuerySet[Namespace] = super().get_queryset(request)
        marks = suppressed(now=timezone.now()).filter(namespace=OuterRef("pk"))
        counted = marks.order_by().values("namespace").annotate(marks=Count("pk")).values("marks")
        return found.annotate(marks_here=Coalesce(Subquery(counted), 0))

    @admin.display(description="Forgotten", ordering="marks_here")
    def suppressed_count(self, namespace: Any) -> str:
        return number(namespace.marks_here)

    @override
    def page(self, row: Any, *, request: HttpRequest, now: datetime) -> Page:
        columns = row.identifiercolumn_set.select_related("store").order_by("store__name", "name")
        return Page(
            title=row.name,
            badges=[badge(row.kind)],
            lead="A declared family of identifiers: how its values are written says which "
            "spellings name one person.",
            figures=[
                Figure(
                    label="Forgotten by it",
                    value=number(row.marks_here),
                    note="marks on the suppression list, by which they are recognised",
                )
            ],
            sections=[
                Table(
                    title="Columns that name people by it",
                    headers=["Store", "Column"],
                    rows=[
                        [row_link(column.store.name, "lineage_store", column.store_id), column.name]
                        for column in columns
                    ],
                    empty="No store declares a column of this namespace.",
                )
            ],
        )


@admin.register(Store)
class StoreAdmin(ReadOnlyAdmin):
    seen_by = BUILDERS
    tells_about = "store"
    tells_by = "name"
    list_display = ("name", "kind", "columns_named", "families_count", "registered")
    list_filter = ("kind",)
    empty_sentence = "No place that holds records is registered."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Store]:
        found: QuerySet[Store] = super().get_queryset(request)
        return found.prefetch_related("columns", "families")

    @admin.display(description="Identifier columns")
    def columns_named(self, store: Store) -> str:
        return ", ".join(sorted(column.name for column in store.columns.all())) or "none"

    @admin.display(description="Training sets")
    def families_count(self, store: Store) -> str:
        return number(len(store.families.all()))

    @admin.display(description="Registered", ordering="registered_at")
    def registered(self, store: Store) -> SafeString:
        return moment(store.registered_at)

    @override
    def page(self, row: Store, *, request: HttpRequest, now: datetime) -> Page:
        return Page(
            title=row.name,
            badges=[badge(row.kind)],
            lead="A place that holds records. Its address is not shown: it may hold a password.",
            sections=[
                Table(
                    title="Identifier columns",
                    headers=["Column", "Namespace"],
                    rows=[[column.name, column.namespace_id] for column in row.columns.all()],
                    empty="This place declares no column that names people.",
                ),
                Table(
                    title="Training sets kept here",
                    headers=["Training set", "Label", "Shards"],
                    rows=[
                        [
                            row_link(family.name, "lineage_datasetfamily", family.pk),
                            family.label or NOTHING,
                            number(family.shards),
                        ]
                        for family in row.families.all()
                    ],
                    empty="No training set is kept here.",
                ),
                timeline_of(trail.timeline(f"store/{row.name}")),
            ],
        )
