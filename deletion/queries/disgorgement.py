"""What an order to give data up reaches now, and what has become of it: read anew each time."""

import json
from base64 import b64decode
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any, Final

from django.db.models import QuerySet

from deletion.disgorgement import (
    Became,
    Closure,
    Holding,
    ItemKind,
    NamedBy,
    OrderState,
    Standing,
    Thing,
    World,
    closure_from,
    closure_of,
    standings_of,
)
from deletion.errors import DisgorgementUnknown
from deletion.models import Disgorgement, Testimony
from deletion.sworn import Order, predicate_of
from lineage.errors import NodeUnknown
from lineage.graph import NodeKind
from lineage.models import DatasetFamily, DatasetVersion, Node, Store
from lineage.queries import adapter_of, downstream_of, family_named, store_named
from lineage.stores.errors import NotSafelyErasable, PartCorrupt, PlaceMissing, StoreUnreadable
from privacy.models import Release
from privacy.states import ReleaseState
from training.models import ModelRelease, ModelVersion, Snapshot
from training.queries import attestations_of, open_trainings

_NAMES_NO_SOURCE: Final = (NodeKind.RECIPIENT,)  # what somebody else holds, nobody here gives up


def disgorgement_numbered(disgorgement_id: int) -> Disgorgement:
    """Return a disgorgement."""
    row = Disgorgement.objects.filter(pk=disgorgement_id).first()
    if row is None:
        raise DisgorgementUnknown
    return row


def reached(named_by: NamedBy, name: str) -> Closure:
    """Return everything that goes with some data, as lineage and training know it now.

    A source is every version of the dataset, release or model that has the name in the graph.
    """
    begun = _begun(named_by, name)
    return closure_of(begun, _world(begun))


def order_of(row: Disgorgement) -> Order:
    """Return what a statement says of an order."""
    return Order(
        id=row.pk,
        named_by=row.named_by,
        name=row.name,
        reference=row.order,
        plan_digest=row.digest,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        approved_by=row.decided_by,
        approved_at=row.decided_at,
        due_at=row.due_at,
        measured=closure_from(row.plan).measured,
    )


def standings(row: Disgorgement) -> tuple[Standing, ...]:
    """Say of everything that the order reaches, then or now, what has become of it."""
    planned = closure_from(row.plan)
    now = reached(NamedBy(row.named_by), row.name)
    things = {(item.kind, item.id): item.key for item in (*planned.items, *now.items)}
    return standings_of(planned, now, _facts(row, things, now))


def _begun(named_by: NamedBy, name: str) -> frozenset[Thing]:
    match named_by:
        case NamedBy.FAMILY:
            return frozenset({(ItemKind.FAMILY, family_named(name).pk)})
        case NamedBy.STORE:
            return frozenset({(ItemKind.STORE, store_named(name).pk)})
        case NamedBy.SOURCE:
            named = Node.objects.filter(name=name) if "\x00" not in name else Node.objects.none()
            rows = named.exclude(kind__in=_NAMES_NO_SOURCE).values_list("kind", "pk")
            if not rows:
                raise NodeUnknown("nothing in the graph has this name")
            return frozenset((_KIND_OF[NodeKind(kind)], node) for kind, node in rows)


_KIND_OF: Final = {
    NodeKind.DATASET_VERSION: ItemKind.DATASET,
    NodeKind.MODEL_VERSION: ItemKind.MODEL,
    NodeKind.RELEASE: ItemKind.RELEASE,
}


def _world(begun: Collection[Thing]) -> World:
    """Read the graph until nothing more can be reached from what is in it.

    It may hold more than is reached, since an edge that carries nothing is followed here as well.
    """
    stores = {id_ for kind, id_ in begun if kind is ItemKind.STORE}
    families = {id_ for kind, id_ in begun if kind is ItemKind.FAMILY}
    nodes = {id_ for kind, id_ in begun if kind in _KIND_OF.values()}
    while True:
        stores |= set(
            DatasetFamily.objects.filter(pk__in=families).values_list("store_id", flat=True)
        )
        families |= set(DatasetFamily.objects.filter(store__in=stores).values_list("pk", flat=True))
        nodes |= set(
            DatasetVersion.objects.filter(family__in=families).values_list("node_id", flat=True)
        )
        graph = downstream_of(nodes)
        more = {node.family_id for node in graph.nodes.values() if node.family_id is not None}
        if more <= families:
            break
        families |= more
    rows = DatasetFamily.objects.filter(pk__in=families).order_by("pk")
    return World(
        graph=graph,
        holdings=tuple(
            Holding(family_id=row.pk, family=row.name, store_id=row.store_id) for row in rows
        ),
        stores=dict(Store.objects.filter(pk__in=stores).values_list("pk", "name")),
        trainings=tuple(open_trainings()),
        files=_files(graph.nodes.keys()),
    )


def _files(nodes: Collection[int]) -> dict[int, tuple[str, ...]]:
    """Return what Lethe made and keeps of the versions among some nodes, destroyed or not."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    versions = ModelVersion.objects.filter(node__in=list(nodes))
    for node, digest in versions.values_list("node_id", "artefact_digest"):
        found[node].append(f"artefact {digest}")
    snapshots = Snapshot.objects.filter(versions__node__in=list(nodes)).order_by("shard", "pk")
    for node, shard, digest in snapshots.values_list("versions__node_id", "shard", "digest"):
        if node in found:
            found[node].append(f"snapshot of shard {shard} {digest}")
    releases = ModelRelease.objects.filter(version__node__in=list(nodes))
    for node in releases.values_list("version__node_id", flat=True):
        found[node].append("signed release to serving systems")
    return {node: tuple(files) for node, files in found.items()}


def _facts(row: Disgorgement, things: dict[Thing, str], now: Closure) -> dict[Thing, Became]:
    """Return what has become of those things of which anything has."""
    said = {one.item: _testified(one) for one in row.testimonies.all()}
    facts = {thing: said[key] for thing, key in things.items() if key in said}
    of = {kind: [id_ for known, id_ in things if known is kind] for kind in ItemKind}
    facts |= {(ItemKind.MODEL, node): found for node, found in _models(of[ItemKind.MODEL]).items()}
    facts |= _releases(of[ItemKind.RELEASE])
    facts |= _families(of[ItemKind.FAMILY])
    facts |= _datasets(of[ItemKind.DATASET], facts)
    running = {(item.kind, item.id) for item in now.items}
    for model in of[ItemKind.TRAINING]:
        if (ItemKind.TRAINING, model) not in running:
            facts[ItemKind.TRAINING, model] = Became(what="ended", is_settled=True)
    return facts


def _testified(one: Testimony) -> Became:
    what = (
        f"{one.finding}, at the word of {one.said_by}"
        if one.finding
        else f"attested by {one.said_by}; not proven by Lethe"
    )
    return Became(what=what, is_settled=True, at=one.said_at, evidence=one.evidence_digest)


def _models(nodes: Collection[int]) -> dict[int, Became]:
    ours = ModelVersion.objects.filter(node__in=nodes).prefetch_related("snapshots")
    found: dict[int, Became] = {}
    for version in ours:
        files = [one for one in version.snapshots.all() if one.destroyed_at is None]
        if version.destroyed_at and not files:
            found[version.node_id] = Became(
                what="destroyed: the file was unlinked and looked for again",
                is_settled=True,
                at=version.destroyed_at,
                evidence=version.artefact_digest,
            )
        elif version.doomed_at:
            found[version.node_id] = Became(
                what=f"withdrawn; {len(files) + (version.destroyed_at is None)} files are still"
                " there",
                is_settled=False,
                at=version.withdrawn_at,
            )
    for one in attestations_of(nodes):
        found[one.node_id] = Became(
            what=f"attested gone by {one.attested_by}; not proven by Lethe, which did not make it",
            is_settled=True,
            at=one.attested_at,
            evidence=one.evidence_digest,
        )
    return found


def _releases(nodes: Collection[int]) -> dict[Thing, Became]:
    rows = Release.objects.filter(node__in=nodes, state=ReleaseState.WITHDRAWN)
    return {
        (ItemKind.RELEASE, node): Became(
            what="withdrawn: its result is erased", is_settled=True, at=at
        )
        for node, at in rows.values_list("node__pk", "dataset_version__family__retired_at")
    }


def _families(families: Collection[int]) -> dict[Thing, Became]:
    rows = DatasetFamily.objects.filter(pk__in=families, retired_at__isnull=False)
    return {
        (ItemKind.FAMILY, pk): Became(
            what="retired: nothing is registered, trained or drawn of it", is_settled=True, at=at
        )
        for pk, at in rows.values_list("pk", "retired_at")
    }


def _datasets(nodes: Collection[int], facts: dict[Thing, Became]) -> dict[Thing, Became]:
    """Say which versions of ours are gone with their place; another tool's needs a word."""
    rows = DatasetVersion.objects.filter(node__in=nodes, family__retired_at__isnull=False)
    return {
        (ItemKind.DATASET, node): Became(
            what=f"gone with its place: {place.what}",
            is_settled=True,
            at=place.at,
            evidence=place.evidence,
        )
        for node, store in rows.values_list("node_id", "family__store_id")
        if (place := facts.get((ItemKind.STORE, store))) is not None and place.is_settled
    }


def places_left(row: Disgorgement) -> list[int]:
    """Return the stores of an order of which nobody has seen or said that they are gone."""
    return [
        one.item.id
        for one in standings(row)
        if one.item.kind is ItemKind.STORE and not one.became.is_settled
    ]


def open_orders() -> list[int]:
    """Return the disgorgements that are neither carried out nor refused, the most urgent first."""
    rows = Disgorgement.objects.filter(state__in=[OrderState.PROPOSED, OrderState.APPROVED])
    return list(rows.order_by("due_at", "pk").values_list("pk", flat=True))


def newest_orders() -> QuerySet[Disgorgement]:
    """Return the disgorgements, the newest first."""
    return Disgorgement.objects.order_by("-pk")


def places_seen_gone(row: Disgorgement) -> list[int]:
    """Look at the places of an order that are left; return those in which nothing is there.

    It reads files: call it outside any transaction. Only what says itself that there is nothing is
    gone: no folder, no file, no table, or one without a row. A place that does not answer is not.
    """
    return [store for store in places_left(row) if _is_gone(store)]


def _is_gone(store_id: int) -> bool:
    try:
        return not sum(part.rows for part in adapter_of(store_id).parts())
    except PlaceMissing:
        return True
    except (NotSafelyErasable, PartCorrupt, StoreUnreadable):
        return False


def models_of(row: Disgorgement) -> list[int]:
    """Return the models of ours of which an order reaches a version."""
    nodes = [one.id for one in closure_from(row.plan).items if one.kind is ItemKind.MODEL]
    rows = ModelVersion.objects.filter(node__in=nodes).values_list("model_id", flat=True)
    return sorted(set(rows))


def stated(row: Disgorgement) -> Mapping[str, Any]:
    """Return what the signed statement says; before there is one, what it would say now."""
    if row.envelope is not None:
        signed: Mapping[str, Any] = json.loads(b64decode(row.envelope["payload"]))["predicate"]
        return signed
    return predicate_of(order_of(row), standings(row), carried_out_at=None)
