"""Reads of other tools' model versions, and of what officers attested of them."""

from collections.abc import Collection

from django.db.models import F, QuerySet

from lineage.graph import NodeKind
from lineage.models import Node
from training.evidence import REFUSALS
from training.models import Attestation


def attestations_of(node_ids: Collection[int]) -> list[Attestation]:
    """Return what was attested of some nodes, in the order of the nodes.

    An attestation from before the node was registered again, with other sources, counts no more,
    and one of a removal that closes nothing never did.
    """
    found = (
        Attestation.objects.filter(
            node__in=list(node_ids), attested_at__gte=F("node__registered_at")
        )
        .exclude(evidence_class__in=REFUSALS)
        .select_related("node")
    )
    return list(found.order_by("node_id"))


def attestations(*, newest: int) -> list[Attestation]:
    """Return the newest attestations."""
    return list(Attestation.objects.select_related("node").order_by("-attested_at", "-pk")[:newest])


def foreign_versions() -> QuerySet[Node]:
    """Return the model versions that no trainer of ours made and nobody has attested gone."""
    found = Node.objects.filter(kind=NodeKind.MODEL_VERSION, model_version=None)
    gone = Attestation.objects.filter(attested_at__gte=F("node__registered_at")).exclude(
        evidence_class__in=REFUSALS
    )
    return found.exclude(pk__in=gone.values("node")).order_by("name", "version")
