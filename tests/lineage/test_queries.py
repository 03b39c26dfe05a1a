import pytest

from lineage import queries
from lineage.errors import NamespaceUnknown, NodeUnknown, StoreUnknown
from lineage.graph import EdgeKind, NodeKind
from lineage.identifiers import IdentifierKind, SubjectId
from lineage.models import Edge
from lineage.places import FamilyRef, StoreRef
from lineage.reach import Hop, Presence
from lineage.sharding import HOLD_OUT
from lineage.stores.protocol import DeclaredColumn
from tests.cast import ALICE, BOB
from tests.lineage.builders import (
    PATIENT_ID,
    PEOPLE,
    make_dataset,
    make_family,
    make_namespace,
    make_node,
    make_store,
    make_version,
    pseudonym,
    scanned,
    subject,
    write_people,
)

pytestmark = pytest.mark.django_db

TRAINED_ON, EVALUATED_ON = EdgeKind.TRAINED_ON, EdgeKind.EVALUATED_ON


@pytest.fixture
def family(tmp_path):
    return make_family(make_store(tmp_path))


def test_pseudonyms_resolve_to_known_people_only(family, django_assert_num_queries):
    make_version(family, scanned([ALICE, BOB]))
    asked = [pseudonym(ALICE), pseudonym("nobody-canary-00d1")]

    with django_assert_num_queries(1):
        found = queries.resolve(asked)

    assert found == {pseudonym(ALICE): subject(ALICE)}


def test_memberships_are_intervals(family, django_assert_num_queries):
    make_version(family, scanned([ALICE, BOB]))
    make_version(family, scanned([BOB]))
    alice = subject(ALICE)

    with django_assert_num_queries(1):
        (stay,) = queries.memberships_of([alice])

    ((_, shard),) = scanned([ALICE]).members()
    assert stay == Presence(subject=alice, family_id=family.pk, shard=shard, from_seq=1, to_seq=1)


def test_reach_is_read_in_two_statements_however_many_people_and_models(
    family, django_assert_num_queries
):
    first = make_version(family, scanned(PEOPLE))
    second = make_version(family, scanned(PEOPLE[1:]))
    old = make_node(name="old", sources=[(first.node_id, TRAINED_ON)])
    tuned = make_node(name="tuned", sources=[(old.pk, EdgeKind.FINE_TUNED_FROM)])
    new = make_node(name="new", sources=[(second.node_id, TRAINED_ON)])
    sent = make_node(NodeKind.RECIPIENT, "hospital", sources=[(tuned.pk, EdgeKind.PASSED_TO)])
    alice, bob = subject(ALICE), subject(BOB)

    with django_assert_num_queries(2):
        reach = queries.reach_of([alice, bob])

    assert reach.per_subject() == {
        alice: {old.pk, tuned.pk},
        bob: {old.pk, tuned.pk, new.pk},
    }
    assert reach.holding() == {alice: {first.node_id}, bob: {first.node_id, second.node_id}}
    assert sent.pk in reach.reached()
    assert reach.explain(tuned.pk) == (
        Hop(by=None, node=first.node_id),
        Hop(by=TRAINED_ON, node=old.pk),
        Hop(by=EdgeKind.FINE_TUNED_FROM, node=tuned.pk),
    )
    assert reach.graph.nodes[sent.pk].name == "hospital"


def test_reach_knows_who_is_held_out(tmp_path):
    version = make_version(
        make_family(make_store(tmp_path), hold_out_permille=999),
        scanned(PEOPLE, hold_out_permille=999),
    )
    make_node(sources=[(version.node_id, TRAINED_ON), (version.node_id, EVALUATED_ON)])

    reach = queries.reach_of([subject(ALICE)])

    assert [stay.shard for stay in reach.presences] == [HOLD_OUT]
    assert reach.holding() == {subject(ALICE): {version.node_id}}
    assert reach.tainted() == set()


def test_nobody_reaches_nothing(family):
    make_version(family, scanned(PEOPLE))

    reach = queries.reach_of([])

    assert not reach.presences
    assert not reach.graph.nodes
    assert not reach.tainted()


def test_a_circle_of_edges_ends(family, django_assert_num_queries):
    version = make_version(family, scanned([ALICE]))
    one = make_node(name="one", sources=[(version.node_id, TRAINED_ON)])
    two = make_node(name="two", sources=[(one.pk, EdgeKind.DISTILLED_FROM)])
    Edge.objects.create(source=two, target=one, kind=EdgeKind.DISTILLED_FROM)

    with django_assert_num_queries(1):
        graph = queries.downstream_of([version.node_id])

    assert graph.nodes.keys() == {version.node_id, one.pk, two.pk}
    assert len(graph.edges) == 3


def test_downstream_of_an_unknown_node_is_refused(family):
    with pytest.raises(NodeUnknown, match="404"):
        queries.downstream_of([404])
    with pytest.raises(NodeUnknown):
        queries.downstream_of([10**30])


def test_where_somebody_is_takes_four_statements(family, django_assert_num_queries):
    make_version(family, scanned([ALICE, BOB]))
    make_version(family, scanned([BOB]))
    people = [subject(ALICE), subject(BOB)]

    with django_assert_num_queries(4):
        found = queries.where_is(people)

    assert [(stay.family, stay.store, stay.first, stay.last) for stay in found.stays] == [
        ("patients", "patients", 1, 1),
        ("patients", "patients", 1, None),
    ]
    assert found.unscanned == ()


def test_stores_are_found_by_the_namespaces_of_their_columns(tmp_path, django_assert_num_queries):
    make_namespace("email", kind=IdentifierKind.EMAIL)
    both = make_store(tmp_path / "both", name="both", columns={"id": PATIENT_ID, "mail": "email"})
    family = make_family(make_store(tmp_path / "plain", name="plain"))

    with django_assert_num_queries(3):
        found = queries.stores_of(["email"])

    assert found == [
        StoreRef(
            id=both.pk,
            name="both",
            families=(),
            columns=(DeclaredColumn(name="mail", namespace="email", kind=IdentifierKind.EMAIL),),
        )
    ]
    named_by_id = queries.stores_of([PATIENT_ID])
    assert [store.name for store in named_by_id] == ["both", "plain"]
    assert named_by_id[1].families == (FamilyRef(id=family.pk, name="patients"),)
    assert queries.stores_of(["phone"]) == []


def test_the_newest_version_is_the_last_one_whatever_its_state(family):
    assert queries.newest_version(family.pk) is None
    make_version(family, scanned([ALICE]))

    second = make_version(family, scanned([BOB]))

    assert queries.newest_version(family.pk) == second


def test_members_of_an_old_version_are_still_known(family, django_assert_num_queries):
    first = make_version(family, scanned([ALICE, BOB]))
    make_version(family, scanned([BOB]))

    with django_assert_num_queries(2):
        members = queries.member_shards(version_id=first.pk)

    assert members == dict(scanned([ALICE, BOB]).members())


def test_a_registered_place_is_opened_and_scanned(tmp_path):
    version = make_dataset(tmp_path / "patients")

    adapter = queries.adapter_of(version.family.store_id)

    assert [column.name for column in adapter.columns] == [PATIENT_ID]
    assert set(adapter.read(adapter.parts()[0].name, [PATIENT_ID])[PATIENT_ID].to_pylist()) == set(
        PEOPLE
    )
    assert queries.member_shards(version_id=version.pk) == dict(scanned(PEOPLE).members())


def test_a_changed_place_is_scanned_anew(tmp_path):
    first = make_dataset(tmp_path / "patients")
    write_people(tmp_path / "patients" / "part-0.parquet", PEOPLE[1:])

    second = make_version(first.family)

    assert (second.seq, second.member_count) == (2, len(PEOPLE) - 1)


def test_what_is_not_registered_is_refused(db):
    with pytest.raises(StoreUnknown):
        queries.adapter_of(404)
    with pytest.raises(NodeUnknown):
        queries.member_shards(version_id=404)
    with pytest.raises(NodeUnknown):
        queries.scan_family(404)
    with pytest.raises(NodeUnknown):
        queries.family_named("nothing")
    with pytest.raises(NamespaceUnknown):
        queries.kind_of_namespace("nothing")
    assert queries.memberships_of([SubjectId(404)]) == []
