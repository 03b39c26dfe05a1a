from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.graph import EdgeKind, NodeKind
from lineage.identifiers import SubjectId
from lineage.reach import Graph, GraphEdge, GraphNode, Hop, Presence, Reach
from lineage.sharding import HOLD_OUT, Shard

ANN, BEN = SubjectId(1), SubjectId(2)

# Three versions of the patients, two models, a release, and a model made from the release.
V1, V2, V3, TRIAGE, NEXT, RELEASE, QUIET = 1, 2, 3, 11, 12, 21, 13
NODES = (
    *(
        GraphNode(
            id=seq,
            kind=NodeKind.DATASET_VERSION,
            name="patients",
            version=str(seq),
            family_id=7,
            seq=seq,
        )
        for seq in (V1, V2, V3)
    ),
    GraphNode(id=TRIAGE, kind=NodeKind.MODEL_VERSION, name="triage", version="1"),
    GraphNode(id=NEXT, kind=NodeKind.MODEL_VERSION, name="triage", version="2"),
    GraphNode(id=RELEASE, kind=NodeKind.RELEASE, name="sums", version="1"),
    GraphNode(id=QUIET, kind=NodeKind.MODEL_VERSION, name="quiet", version="1"),
)


def presence(subject=ANN, *, shard=0, first=V1, last=None) -> Presence:
    return Presence(subject=subject, family_id=7, shard=Shard(shard), from_seq=first, to_seq=last)


def reach(*edges: tuple[int, EdgeKind, int], presences=None) -> Reach:
    return Reach(
        presences=tuple([presence()] if presences is None else presences),
        graph=Graph(
            nodes={node.id: node for node in NODES},
            edges=frozenset(
                GraphEdge(source=source, kind=kind, target=target) for source, kind, target in edges
            ),
        ),
    )


def test_a_model_trained_on_a_version_that_holds_a_person_is_tainted():
    found = reach((V1, EdgeKind.TRAINED_ON, TRIAGE))

    assert found.tainted() == {TRIAGE}
    assert found.explain(TRIAGE) == (
        Hop(by=None, node=V1),
        Hop(by=EdgeKind.TRAINED_ON, node=TRIAGE),
    )


def test_a_model_trained_on_a_version_without_the_person_is_clean():
    found = reach(
        (V1, EdgeKind.TRAINED_ON, TRIAGE),
        (V2, EdgeKind.TRAINED_ON, NEXT),
        presences=[presence(last=V1)],
    )

    assert found.tainted() == {TRIAGE}
    assert found.explain(NEXT) == ()


def test_the_interval_includes_both_of_its_ends():
    edges = [(seq, EdgeKind.TRAINED_ON, TRIAGE) for seq in (V1, V2, V3)]

    found = reach(*edges, presences=[presence(first=V2, last=V2)])

    assert found.holding() == {ANN: {V2}}
    assert found.explain(TRIAGE)[0] == Hop(by=None, node=V2)


def test_a_person_in_another_family_taints_nothing_here():
    elsewhere = replace(presence(), family_id=8)

    found = reach((V1, EdgeKind.TRAINED_ON, TRIAGE), presences=[elsewhere])

    assert found.tainted() == set()
    assert found.per_subject() == {ANN: frozenset()}


@pytest.mark.parametrize(
    "kind", sorted(set(EdgeKind) - {EdgeKind.TRAINED_ON, EdgeKind.EVALUATED_ON})
)
def test_influence_travels_on_from_a_tainted_model(kind):
    found = reach((V1, EdgeKind.TRAINED_ON, TRIAGE), (TRIAGE, kind, NEXT))

    assert found.tainted() == {TRIAGE, NEXT}


def test_evaluating_on_somebody_taints_nothing():
    found = reach((V1, EdgeKind.EVALUATED_ON, TRIAGE), (TRIAGE, EdgeKind.FINE_TUNED_FROM, NEXT))

    assert found.tainted() == set()
    assert found.reached() == {V1, V2, V3}


def test_a_held_out_person_does_not_taint_the_model_trained_on_the_others():
    edges = [(V1, EdgeKind.TRAINED_ON, TRIAGE), (V1, EdgeKind.EVALUATED_ON, TRIAGE)]

    found = reach(*edges, presences=[presence(ANN, shard=HOLD_OUT), presence(BEN)])

    assert found.per_subject() == {ANN: frozenset(), BEN: {TRIAGE}}
    assert reach(*edges, presences=[presence(ANN, shard=HOLD_OUT)]).tainted() == set()


@pytest.mark.parametrize("kind", [EdgeKind.DERIVED, EdgeKind.ANONYMISED])
def test_a_held_out_person_travels_with_everything_but_training(kind):
    """A derived set or a release may be made from all rows, and nobody holds anybody out there."""
    found = reach(
        (V1, kind, RELEASE),
        (RELEASE, EdgeKind.TRAINED_ON, QUIET),
        presences=[presence(shard=HOLD_OUT)],
    )

    assert found.tainted() == {QUIET}
    assert [hop.node for hop in found.explain(QUIET)] == [V1, RELEASE, QUIET]


def test_a_hold_out_that_comes_back_through_a_circle_counts_as_training():
    found = reach(
        (V1, EdgeKind.DERIVED, V2),
        (V2, EdgeKind.DERIVED, V1),
        (V1, EdgeKind.TRAINED_ON, TRIAGE),
        presences=[presence(shard=HOLD_OUT, last=V1)],
    )

    assert found.tainted() == {TRIAGE}
    assert [hop.node for hop in found.explain(TRIAGE)] == [V1, V2, V1, TRIAGE]


def test_a_shielding_release_lets_nobody_through():
    found = reach(
        (V1, EdgeKind.ANONYMISED, RELEASE),
        (RELEASE, EdgeKind.TRAINED_ON, QUIET),
        (V1, EdgeKind.TRAINED_ON, TRIAGE),
    )

    assert found.tainted() == {QUIET, TRIAGE}
    assert found.tainted(shields=[RELEASE]) == {TRIAGE}
    assert found.shielded([RELEASE]) == {QUIET}
    assert found.reached(shields=[RELEASE]) == {V1, V2, V3, RELEASE, TRIAGE}
    assert found.explain(QUIET, shields=[RELEASE]) == ()


def test_a_way_around_the_shield_counts():
    found = reach(
        (V1, EdgeKind.ANONYMISED, RELEASE),
        (RELEASE, EdgeKind.TRAINED_ON, QUIET),
        (TRIAGE, EdgeKind.DISTILLED_FROM, QUIET),
        (V1, EdgeKind.TRAINED_ON, TRIAGE),
    )

    assert found.tainted(shields=[RELEASE]) == {TRIAGE, QUIET}
    assert found.shielded([RELEASE]) == set()


def test_a_recipient_is_reached_through_models_and_shields_and_by_the_held_out_alone():
    hospital = replace(NODES[-1], kind=NodeKind.RECIPIENT, id=31, name="hospital")
    found = reach(
        (V1, EdgeKind.TRAINED_ON, TRIAGE),
        (V1, EdgeKind.ANONYMISED, RELEASE),
        (V2, EdgeKind.TRAINED_ON, NEXT),
        presences=[presence(last=V1), presence(BEN, shard=HOLD_OUT, last=V1)],
    )

    def told(source) -> dict[SubjectId, set[int]]:
        edge = GraphEdge(source=source, kind=EdgeKind.PASSED_TO, target=hospital.id)
        graph = replace(
            found.graph,
            nodes={**found.graph.nodes, hospital.id: hospital},
            edges=found.graph.edges | {edge},
        )
        return {
            subject: set(nodes)
            for subject, nodes in replace(found, graph=graph).recipients_per_subject().items()
        }

    assert told(TRIAGE) == {ANN: {31}, BEN: set()}
    assert told(RELEASE) == {ANN: {31}, BEN: {31}}
    assert told(V1) == {ANN: {31}, BEN: {31}}
    assert told(NEXT) == {ANN: set(), BEN: set()}
    assert found.recipients_per_subject() == {ANN: frozenset(), BEN: frozenset()}


@pytest.mark.parametrize("mistaken", [V1, TRIAGE, 999])
def test_only_a_release_can_shield(mistaken):
    found = reach((V1, EdgeKind.TRAINED_ON, TRIAGE), (TRIAGE, EdgeKind.FINE_TUNED_FROM, NEXT))

    assert found.tainted(shields=[mistaken]) == {TRIAGE, NEXT}


def test_people_in_the_same_places_taint_the_same_models():
    found = reach((V1, EdgeKind.TRAINED_ON, TRIAGE), presences=[presence(ANN), presence(BEN)])

    assert found.per_subject() == {ANN: {TRIAGE}, BEN: {TRIAGE}}


def test_nobody_reaches_nothing():
    found = reach((V1, EdgeKind.TRAINED_ON, TRIAGE), presences=[])

    assert not found.tainted() | found.reached() | found.subjects()


def test_a_graph_tells_what_somebody_in_a_node_reaches():
    graph = reach((V1, EdgeKind.TRAINED_ON, TRIAGE), (V1, EdgeKind.EVALUATED_ON, NEXT)).graph

    assert graph.carried_from([V1]) == {V1, TRIAGE}


# Properties, on any graph, circles included.

node_ids = st.sampled_from([node.id for node in NODES])
edge_lists = st.lists(st.tuples(node_ids, st.sampled_from(EdgeKind), node_ids), max_size=12)
people = st.lists(
    st.builds(
        presence,
        st.sampled_from([ANN, BEN]),
        shard=st.sampled_from([HOLD_OUT, 0, 1]),
        first=st.just(V1),
        last=st.sampled_from([V1, V2, None]),
    ),
    max_size=3,
)
shield_sets = st.sets(node_ids)


def naively_tainted(found: Reach, *, shields: set[int]) -> set[int]:
    """Apply the four rules to every pair of a way and a node until nothing changes."""
    whole: set[int] = set()
    aside: set[int] = set()
    for person in found.presences:
        last = V3 if person.to_seq is None else person.to_seq
        (aside if person.held_out else whole).update(range(person.from_seq, last + 1))
    changed = True
    while changed:
        before = set(whole)
        for edge in found.graph.edges:
            from_whole = edge.source in whole and not (edge.source == RELEASE in shields)
            from_aside = edge.source in aside and edge.kind is not EdgeKind.TRAINED_ON
            if edge.kind is not EdgeKind.EVALUATED_ON and (from_whole or from_aside):
                whole.add(edge.target)
        changed = whole != before
    return whole & {TRIAGE, NEXT, QUIET}


@given(edge_lists, people, shield_sets)
def test_taint_follows_the_rules(edges, presences, shields):
    found = reach(*edges, presences=presences)

    assert found.tainted(shields=shields) == naively_tainted(found, shields=shields)


@given(edge_lists, st.tuples(node_ids, st.sampled_from(EdgeKind), node_ids), people, shield_sets)
def test_another_edge_never_cleans_a_model(edges, another, presences, shields):
    before = reach(*edges, presences=presences)
    after = reach(*edges, another, presences=presences)

    assert before.tainted(shields=shields) <= after.tainted(shields=shields)


@given(edge_lists, people, people, shield_sets)
def test_another_person_never_cleans_a_model(edges, presences, others, shields):
    before = reach(*edges, presences=presences)
    after = reach(*edges, presences=[*presences, *others])

    assert before.tainted(shields=shields) <= after.tainted(shields=shields)


@given(edge_lists, people, shield_sets, node_ids)
def test_another_shield_never_taints_a_model(edges, presences, shields, another):
    found = reach(*edges, presences=presences)

    assert found.tainted(shields=shields | {another}) <= found.tainted(shields=shields)


@given(edge_lists, people, shield_sets)
def test_every_tainted_model_is_either_shielded_or_not(edges, presences, shields):
    found = reach(*edges, presences=presences)

    assert found.shielded(shields) | found.tainted(shields=shields) == found.tainted()
    assert not found.shielded(shields) & found.tainted(shields=shields)


@given(edge_lists, people, shield_sets)
def test_a_model_is_tainted_exactly_if_some_person_taints_it(edges, presences, shields):
    found = reach(*edges, presences=presences)

    each = found.per_subject(shields=shields)

    assert frozenset().union(*each.values()) == found.tainted(shields=shields)
    assert each.keys() == found.subjects()


@given(edge_lists, people, shield_sets)
def test_every_reached_node_is_explained_by_a_way_that_exists(edges, presences, shields):
    found = reach(*edges, presences=presences)
    held = frozenset().union(*found.holding().values())

    for node in found.reached(shields=shields):
        way = found.explain(node, shields=shields)
        assert way[0].by is None
        assert way[0].node in held
        assert way[-1].node == node
        for source, hop in pairwise(way):
            assert (source.node, hop.by, hop.node) in edges
            assert hop.by is not EdgeKind.EVALUATED_ON
