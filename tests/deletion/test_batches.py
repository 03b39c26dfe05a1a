import pytest

from audits.models import Alert
from deletion import actions
from deletion.errors import BatchUnknown, PlanOutdated
from deletion.models import Batch, Obligation, Share
from deletion.queries.plans import awaiting_approval, awaiting_plan, batch_seen
from deletion.queries.targets import target_of
from lineage.graph import EdgeKind
from lineage.models import Node
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.deletion.builders import events, make_request, raw, state
from tests.lineage.builders import make_dataset, make_namespace, make_node, make_store, write_people

pytestmark = pytest.mark.django_db


def plan(*opened):
    return actions.plan_batch(
        request_ids=[one.request.pk for one in opened], actor=OFFICER, now=MONDAY
    )


def approve(batch, *, digest=None, policy=""):
    return actions.approve_plan(
        batch_id=batch.pk,
        seen_digest=digest or batch.digest,
        policy=policy,
        actor=OFFICER,
        now=MONDAY,
    )


def test_requests_are_planned_together_and_wait_for_approval(tmp_path):
    make_dataset(tmp_path)
    alice, bob = make_request(raw(ALICE)), make_request(raw(BOB), key="k2")

    batch = plan(alice, bob)

    assert state(alice) == state(bob) == "planned"
    assert awaiting_plan(limit=9, now=MONDAY) == []
    assert awaiting_approval(limit=9) == [batch.pk]
    assert batch_seen(batch.pk).people == 2
    assert not Obligation.objects.exists()
    assert events(f"request/{alice.request.pk}") == ["DeletionRequested", "RequestPlanned"]


def test_an_approved_plan_obliges_every_target_by_its_date(tmp_path):
    make_dataset(tmp_path)
    alice, bob = make_request(raw(ALICE)), make_request(raw(BOB), key="k2", regime="internal")

    approve(plan(alice, bob))

    assert state(alice) == "in progress"
    (obligation,) = Obligation.objects.all()
    assert target_of(obligation) == "store/patients"
    assert obligation.due_at == min(alice.request.erase_by, bob.request.erase_by)
    assert obligation.because.endswith("lineage knows 2 of 2 here")
    assert Share.objects.filter(outcome="", expected=True).count() == 2
    batch = Batch.objects.get()
    assert (batch.approved_by, batch.approved_at) == (OFFICER, MONDAY)
    assert events(f"batch/{batch.pk}") == ["PlanApproved"]


def test_a_policy_signs_with_its_own_name(tmp_path):
    make_dataset(tmp_path)

    batch = approve(plan(make_request()), policy="up to 100 people")

    assert batch.approved_by == "policy:up to 100 people"


def test_a_plan_that_lineage_has_outrun_cannot_be_approved(tmp_path):
    version = make_dataset(tmp_path)
    opened = make_request(raw(ALICE))
    batch = plan(opened)
    make_node(sources=[(version.node_id, EdgeKind.TRAINED_ON)])

    with pytest.raises(PlanOutdated):
        approve(batch)

    assert state(opened) == "planned"
    assert not Obligation.objects.exists()


def test_a_digest_that_nobody_was_shown_cannot_be_approved(tmp_path):
    make_dataset(tmp_path)
    batch = plan(make_request())

    with pytest.raises(PlanOutdated):
        approve(batch, digest="0" * 64)


def test_a_plan_from_which_somebody_withdrew_cannot_be_approved(tmp_path):
    make_dataset(tmp_path)
    alice, bob = make_request(raw(ALICE)), make_request(raw(BOB), key="k2")
    batch = plan(alice, bob)
    actions.cancel(request_id=alice.request.pk, actor=OFFICER, now=MONDAY)

    with pytest.raises(PlanOutdated):
        approve(batch)


def test_a_dissolved_plan_sends_its_requests_back_to_be_planned(tmp_path):
    make_dataset(tmp_path)
    opened = make_request()
    batch = plan(opened)

    actions.dissolve_plan(batch_id=batch.pk, actor=OFFICER, now=MONDAY)

    assert state(opened) == "received"
    assert awaiting_plan(limit=9, now=MONDAY) == [opened.request.pk]
    assert events(f"batch/{batch.pk}") == ["PlanDissolved"]
    with pytest.raises(BatchUnknown):
        approve(batch)
    with pytest.raises(BatchUnknown):
        batch_seen(batch.pk)


def test_a_plan_is_approved_once(tmp_path):
    make_dataset(tmp_path)
    batch = plan(make_request())
    approve(batch)

    with pytest.raises(BatchUnknown):
        approve(batch)


def test_planning_again_plans_nobody_twice(tmp_path):
    make_dataset(tmp_path)
    opened = make_request()
    plan(opened)

    assert plan(opened) is None
    assert Batch.objects.count() == 1


def test_a_request_with_nowhere_to_look_waits_with_an_alert_until_there_is_a_store(tmp_path):
    make_dataset(tmp_path / "a")
    make_namespace("email")
    alice = make_request(raw(ALICE))
    mail = make_request(raw("dave@example.org", "email"), key="k2")

    plan(alice, mail)

    assert (state(alice), state(mail)) == ("planned", "received")
    alert = Alert.objects.get()
    assert (alert.kind, alert.about) == ("nowhere-to-look", f"request/{mail.request.pk}")

    write_people(tmp_path / "b" / "part-0.parquet")
    make_store(tmp_path / "b", name="mails", columns={"patient_id": "email"})
    plan(mail)

    assert state(mail) == "planned"


def test_requests_with_nowhere_to_look_make_no_batch():
    make_namespace("email")

    assert plan(make_request(raw("dave@example.org", "email"))) is None
    assert not Batch.objects.exists()


def test_a_tainted_model_that_nobody_here_trained_is_said_aloud(tmp_path):
    version = make_dataset(tmp_path)
    make_node(name="bought", sources=[(version.node_id, EdgeKind.TRAINED_ON)])

    plan(make_request(raw(ALICE)))

    assert Alert.objects.get().kind == "model-not-managed"
    assert Node.objects.filter(name="bought").exists()
