"""Registering what was made from what."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import transaction

from audits.trail import Actor, audited
from lineage.errors import NodeUnknown
from lineage.events import NodeRegistered
from lineage.graph import EdgeKind, NodeKind
from lineage.models import Edge, Node

_ABOUT: Final = {
    NodeKind.DATASET_VERSION: "dataset",
    NodeKind.MODEL_VERSION: "model",
    NodeKind.RELEASE: "release",
    NodeKind.RECIPIENT: "recipient",
}


def register_node(  # noqa: PLR0913  # keyword-only, one a column
    *,
    kind: NodeKind,
    name: str,
    version: str,
    sources: Sequence[tuple[int, EdgeKind]],
    actor: Actor,
    now: datetime,
) -> Node:
    """Register a thing and what it came from.

    To a thing that is known already new sources are added; none is ever removed. It counts as
    registered then: what was attested of it before is not about what it is now.
    """
    with transaction.atomic():
        node, created = Node.objects.get_or_create(
            kind=kind, name=name, version=version, defaults={"registered_at": now}
        )
        # Locked before its edges are compared: a second registration must see those of the first.
        Node.objects.select_for_update(no_key=True).get(pk=node.pk)
        said = dict.fromkeys((source, EdgeKind(edge)) for source, edge in sources)
        wanted = {source for source, _ in said}
        existing = set(Node.objects.filter(pk__in=wanted).values_list("pk", flat=True))
        if missing := sorted(wanted - existing):
            raise NodeUnknown(f"no such source: {', '.join(map(str, missing))}")
        for known in Edge.objects.filter(target=node):
            said.pop((known.source_id, EdgeKind(known.kind)), None)
        if not created and not said:
            return node
        with audited(actor=actor, now=now) as trail:
            if not created:  # whoever said before that it is gone spoke of something else
                Node.objects.filter(pk=node.pk).update(registered_at=now)
            Edge.objects.bulk_create(
                Edge(source_id=source, target=node, kind=edge) for source, edge in said
            )
            trail.record(
                NodeRegistered(
                    kind=kind.value,
                    name=name,
                    version=version,
                    sources=tuple(f"{edge.value} {source}" for source, edge in said),
                ),
                about=f"{_ABOUT[kind]}/{name}",
            )
    return node
