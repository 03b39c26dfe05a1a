"""Reads of other tools' model versions, and of what officers attested of them."""

from collections.abc import Collection

from django.db.models import QuerySet

from lineage.graph import NodeKind
from lineage.models import Node
from training.models import Attestation


def attestations_of(node_ids: Collection[int]) -> list[Attestation]:
    """Return what was attested of some nodes, in the order of the nodes."""
    found = Attestation.objects.filter(node__in=list(node_ids)).select_related("node")
    return list(found.order_by("node_id"))


def attestations(*, newest: int) -> list[Attestation]:
    """Return the newest attestations."""
    return list(Attestation.objects.select_related("node").order_by("-attested_at", "-pk")[:newest])


def foreign_versions() -> QuerySet[Node]:
    """Return the model versions that no trainer of ours made and nobody has attested gone."""
    return Node.objects.filter(
        kind=NodeKind.MODEL_VERSION, model_version=None, attestation=None
    ).order_by("name", "version")
