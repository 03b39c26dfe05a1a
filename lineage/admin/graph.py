"""The graph: what came from what, and whom it carries on."""

from datetime import datetime
from typing import Final

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from typing_extensions import override

from audits.pages.access import BUILDERS
from audits.pages.cells import Tone, badge, moment, row_link, state_badge
from audits.pages.records import Page, ReadOnlyAdmin
from audits.pages.sections import Table
from lineage import queries
from lineage.graph import EdgeKind, NodeKind
from lineage.models import Edge, Node

KIND_TONES: Final = {
    NodeKind.DATASET_VERSION: Tone.BUSY,
    NodeKind.MODEL_VERSION: Tone.WARN,
    NodeKind.RELEASE: Tone.GOOD,
    NodeKind.RECIPIENT: Tone.CALM,
}


def graph_table(node_id: int) -> Table:
    """Return everything that was made from a node."""
    graph = queries.downstream_of([node_id])
    carried = graph.carried_from([node_id])
    return Table(
        title="What was made from it",
        note="Whoever is in it reached everything below that carries people on.",
        headers=["Thing", "Kind", "How", "Carries people"],
        rows=[
            [
                row_link(
                    f"{graph.nodes[edge.target].name} {graph.nodes[edge.target].version}",
                    "lineage_node",
                    edge.target,
                ),
                state_badge(graph.nodes[edge.target].kind, KIND_TONES),
                f"{edge.kind} {graph.nodes[edge.source].name} {graph.nodes[edge.source].version}",
                badge("yes", Tone.WARN)
                if edge.target in carried and edge.kind is not EdgeKind.EVALUATED_ON
                else badge("no", Tone.GOOD),
            ]
            for edge in graph.sorted_edges()
        ],
        empty="Nothing was made from it.",
    )


@admin.register(Node)
class NodeAdmin(ReadOnlyAdmin):
    seen_by = BUILDERS
    list_display = ("named", "kind_shown", "version", "registered")
    list_filter = ("kind",)
    search_fields = ("name",)
    search_help_text = "Part of a thing's name"
    ordering = ("-pk",)
    empty_sentence = "Nothing is in the graph."

    @admin.display(description="Name", ordering="name")
    def named(self, node: Node) -> str:
        return node.name

    @admin.display(description="Kind", ordering="kind")
    def kind_shown(self, node: Node) -> SafeString:
        return state_badge(node.kind, KIND_TONES)

    @admin.display(description="Registered", ordering="registered_at")
    def registered(self, node: Node) -> SafeString:
        return moment(node.registered_at)

    @override
    def page(self, row: Node, *, request: HttpRequest, now: datetime) -> Page:
        came_from = Edge.objects.filter(target=row).select_related("source").order_by("pk")
        return Page(
            title=f"{row.name} {row.version}",
            badges=[state_badge(row.kind, KIND_TONES)],
            sections=[
                Table(
                    title="What it came from",
                    headers=["Thing", "Kind", "How"],
                    rows=[
                        [
                            row_link(
                                f"{edge.source.name} {edge.source.version}",
                                "lineage_node",
                                edge.source_id,
                            ),
                            state_badge(edge.source.kind, KIND_TONES),
                            edge.kind,
                        ]
                        for edge in came_from
                    ],
                    empty="It came from nothing that Lethe knows.",
                ),
                graph_table(row.pk),
            ],
        )
