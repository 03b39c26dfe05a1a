from deletion.closure import Remains, remains_of
from deletion.planning import LivingVersion
from lineage.graph import EdgeKind, NodeKind
from lineage.identifiers import SubjectId
from lineage.reach import Graph, GraphEdge, GraphNode, Presence, Reach
from lineage.sharding import Shard

ALICE_S, BOB_S = SubjectId(1), SubjectId(2)
GRAPH = Graph(
    nodes={
        1: GraphNode(
            id=1, kind=NodeKind.DATASET_VERSION, name="patients", version="1", family_id=7, seq=1
        ),
        2: GraphNode(id=2, kind=NodeKind.RELEASE, name="sums", version="1"),
        3: GraphNode(id=3, kind=NodeKind.MODEL_VERSION, name="triage", version="1"),
    },
    edges=frozenset(
        {
            GraphEdge(source=1, target=2, kind=EdgeKind.ANONYMISED),
            GraphEdge(source=2, target=3, kind=EdgeKind.TRAINED_ON),
        }
    ),
)
LIVING = [LivingVersion(node_id=3, model_id=1, model="triage", number="1")]


def remains(*subjects, to_seq=None, living=LIVING, shields=(), loose=()):
    presence = Presence(subject=ALICE_S, family_id=7, shard=Shard(0), from_seq=1, to_seq=to_seq)
    return remains_of(
        subjects or (ALICE_S,),
        reach=Reach(presences=(presence,), graph=GRAPH),
        families={7: "patients"},
        living=living,
        shields=shields,
        loose=loose,
    )


def test_who_is_still_in_a_training_set_remains_there_and_in_what_learned_from_it():
    assert remains() == Remains(datasets=("dataset/patients",), versions=("model/triage 1",))


def test_who_left_the_training_set_remains_in_a_living_model():
    assert remains(to_seq=1) == Remains(versions=("model/triage 1",))


def test_a_destroyed_model_and_a_shielded_one_hold_nobody():
    assert remains(to_seq=1, living=[]) == Remains()
    assert remains(to_seq=1, shields=[2]) == Remains()


def test_nobody_else_counts():
    assert remains(BOB_S) == Remains()


def test_a_training_that_has_not_ended_and_loose_snapshots_are_waited_for():
    training = LivingVersion(
        node_id=3, model_id=1, model="triage", number="in training", in_training=True
    )

    left = remains(to_seq=1, living=[training], loose=["triage"])

    assert left == Remains(in_training=("model/triage in training", "model/triage snapshots"))
    assert left.to_plan == ()


def test_another_tools_model_is_named_apart():
    foreign = LivingVersion(node_id=3, model_id=None, model="elsewhere", number="1")

    left = remains(to_seq=1, living=[foreign])

    assert left == Remains(unmanaged=("model/elsewhere 1",))
    assert left.to_plan == ()
