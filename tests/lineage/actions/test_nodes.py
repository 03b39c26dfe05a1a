import pytest

from lineage.errors import NodeUnknown
from lineage.graph import EdgeKind, NodeKind
from lineage.models import Edge, Node
from tests.lineage.builders import make_node, recorded

pytestmark = pytest.mark.django_db


def test_a_node_is_registered_with_what_it_came_from():
    source = make_node(NodeKind.RELEASE, "sums")

    node = make_node(sources=[(source.pk, EdgeKind.TRAINED_ON), (source.pk, EdgeKind.EVALUATED_ON)])

    edges = Edge.objects.values_list("source", "target", "kind")
    assert set(edges) == {
        (source.pk, node.pk, EdgeKind.TRAINED_ON),
        (source.pk, node.pk, EdgeKind.EVALUATED_ON),
    }
    release, model = recorded("NodeRegistered")
    assert (release["about"], model["about"]) == ("release/sums", "model/triage")
    assert model["facts"] == {
        "kind": "model version",
        "name": "triage",
        "version": "1",
        "sources": [f"trained on {source.pk}", f"evaluated on {source.pk}"],
    }


def test_the_same_again_changes_and_records_nothing():
    source = make_node(NodeKind.RELEASE, "sums")
    sources = [(source.pk, EdgeKind.TRAINED_ON)]
    first = make_node(sources=sources)

    again = make_node(sources=[*sources, *sources])

    assert first == again
    assert Edge.objects.count() == 1
    assert len(recorded("NodeRegistered")) == 2


def test_a_source_learned_later_is_added_and_none_is_removed():
    one, two = make_node(NodeKind.RELEASE, "one"), make_node(NodeKind.RELEASE, "two")
    node = make_node(sources=[(one.pk, EdgeKind.TRAINED_ON)])

    make_node(sources=[(two.pk, EdgeKind.TRAINED_ON)])

    assert set(node.in_edges.values_list("source", flat=True)) == {one.pk, two.pk}
    assert recorded("NodeRegistered")[-1]["facts"]["sources"] == [f"trained on {two.pk}"]


def test_an_unknown_source_is_refused_and_nothing_is_registered():
    with pytest.raises(NodeUnknown, match="404"):
        make_node(sources=[(404, EdgeKind.TRAINED_ON)])

    assert not Node.objects.exists()
    assert recorded("NodeRegistered") == []


def test_versions_and_kinds_are_different_nodes():
    nodes = {
        make_node(NodeKind.MODEL_VERSION, "triage", "1").pk,
        make_node(NodeKind.MODEL_VERSION, "triage", "2").pk,
        make_node(NodeKind.RECIPIENT, "triage", "1").pk,
    }

    assert len(nodes) == 3
