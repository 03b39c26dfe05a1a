from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from deletion.ancestry import models_before
from lineage.graph import EdgeKind, NodeKind
from lineage.reach import Graph, GraphEdge, GraphNode

MODELS = range(1, 5)
versions = st.lists(st.sampled_from(MODELS), min_size=1, max_size=10)


@given(made=versions, drawn=st.data())
def test_no_models_wait_for_each_other_however_their_versions_came_about(made, drawn):
    nodes = {
        node: GraphNode(id=node, kind=NodeKind.MODEL_VERSION, name=str(model), version=str(node))
        for node, model in zip(count(1), made, strict=False)
    }
    pairs = [(older, newer) for newer in nodes for older in nodes if older < newer]
    chosen = drawn.draw(st.sets(st.sampled_from(pairs))) if pairs else set()
    edges = frozenset(
        GraphEdge(source=older, target=newer, kind=EdgeKind.FINE_TUNED_FROM)
        for older, newer in chosen
    )

    before = models_before(dict(zip(count(1), made, strict=False)), Graph(nodes=nodes, edges=edges))

    left = set(MODELS)
    while ready := {model for model in left if not before.get(model, frozenset()) & left}:
        left -= ready
    assert left == set()


def test_a_version_that_came_from_its_own_model_lets_it_wait_for_nobody():
    nodes = {
        node: GraphNode(id=node, kind=NodeKind.MODEL_VERSION, name="a", version=str(node))
        for node in (1, 2)
    }
    edge = GraphEdge(source=1, target=2, kind=EdgeKind.FINE_TUNED_FROM)

    assert models_before({1: 7, 2: 7}, Graph(nodes=nodes, edges=frozenset({edge}))) == {}
