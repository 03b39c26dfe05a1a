"""Giving data up by order: everything that was made of it goes, and nothing else does."""

import re
import shutil
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st

from audits.actions import seal
from audits.bundle import verify_bundle
from audits.models import Alert
from audits.permissions import Role
from audits.queries import trail_signer
from audits.statements import open_envelope
from audits.trail import Actor
from deletion import actions, tasks
from deletion.disgorgement import (
    Holding,
    ItemKind,
    NamedBy,
    OrderState,
    World,
    closure_from,
    closure_of,
)
from deletion.errors import (
    DisgorgementConflict,
    DisgorgementUnknown,
    ItemUnknown,
    MoveNotAllowed,
    PlanOutdated,
    TwoPeopleNeeded,
)
from deletion.models import Disgorgement
from deletion.queries import disgorgement as queries
from lineage.errors import FamilyRetired, NodeUnknown, StoreUnknown
from lineage.graph import EdgeKind, NodeKind
from lineage.models import DatasetFamily
from lineage.reach import Graph, GraphEdge, GraphNode
from privacy.states import ReleaseState
from tests.cast import ALICE, MONDAY, OFFICER
from tests.deletion.builders import DORA, make_request, raw, right_now, state, walk
from tests.lineage.builders import make_family, make_node, make_version, recorded
from tests.privacy.builders import make_account, make_release
from tests.training.builders import (
    artefact_files,
    artefact_folder,
    make_model,
    make_patients,
    start,
    train,
    version_of,
)
from training import artefacts
from training import queries as training
from training.models import ModelVersion, TrainingRun
from training.states import VersionState

PROOF = "ab" * 32


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


@pytest.fixture
def patients(tmp_path):
    return make_patients(tmp_path / "patients")


@pytest.fixture
def model(patients):
    model = make_model(patients.family)
    train(model)
    return model


@pytest.fixture
def bystander(tmp_path):
    model = make_model(make_patients(tmp_path / "others", name="others").family, name="beds")
    train(model)
    return model


def propose(name="patients", named_by=NamedBy.FAMILY, actor=OFFICER, now=MONDAY, **changes):
    return actions.propose_disgorgement(
        named_by=named_by,
        name=name,
        order="FTC C-4743",
        reason="ordered",
        days=changes.get("days", 90),
        actor=actor,
        now=now,
    )


def approve(row, actor=DORA, digest=None, now=MONDAY):
    return actions.approve_disgorgement(
        disgorgement_id=row.pk, seen_digest=digest or row.digest, actor=actor, now=now
    )


def attest(row, item):
    return actions.testify(
        disgorgement_id=row.pk,
        item=item,
        reason="we saw it",
        evidence_digest=PROOF,
        actor=DORA,
        now=MONDAY,
    )


def follow():
    for order in queries.open_orders():
        tasks.follow_disgorgement(order)


def look(row):
    gone = queries.places_seen_gone(row)
    actions.note_places_gone(disgorgement_id=row.pk, store_ids=gone, actor=DORA, now=MONDAY)
    return gone


def left(row):
    return {one.item.key for one in queries.standings(row) if not one.became.is_settled}


def disgorge(*arguments):
    out = StringIO()
    call_command("disgorge", *arguments, stdout=out)
    return out.getvalue()


def family_tree(model):
    """Register what other tools made of a model, and to whom it was passed."""
    node = version_of(model, 1).node_id
    tuned = make_node(name="tuned", sources=[(node, EdgeKind.FINE_TUNED_FROM)])
    make_node(name="small", sources=[(tuned.pk, EdgeKind.DISTILLED_FROM)])
    make_node(NodeKind.RECIPIENT, "insurer", sources=[(node, EdgeKind.PASSED_TO)])
    make_node(name="judge", sources=[(node, EdgeKind.EVALUATED_ON)])


@pytest.mark.django_db
def test_it_lists_everything_with_the_way_to_it_and_changes_nothing(model, bystander):
    family_tree(model)

    said = disgorge("--family", "patients")

    assert [line for line in said.splitlines() if not line.startswith(" ")][:-1] == [
        "store/patients",
        "training set/patients",
        "dataset version/patients 1",
        "model version/small 1",
        "model version/triage 1",
        "model version/tuned 1",
        "recipient/insurer 1",
        "only measured on it: model version judge 1: evaluated on model version triage 1",
    ]
    assert "    model version small 1: distilled from model version tuned 1\n" in said
    assert said.count("    with snapshot of shard") == 4
    assert "    with signed release to serving systems\n" in said
    assert not Disgorgement.objects.exists()
    assert disgorge("--store", "patients").splitlines()[:1] == ["store/patients"]


@pytest.mark.django_db
def test_a_source_is_every_version_of_what_has_the_name(model):
    family_tree(model)

    assert {one.key for one in queries.reached(NamedBy.SOURCE, "tuned").items} == {
        "model version/tuned 1",
        "model version/small 1",
    }
    for name in ("nobody-knows", "insurer", "\x00"):
        with pytest.raises(NodeUnknown):
            queries.reached(NamedBy.SOURCE, name)
    with pytest.raises(StoreUnknown):
        queries.reached(NamedBy.STORE, "nobody-knows")


@pytest.mark.django_db
def test_a_derived_set_goes_whole_and_so_does_what_shares_its_place(model, tmp_path, bystander):
    derived = make_patients(tmp_path / "derived", name="derived")
    sibling = make_version(make_family(derived.family.store, name="sibling", hold_out_permille=100))
    make_node(
        NodeKind.DATASET_VERSION,
        "derived",
        "1",
        sources=[(model.versions.get().dataset_version.node_id, EdgeKind.DERIVED)],
    )

    found = {one.key: one.way for one in queries.reached(NamedBy.FAMILY, "patients").items}

    assert {"store/derived", "training set/sibling", "dataset version/sibling 1"} <= found.keys()
    assert found["training set/sibling"][-1] == "training set sibling: kept in store derived"
    assert not [key for key in found if "others" in key or "beds" in key]
    assert sibling.seq == 1


@pytest.mark.django_db
def test_the_whole_road_of_an_order(model, bystander, tmp_path):
    family_tree(model)
    others = artefact_files(bystander)
    assert len(artefact_files(model)) == 5
    assert version_of(model, 1).state == VersionState.RELEASED

    row = approve(propose())
    follow()

    assert artefact_files(model) == set()
    assert version_of(model, 1).state == VersionState.DESTROYED
    told = [training.serving(name, now=right_now()).envelope for name in ("triage", "beds")]
    assert told[0] != told[1]
    with pytest.raises(FamilyRetired):
        start(model)
    assert left(row) == {
        "store/patients",
        "dataset version/patients 1",
        "model version/tuned 1",
        "model version/small 1",
        "recipient/insurer 1",
    }
    assert look(row) == []  # the files are there
    with pytest.raises(ItemUnknown):
        attest(row, "model version/triage 1")  # Lethe made it
    for item in ("model version/tuned 1", "model version/small 1", "recipient/insurer 1"):
        attest(row, item)
    follow()
    assert Disgorgement.objects.get().state == OrderState.APPROVED

    shutil.rmtree(tmp_path / "patients")
    assert look(row) == [model.family.store_id]
    follow()

    row.refresh_from_db()
    assert (row.state, left(row)) == (OrderState.CARRIED_OUT, set())
    kinds = {alert.kind for alert in Alert.objects.filter(resolved_at=None)}
    assert kinds == {"no-version-serves"}
    for event in ("Proposed", "Approved", "CarriedOut"):
        assert len(recorded(f"Disgorgement{event}")) == 1
    assert len(recorded("ItemTestified")) == 4
    assert artefact_files(bystander) == others
    assert version_of(bystander, 1).state == VersionState.RELEASED
    assert train(bystander).version == 2

    said: Any = open_envelope(row.envelope, public_keys={"trail": trail_signer().public_key})
    fates = {one["item"]: one["became"] for one in said["predicate"]["items"]}
    assert fates["model version/triage 1"].startswith("destroyed")
    assert "not proven by Lethe" in fates["recipient/insurer 1"]
    document = disgorge("--statement", str(row.pk))
    assert "Signature   ____" in document
    assert "DRAFT" not in document
    assert row.statement_digest in document


@pytest.mark.django_db
def test_outsiders_verify_the_signed_statement_offline(patients, tmp_path):
    row = approve(propose())
    with pytest.raises(CommandError, match="NotComplete"):
        disgorge("--statement", str(row.pk), "--bundle", str(tmp_path / "bundle"))
    assert "DRAFT" in disgorge("--statement", str(row.pk))
    shutil.rmtree(tmp_path / "patients")
    looked = disgorge("--look", str(row.pk))
    assert "done  store/patients: Lethe looked and nothing was there" in looked
    follow()
    seal(now=right_now())

    disgorge("--statement", str(row.pk), "--bundle", str(tmp_path / "bundle"))

    verdict = verify_bundle(tmp_path / "bundle")
    assert verdict.entry.event == "DisgorgementCarriedOut"
    said: Any = verdict.statement
    assert said["predicate"]["order"] == "FTC C-4743"


@pytest.mark.django_db
def test_two_people_are_needed_and_only_the_plan_that_was_seen_is_approved(model):
    row = propose()

    with pytest.raises(TwoPeopleNeeded):
        approve(row, actor=OFFICER)
    with pytest.raises(PlanOutdated):
        approve(row, digest="00" * 32)
    with pytest.raises(DisgorgementConflict):
        propose()
    assert version_of(model, 1).state == VersionState.RELEASED
    approve(row)
    with pytest.raises(MoveNotAllowed):
        approve(row)


@pytest.mark.django_db
def test_a_plan_that_lineage_has_outrun_cannot_be_approved_and_nothing_was_touched(model):
    row = propose()
    make_node(name="late", sources=[(version_of(model, 1).node_id, EdgeKind.DISTILLED_FROM)])

    with pytest.raises(PlanOutdated):
        approve(row)

    assert version_of(model, 1).state == VersionState.RELEASED
    assert not DatasetFamily.objects.filter(retired_at__isnull=False).exists()
    actions.refuse_disgorgement(disgorgement_id=row.pk, actor=OFFICER, now=MONDAY)
    assert approve(propose()).state == OrderState.APPROVED


@pytest.mark.django_db
def test_what_is_reached_after_the_approval_keeps_the_order_open(patients, tmp_path):
    row = approve(propose())
    shutil.rmtree(tmp_path / "patients")
    look(row)
    make_node(name="late", sources=[(patients.node_id, EdgeKind.TRAINED_ON)])

    follow()

    assert left(row) == {"model version/late 1"}
    assert [one.is_late for one in queries.standings(row) if not one.became.is_settled] == [True]
    attest(row, "model version/late 1")
    follow()
    assert Disgorgement.objects.get().state == OrderState.CARRIED_OUT


@pytest.mark.django_db
def test_a_death_between_file_and_row_loses_nothing(model, monkeypatch):
    row = approve(propose())
    real = artefacts.destroy

    def dying(root, name):
        real(root, name)
        raise KeyboardInterrupt  # the file is gone, and no row says so

    monkeypatch.setattr(artefacts, "destroy", dying)
    with pytest.raises(KeyboardInterrupt):
        follow()
    assert "model version/triage 1" in left(row)
    assert len(artefact_files(model)) == 4

    monkeypatch.undo()
    follow()

    assert artefact_files(model) == set()
    assert "model version/triage 1" not in left(row)


@pytest.mark.django_db
def test_a_file_that_no_row_names_keeps_the_order_open_until_it_is_gone(model, tmp_path):
    row = approve(propose())
    follow()
    shutil.rmtree(tmp_path / "patients")
    look(row)
    stray = artefact_folder() / str(model.pk) / "stray.json"
    stray.write_text("{}")

    state_now = actions.follow_disgorgement(
        disgorgement_id=row.pk, models_with_files=[model.pk], actor=DORA, now=MONDAY
    )

    assert (state_now, left(row)) == (OrderState.APPROVED, set())
    follow()
    assert not stray.exists()
    assert Disgorgement.objects.get().state == OrderState.CARRIED_OUT


@pytest.mark.django_db
def test_no_shield_helps_a_release_and_what_was_made_of_it(patients):
    make_account(patients.family)
    release = make_release(patients)
    assert release.node is not None
    make_node(name="of-the-release", sources=[(release.node.pk, EdgeKind.TRAINED_ON)])

    row = approve(propose())

    release.refresh_from_db()
    assert (release.state, release.result) == (ReleaseState.WITHDRAWN, None)
    assert "model version/of-the-release 1" in left(row)
    assert f"anonymised release/sizes-by-ward {release.pk}" not in left(row)


@pytest.mark.django_db
def test_a_training_in_progress_is_listed_and_ended(model):
    run = start(model)

    row = propose()
    assert "training/triage" in {one.key for one in closure_from(row.plan).items}
    approve(row)

    assert TrainingRun.objects.get(pk=run).state == "failed"
    assert "training/triage" not in left(row)


@pytest.mark.django_db
@pytest.mark.parametrize("is_gone", [False, True], ids=["place there", "place gone"])
def test_a_persons_request_goes_on_unhindered(model, tmp_path, is_gone):
    opened = make_request(raw(ALICE), now=right_now())
    row = approve(propose())
    if is_gone:
        shutil.rmtree(tmp_path / "patients")
        look(row)

    walk()

    assert state(opened) == "complete"
    assert not ModelVersion.objects.filter(destroyed_at=None).exists()


@pytest.mark.django_db
def test_people_are_warned_once_before_the_date(patients):
    row = propose(days=90)

    for days in (75, 77, 78):
        actions.follow_disgorgement(
            disgorgement_id=row.pk,
            models_with_files=[],
            actor=DORA,
            now=MONDAY + timedelta(days=days),
        )

    assert [alert.kind for alert in Alert.objects.all()] == ["disgorgement-due"]
    actions.refuse_disgorgement(disgorgement_id=row.pk, actor=DORA, now=MONDAY)
    assert not Alert.objects.filter(resolved_at=None).exists()


@pytest.mark.django_db
def test_nothing_is_attested_before_the_approval_or_of_what_nobody_knows(patients):
    row = propose()

    with pytest.raises(DisgorgementUnknown):
        attest(row, "store/patients")
    with pytest.raises(DisgorgementUnknown):
        look(row)
    with pytest.raises(DisgorgementUnknown):
        approve(Disgorgement(pk=404, digest="x"))
    approve(row)
    with pytest.raises(ItemUnknown):
        attest(row, "store/unknown")
    attest(row, "store/patients")
    with pytest.raises(ItemUnknown):
        attest(row, "store/patients")
    assert left(row) == set()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--family", "patients", "--store", "patients"],
        ["--family", "nobody-knows"],
        ["--family", "patients", "--propose"],
        ["--family", "patients", "--propose", "--order", "x", "--reason", " "],
        ["--family", "patients", "--propose", "--order", "x", "--reason", "y"],
        ["--family", "patients", "--propose", "--order", "x", "--reason", "y", "--officer", "?"],
        ["--look", "404"],
        ["--statement", "404"],
    ],
)
def test_the_command_says_no_in_one_line(patients, arguments):
    with pytest.raises(CommandError) as refusal:
        disgorge(*arguments)

    assert "\n" not in str(refusal.value)


@pytest.mark.django_db
def test_the_command_proposes_and_somebody_else_approves(model):
    first = User.objects.create_user("vera")
    first.groups.add(Group.objects.get(name=Role.OFFICER))

    said = disgorge(
        *("--family", "patients", "--propose"),
        *("--reason", "ordered", "--order", "R-1", "--officer", "vera"),
    )

    row = Disgorgement.objects.get()
    assert row.proposed_by == f"user:{first.pk}"
    with pytest.raises(TwoPeopleNeeded):
        approve(row, actor=Actor(row.proposed_by))
    assert f"digest {row.digest}" in said
    assert re.search(r"disgorgement \d+ is proposed, due \d{4}-", said)
    assert approve(row).state == OrderState.APPROVED


KINDS = [NodeKind.DATASET_VERSION, NodeKind.MODEL_VERSION, NodeKind.RELEASE, NodeKind.RECIPIENT]


@st.composite
def worlds(draw):
    """Return some world; the first nodes are versions of up to three sets in up to two places."""
    families = draw(st.integers(0, 3))
    size = draw(st.integers(families, 9))
    holdings = tuple(
        Holding(family_id=100 + n, family=f"f{n}", store_id=draw(st.integers(200, 201)))
        for n in range(families)
    )
    nodes = {
        n: GraphNode(
            id=n,
            kind=NodeKind.DATASET_VERSION if n < families else draw(st.sampled_from(KINDS)),
            name=f"n{n}",
            version="1",
            family_id=100 + n if n < families else None,
            seq=1 if n < families else None,
        )
        for n in range(size)
    }
    ends = st.integers(0, max(size - 1, 0))
    edges = draw(
        st.frozensets(
            st.builds(GraphEdge, source=ends, target=ends, kind=st.sampled_from(EdgeKind)),
            max_size=14 if size else 0,
        )
    )
    return World(
        graph=Graph(nodes=nodes, edges=edges), holdings=holdings, stores={200: "s0", 201: "s1"}
    )


def thing(world, node):
    kinds = dict(zip(KINDS, ["DATASET", "MODEL", "RELEASE", "RECIPIENT"], strict=True))
    return ItemKind[kinds[world.graph.nodes[node].kind]], node


def starts_in(world):
    return st.frozensets(
        st.sampled_from(
            [thing(world, node) for node in world.graph.nodes] or [(ItemKind.STORE, 200)]
        )
    )


@given(st.data(), worlds())
@tries(suppress_health_check=[HealthCheck.too_slow])
def test_more_data_never_takes_less_with_it(data, world):
    few, more = data.draw(starts_in(world)), data.draw(starts_in(world))

    less = {(one.kind, one.id) for one in closure_of(few, world).items}

    assert few <= less <= {(one.kind, one.id) for one in closure_of(few | more, world).items}


@given(st.data(), worlds())
@tries(suppress_health_check=[HealthCheck.too_slow])
def test_the_closure_is_closed_and_every_way_is_real(data, world):
    begun = data.draw(starts_in(world))

    found = closure_of(begun, world)

    things = {(one.kind, one.id) for one in found.items}
    for edge in world.graph.edges:
        if edge.kind is not EdgeKind.EVALUATED_ON and thing(world, edge.source) in things:
            assert thing(world, edge.target) in things
    for one in world.holdings:
        mine = {(ItemKind.FAMILY, one.family_id), (ItemKind.STORE, one.store_id)}
        assert mine <= things or not mine & things
    for one in found.items:
        labels = [step.split(": ")[0] for step in one.way]
        assert one.way[0].endswith("named in the order")
        for before, step in zip(labels, one.way[1:], strict=False):
            assert before in step
    assert closure_of(begun, world) == found
    assert closure_from(found.as_json()) == found
    assert closure_of(things, world).digest == closure_of(things, world).digest


@given(st.data(), worlds())
@tries(suppress_health_check=[HealthCheck.too_slow])
def test_nothing_comes_in_over_a_measurement_alone(data, world):
    begun = data.draw(starts_in(world))
    unmeasured = World(
        graph=Graph(
            nodes=world.graph.nodes,
            edges=frozenset(e for e in world.graph.edges if e.kind is not EdgeKind.EVALUATED_ON),
        ),
        holdings=world.holdings,
        stores=world.stores,
    )

    assert closure_of(begun, world).items == closure_of(begun, unmeasured).items
