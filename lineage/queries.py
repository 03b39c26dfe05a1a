"""Reads of the lineage tables, returned as the core's own types."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet

from lineage import stores
from lineage.errors import NamespaceUnknown, NodeUnknown, StoreUnknown
from lineage.graph import EdgeKind, NodeKind
from lineage.identifiers import IdentifierKind, SubjectId
from lineage.models import (
    DatasetFamily,
    DatasetVersion,
    IdentifierColumn,
    Membership,
    Namespace,
    Pseudonym,
    Store,
    Suppression,
)
from lineage.places import NAME, FamilyRef, StoreRef
from lineage.reach import Graph, GraphEdge, GraphNode, Presence, Reach
from lineage.scanning import Scannable, Scanned, scan
from lineage.sharding import Shard, Sharding
from lineage.stores.given_up import GivenUp
from lineage.stores.protocol import DeclaredColumn
from lineage.stores.protocol import Store as Adapter
from lineage.whereabouts import Stay, Whereabouts

# UNION, not UNION ALL: a node is walked once, so a circle of edges ends.
_DOWNSTREAM: Final = """
WITH RECURSIVE reached (id) AS (
    {seeds}
    UNION
    SELECT edge.target_id FROM reached JOIN lineage_edge edge ON edge.source_id = reached.id
)
SELECT node.id, node.kind, node.name, node.version, version.family_id, version.seq,
       edge.target_id, edge.kind
FROM reached
JOIN lineage_node node ON node.id = reached.id
LEFT JOIN lineage_datasetversion version ON version.node_id = node.id
LEFT JOIN lineage_edge edge ON edge.source_id = node.id
"""
_HOLDING: Final = """
    SELECT version.node_id
    FROM lineage_membership membership
    JOIN lineage_datasetversion version ON version.family_id = membership.family_id
     AND version.seq >= membership.from_seq
     AND (membership.to_seq IS NULL OR version.seq <= membership.to_seq)
    WHERE membership.subject_id = ANY(%s::bigint[])
"""
_LARGEST_ID: Final = 2**63 - 1  # PostgreSQL refuses a larger bigint as an error
_THESE: Final = "SELECT id FROM lineage_node WHERE id = ANY(%s::bigint[])"


def kind_of_namespace(name: str) -> IdentifierKind:
    """Return how the identifiers of a declared namespace are written."""
    kind = kinds_of_namespaces([name]).get(name)
    if kind is None:
        declared = ", ".join(Namespace.objects.order_by("pk").values_list("pk", flat=True))
        # What was asked for is not repeated: somebody may have sent an identifier in its place.
        raise NamespaceUnknown(f"declared are: {declared}" if declared else "none is declared")
    return kind


def kinds_of_namespaces(names: Collection[str]) -> dict[str, IdentifierKind]:
    """Return how the identifiers of namespaces are written; one that is not declared is missing."""
    rows = Namespace.objects.filter(pk__in=list(names)).values_list("pk", "kind")
    return {name: IdentifierKind(kind) for name, kind in rows}


def resolve(pseudonyms: Collection[UUID]) -> dict[UUID, SubjectId]:
    """Return the subjects behind pseudonyms; who was never seen, or is forgotten, is missing."""
    rows = Pseudonym.objects.filter(pk__in=list(pseudonyms)).values_list("pk", "subject_id")
    return {pseudonym: SubjectId(subject) for pseudonym, subject in rows}


def memberships_of(subjects: Collection[SubjectId]) -> list[Presence]:
    """Return where the subjects are or were, in the order of subjects."""
    rows = (
        Membership.objects.filter(subject__in=list(subjects))
        .order_by("subject_id", "family_id", "from_seq")
        .values_list("subject_id", "family_id", "shard", "from_seq", "to_seq")
    )
    return [
        Presence(
            subject=SubjectId(subject),
            family_id=family,
            shard=Shard(shard),
            from_seq=first,
            to_seq=last,
        )
        for subject, family, shard, first, last in rows
    ]


def reach_of(subjects: Collection[SubjectId]) -> Reach:
    """Return how far the subjects' records travelled, in two statements, however many they are."""
    return Reach(presences=tuple(memberships_of(subjects)), graph=_graph(_HOLDING, list(subjects)))


def downstream_of(nodes: Collection[int]) -> Graph:
    """Return the graph downstream of some nodes, these included, in one statement."""
    graph = _graph(_THESE, [node for node in nodes if node <= _LARGEST_ID])
    if missing := sorted(set(nodes) - graph.nodes.keys()):
        raise NodeUnknown(f"no such node: {', '.join(map(str, missing))}")
    return graph


def _graph(seeds: str, parameters: Iterable[int]) -> Graph:
    nodes: dict[int, GraphNode] = {}
    edges: set[GraphEdge] = set()
    with connection.cursor() as cursor:
        cursor.execute(_DOWNSTREAM.format(seeds=seeds), [list(parameters)])
        for id_, kind, name, version, family, seq, target, edge in cursor.fetchall():
            if id_ not in nodes:
                nodes[id_] = GraphNode(
                    id=id_,
                    kind=NodeKind(kind),
                    name=name,
                    version=version,
                    family_id=family,
                    seq=seq,
                )
            if target is not None:
                edges.add(GraphEdge(source=id_, target=target, kind=EdgeKind(edge)))
    return Graph(nodes=nodes, edges=frozenset(edges))


def where_is(subjects: Collection[SubjectId]) -> Whereabouts:
    """Return everything the index knows about some subjects."""
    reach = reach_of(subjects)
    families = DatasetFamily.objects.select_related("store").in_bulk(
        {presence.family_id for presence in reach.presences}
    )
    stays = tuple(
        Stay(
            store=families[presence.family_id].store.name,
            family=families[presence.family_id].name,
            shard=presence.shard,
            first=presence.from_seq,
            last=presence.to_seq,
        )
        for presence in reach.presences
    )
    scanned = DatasetVersion.objects.values("family__store")
    unscanned = Store.objects.exclude(pk__in=scanned).order_by("name")
    return Whereabouts(
        stays=stays,
        reach=reach,
        unscanned=tuple(unscanned.values_list("name", flat=True)),
    )


def suppressed(*, now: datetime) -> QuerySet[Suppression]:
    """Return the marks that count now; one may expire when a law says so."""
    return Suppression.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now))


def columns_of(store_id: int) -> tuple[DeclaredColumn, ...]:
    """Return the declared identifier columns of a store, in the order of their declaration."""
    rows = (
        IdentifierColumn.objects.filter(store_id=store_id)
        .order_by("pk")
        .values_list("name", "namespace_id", "namespace__kind")
    )
    return tuple(
        DeclaredColumn(name=name, namespace=namespace, kind=IdentifierKind(kind))
        for name, namespace, kind in rows
    )


def adapter_of(store_id: int) -> Adapter:
    """Return the adapter through which a store is read and erased."""
    store = Store.objects.filter(pk=store_id).first()
    if store is None:
        raise StoreUnknown
    adapter = stores.open_store(store.kind, store.uri, columns_of(store_id))
    return GivenUp(place=adapter) if store.seen_gone_at else adapter


def store_named(name: str) -> Store:
    """Return a registered store."""
    store = Store.objects.filter(name=name).first() if NAME.fullmatch(name) else None
    if store is None:
        raise StoreUnknown
    return store


def store_at(kind: str, uri: str) -> Store | None:
    """Return the store that is registered for a place."""
    return Store.objects.filter(kind=kind, uri=uri).first()


def stores_of(namespaces: Collection[str]) -> list[StoreRef]:
    """Return the stores with a column in one of the namespaces, with those columns only."""
    columns: defaultdict[int, list[DeclaredColumn]] = defaultdict(list)
    rows = (
        IdentifierColumn.objects.filter(namespace__in=list(namespaces))
        .order_by("pk")
        .values_list("store_id", "name", "namespace_id", "namespace__kind")
    )
    for store, name, namespace, kind in rows:
        columns[store].append(
            DeclaredColumn(name=name, namespace=namespace, kind=IdentifierKind(kind))
        )
    found = Store.objects.filter(pk__in=columns.keys()).order_by("pk")
    return [
        StoreRef(
            id=store.pk,
            name=store.name,
            families=tuple(
                FamilyRef(id=family.pk, name=family.name)
                for family in sorted(store.families.all(), key=lambda family: family.pk)
            ),
            columns=tuple(columns[store.pk]),
        )
        for store in found.prefetch_related("families")
    ]


def family_named(name: str) -> DatasetFamily:
    """Return a registered dataset family."""
    known = DatasetFamily.objects.select_related("store")
    # Asked only for what can be a name: PostgreSQL does not take every text that a URL can hold.
    family = known.filter(name=name).first() if NAME.fullmatch(name) else None
    if family is None:
        raise NodeUnknown("no such dataset family")
    return family


def newest_version(family_id: int) -> DatasetVersion | None:
    """Return the version of a family that was registered last, whatever its state."""
    return DatasetVersion.objects.filter(family_id=family_id).order_by("-seq").first()


def head_of(family_id: int) -> int:
    """Return the number of a family's newest version, 0 where there is none: read it, then scan."""
    newest = newest_version(family_id)
    return newest.seq if newest is not None else 0


def member_shards(*, version_id: int) -> dict[UUID, Shard]:
    """Return the shard of every member of a dataset version, the held-out included."""
    version = DatasetVersion.objects.filter(pk=version_id).first()
    if version is None:
        raise NodeUnknown("no such dataset version")
    rows = (
        Membership.objects.filter(
            Q(to_seq=None) | Q(to_seq__gte=version.seq),
            family_id=version.family_id,
            from_seq__lte=version.seq,
        )
        .values_list("subject__pseudonyms__value", "shard")
        .iterator(chunk_size=50_000)
    )
    return {pseudonym: Shard(shard) for pseudonym, shard in rows}


def column_of(family: DatasetFamily) -> DeclaredColumn:
    """Return the identifier column by which a family's people are known."""
    declared = {column.name: column for column in columns_of(family.store_id)}
    return declared[family.id_column]


def sharding_of(family: DatasetFamily) -> Sharding:
    """Return how a family is cut."""
    return Sharding(
        family=family.name,
        shards=family.shards,
        hold_out_permille=family.hold_out_permille,
        key=settings.SHARD_KEY,
    )


def people_left_behind(family: DatasetFamily, place: Scannable, column: DeclaredColumn) -> int:
    """Count the people of a family's newest version whom another place does not hold.

    It reads files: call it outside any transaction.
    """
    here = Membership.objects.filter(
        family=family, to_seq=None, subject__pseudonyms__namespace=column.namespace
    ).values_list("subject__pseudonyms__value", flat=True)
    there = scan(
        place,
        column,
        pseudonym_key=settings.PSEUDONYM_KEY,
        suppression_key=settings.SUPPRESSION_KEY,
        sharding=sharding_of(family),
    ).pseudonyms
    return len(set(here.iterator(chunk_size=50_000)) - set(there))


def scan_family(family_id: int) -> Scanned:
    """Scan the place of a family.

    It reads files: call it outside any transaction, and hand the result to `register_version`.
    """
    family = DatasetFamily.objects.filter(pk=family_id).first()
    if family is None:
        raise NodeUnknown("no such dataset family")
    return scan(
        adapter_of(family.store_id),
        column_of(family),
        pseudonym_key=settings.PSEUDONYM_KEY,
        suppression_key=settings.SUPPRESSION_KEY,
        sharding=sharding_of(family),
    )
