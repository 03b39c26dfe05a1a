import json
from datetime import timedelta

from deletion.planning import Demand, LivingVersion, Plan, make_plan
from deletion.states import ObligationKind
from lineage.graph import EdgeKind, NodeKind
from lineage.identifiers import IdentifierKind, SubjectId
from lineage.places import FamilyRef, StoreRef
from lineage.reach import Graph, GraphEdge, GraphNode, Presence, Reach
from lineage.sharding import HOLD_OUT, Shard
from lineage.stores.protocol import DeclaredColumn
from tests.cast import MONDAY

ALICE_S, BOB_S = SubjectId(1), SubjectId(2)
ERASE_BY = MONDAY + timedelta(days=10)
MODELS_BY = MONDAY + timedelta(days=20)
PATIENTS = StoreRef(
    id=1,
    name="patients",
    families=(FamilyRef(id=11, name="patients"),),
    columns=(DeclaredColumn(name="pid", namespace="patient_id", kind=IdentifierKind.TEXT),),
)
VISITS = StoreRef(
    id=2,
    name="visits",
    families=(),
    columns=(DeclaredColumn(name="who", namespace="patient_id", kind=IdentifierKind.TEXT),),
)
MAILS = StoreRef(
    id=3,
    name="mails",
    families=(),
    columns=(DeclaredColumn(name="to", namespace="email", kind=IdentifierKind.EMAIL),),
)
SENTENCE = "influence bounded, retraining deferred"

# dataset v1 (100) → release (200) → model b (302); dataset v1 → model a (301); measured by model c
NODES = {
    100: GraphNode(
        id=100,
        kind=NodeKind.DATASET_VERSION,
        name="patients",
        version="1",
        family_id=11,
        seq=1,
    ),
    200: GraphNode(id=200, kind=NodeKind.RELEASE, name="sums", version="1"),
    301: GraphNode(id=301, kind=NodeKind.MODEL_VERSION, name="a", version="1"),
    302: GraphNode(id=302, kind=NodeKind.MODEL_VERSION, name="b", version="1"),
    303: GraphNode(id=303, kind=NodeKind.MODEL_VERSION, name="c", version="1"),
}
EDGES = frozenset(
    {
        GraphEdge(source=100, target=301, kind=EdgeKind.TRAINED_ON),
        GraphEdge(source=100, target=200, kind=EdgeKind.ANONYMISED),
        GraphEdge(source=200, target=302, kind=EdgeKind.TRAINED_ON),
        GraphEdge(source=100, target=303, kind=EdgeKind.EVALUATED_ON),
    }
)
LIVING = [
    LivingVersion(node_id=301, model_id=1, model="a", number="1"),
    LivingVersion(node_id=302, model_id=2, model="b", number="1"),
    LivingVersion(node_id=303, model_id=3, model="c", number="1"),
]


def present(subject=ALICE_S, *, shard=0, to_seq=None):
    return Presence(subject=subject, family_id=11, shard=Shard(shard), from_seq=1, to_seq=to_seq)


def reach(*presences, nodes=NODES, edges=EDGES):
    return Reach(presences=presences, graph=Graph(nodes=nodes, edges=edges))


NOWHERE = Reach(presences=(), graph=Graph(nodes={}, edges=frozenset()))


def demand(name="r-alice", subjects=(ALICE_S,), *, namespaces=("patient_id",), late=0):
    return Demand(
        request_id=name,
        namespaces=frozenset(namespaces),
        subjects=frozenset(subjects),
        erase_by=ERASE_BY + timedelta(days=late),
        models_by=MODELS_BY + timedelta(days=late),
    )


def plan(*demands, reach=NOWHERE, stores=(PATIENTS, VISITS), living=LIVING, shields=None) -> Plan:
    return make_plan(
        demands or (demand(),),
        stores=stores,
        reach=reach,
        living=living,
        shields=shields or {},
    )


def by_target(made: Plan):
    return {one.target: one for one in made.obligations}


def test_every_store_of_the_namespaces_is_searched_although_lineage_knows_nobody():
    made = plan(demand(subjects=()), stores=(PATIENTS, VISITS, MAILS))

    assert set(by_target(made)) == {"patients", "visits"}
    assert all(not share.expected for one in made.obligations for share in one.shares)


def test_a_request_is_searched_by_its_own_namespaces_only():
    mail = demand("r-mail", (), namespaces=("email",))

    made = plan(demand(), mail, stores=(PATIENTS, MAILS))

    asked = {name: [s.request_id for s in one.shares] for name, one in by_target(made).items()}
    assert asked == {"patients": ["r-alice"], "mails": ["r-mail"]}
    assert made.requests == {"r-alice", "r-mail"}


def test_a_request_with_nowhere_to_look_has_no_part_in_the_plan():
    made = plan(demand(), demand("r-fax", (), namespaces=("fax",)))

    assert made.requests == {"r-alice"}


def test_a_model_trained_on_the_person_is_retrained_after_the_store_that_fed_it():
    made = by_target(plan(reach=reach(present())))

    assert made["a"].kind is ObligationKind.RETRAIN
    assert made["a"].after == (PATIENTS.id,)
    assert made["a"].because == "patients 1 → trained on → a 1"
    assert made["a"].due_at == MODELS_BY
    assert made["patients"].shares[0].expected
    assert not made["visits"].shares[0].expected


CHILDREN = {
    401: GraphNode(id=401, kind=NodeKind.MODEL_VERSION, name="tuned", version="1"),
    402: GraphNode(id=402, kind=NodeKind.MODEL_VERSION, name="small", version="1"),
}
DESCENT = {
    GraphEdge(source=301, target=401, kind=EdgeKind.FINE_TUNED_FROM),
    GraphEdge(source=401, target=402, kind=EdgeKind.DISTILLED_FROM),
}
FAMILY = [
    LIVING[0],
    LivingVersion(node_id=401, model_id=4, model="tuned", number="1"),
    LivingVersion(node_id=402, model_id=5, model="small", number="1"),
]


def test_what_came_from_another_model_is_trained_again_after_it():
    graph = reach(present(), nodes=NODES | CHILDREN, edges=EDGES | DESCENT)

    made = by_target(plan(reach=graph, living=FAMILY))

    assert made["a"].after_models == ()
    assert made["tuned"].after_models == (1,)
    assert made["small"].after_models == (1, 4)
    assert made["small"].because == (
        "patients 1 → trained on → a 1 → fine-tuned from → tuned 1 → distilled from → small 1"
    )


def test_nobody_waits_for_a_model_whose_versions_are_gone():
    graph = reach(present(), nodes=NODES | CHILDREN, edges=EDGES | DESCENT)

    made = by_target(plan(reach=graph, living=[LIVING[0], FAMILY[2]]))

    assert made["small"].after_models == (1,)
    assert "tuned" not in made


def test_models_that_came_from_each_other_do_not_wait_for_ever():
    later = GraphNode(id=403, kind=NodeKind.MODEL_VERSION, name="a", version="2")
    back = GraphEdge(source=402, target=403, kind=EdgeKind.FINE_TUNED_FROM)
    graph = reach(present(), nodes=NODES | CHILDREN | {403: later}, edges=EDGES | DESCENT | {back})
    living = [*FAMILY, LivingVersion(node_id=403, model_id=1, model="a", number="2")]

    made = by_target(plan(reach=graph, living=living))

    assert [made[name].after_models for name in ("a", "tuned", "small")] == [(), (), ()]


def test_a_model_that_only_measured_on_the_person_is_spared_and_named():
    made = plan(reach=reach(present()))

    assert "c" not in by_target(made)
    assert [(one.model, one.number) for one in made.spared] == [("c", "1")]


def test_a_person_who_is_held_out_taints_no_trained_model():
    made = plan(reach=reach(present(shard=HOLD_OUT)))

    assert "a" not in by_target(made)
    assert {one.model for one in made.spared} == {"a", "c"}


def test_a_model_behind_a_shield_ends_with_the_shields_sentence():
    made = by_target(plan(reach=reach(present()), shields={200: SENTENCE}))

    (share,) = made["b"].shares
    assert share.shielded == SENTENCE
    assert made["b"].open_shares == ()
    assert made["b"].after == ()
    assert made["a"].open_shares == made["a"].shares


def test_without_the_shield_the_model_behind_the_release_is_retrained():
    made = by_target(plan(reach=reach(present())))

    assert made["b"].open_shares == made["b"].shares
    assert made["b"].because == "patients 1 → anonymised from → sums 1 → trained on → b 1"


def test_only_those_who_taint_a_model_take_part_in_it():
    made = by_target(
        plan(
            demand(),
            demand("r-bob", (BOB_S,), late=-5),
            reach=reach(present(), present(BOB_S, shard=HOLD_OUT)),
        )
    )

    assert [share.request_id for share in made["a"].shares] == ["r-alice"]
    assert made["a"].due_at == MODELS_BY
    assert [share.request_id for share in made["patients"].shares] == ["r-alice", "r-bob"]
    assert made["patients"].due_at == ERASE_BY - timedelta(days=5)


def test_somebody_who_left_the_training_set_is_not_expected_there_but_taints_what_learned_it():
    made = by_target(plan(reach=reach(present(to_seq=1))))

    assert not made["patients"].shares[0].expected
    assert made["a"].open_shares


def test_a_tainted_model_of_another_tool_is_named_as_nobodys():
    foreign = LivingVersion(node_id=301, model_id=None, model="a", number="1")

    made = plan(reach=reach(present()), living=[foreign])

    assert made.unmanaged == ("a 1",)
    assert "a" not in by_target(made)


def test_a_destroyed_version_is_nobodys_obligation():
    made = plan(reach=reach(present()), living=[])

    assert set(by_target(made)) == {"patients", "visits"}


def test_the_digest_is_the_plans_and_does_not_depend_on_the_order_of_anything():
    everything = {"reach": reach(present(), present(BOB_S)), "shields": {200: SENTENCE}}
    alice, bob = demand(), demand("r-bob", (BOB_S,))

    first = plan(alice, bob, **everything)
    second = plan(bob, alice, stores=(VISITS, PATIENTS), living=LIVING[::-1], **everything)

    assert first.digest == second.digest
    assert first.digest != plan(alice, **everything).digest
    assert first.digest != plan(alice, bob, reach=everything["reach"]).digest


def test_a_plan_names_no_person():
    text = plan(demand(), reach=reach(present())).text

    said = json.loads(text)
    assert set(said) == {"v", "obligations", "spared", "unmanaged", "recipients"}
    assert "subject" not in text
    assert {key for one in said["obligations"] for share in one["shares"] for key in share} == {
        "request_id",
        "expected",
        "shielded",
    }
