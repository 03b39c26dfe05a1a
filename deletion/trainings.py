"""Trainings that have not ended, seen as versions in the making. Pure.

What a run has fitted holds its people before any version is registered. So for planning and for the
final check an open run is a living version, one step behind what it learns from.
"""

from collections.abc import Collection
from dataclasses import replace

from deletion.planning import LivingVersion
from lineage.graph import EdgeKind, NodeKind
from lineage.reach import Graph, GraphEdge, GraphNode, Reach
from training.summaries import OpenTraining


def with_trainings(reach: Reach, trainings: Collection[OpenTraining]) -> Reach:
    """Return the reach with a model version for each training."""
    made = {
        _node_of(training): GraphNode(
            id=_node_of(training),
            kind=NodeKind.MODEL_VERSION,
            name=training.model,
            version=living_of(training).number,
        )
        for training in trainings
    }
    edges = {
        GraphEdge(source=source, target=_node_of(training), kind=kind)
        for training in trainings
        for source, kind in (
            (training.source_node_id, EdgeKind.TRAINED_ON),
            (training.parent_node_id, training.descent),
        )
        if source in reach.graph.nodes and source is not None and kind is not None
    }
    graph = Graph(nodes={**reach.graph.nodes, **made}, edges=reach.graph.edges | edges)
    return replace(reach, graph=graph)


def living_of(training: OpenTraining) -> LivingVersion:
    """Return the version that a training is making."""
    return LivingVersion(
        node_id=_node_of(training),
        model_id=training.model_id,
        model=training.model,
        number="in training",
        in_training=True,
    )


def _node_of(training: OpenTraining) -> int:
    """Return a number that no row has; a model has one open training."""
    return -training.model_id
