"""Models of other tools: nobody here can train them again, so nobody certifies that they are."""

import pytest

from audits.models import Alert
from deletion import actions, tasks
from deletion.errors import NotComplete
from deletion.models import Certificate, DeletionRequest, Run
from lineage.graph import EdgeKind
from tests.cast import ALICE, OFFICER
from tests.deletion.builders import (
    events,
    make_request,
    outcomes,
    raw,
    right_now,
    state,
    statement_of,
    walk,
)
from tests.lineage.builders import make_dataset, make_node
from training.actions import attest_gone
from training.evidence import EvidenceClass

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


def test_a_model_of_another_tool_keeps_the_request_open_without_working_for_ever(tmp_path):
    version = make_dataset(tmp_path)
    make_node(name="elsewhere", sources=[(version.node_id, EdgeKind.TRAINED_ON)])
    opened = make_request(raw(ALICE), now=right_now())

    walk()
    walk()

    assert state(opened) == "in progress"
    assert outcomes(opened) == {"patients": "erased"}
    assert DeletionRequest.objects.get().erased_at is not None
    assert Run.objects.count() == 1
    alert = Alert.objects.get()
    assert (alert.kind, alert.about) == ("model-not-managed", "model/elsewhere 1")
    assert "RequestReopened" not in events(f"request/{opened.request.pk}")
    with pytest.raises(NotComplete):
        actions.complete_request(request_id=opened.request.pk, actor=tasks.SWEEPER, now=right_now())


def test_a_model_of_another_tool_that_is_named_late_is_alerted_all_the_same(tmp_path):
    version = make_dataset(tmp_path)
    make_request(raw(ALICE), now=right_now())
    tasks.sweep()
    make_node(name="elsewhere", sources=[(version.node_id, EdgeKind.TRAINED_ON)])
    assert not Alert.objects.exists()

    walk()

    assert Alert.objects.get().kind == "model-not-managed"


def attest(evidence=EvidenceClass.RETIRED):
    attest_gone(
        model="elsewhere",
        version="1",
        reason="deleted by its maker",
        evidence_class=evidence,
        evidence_digest="ab" * 32,
        actor=OFFICER,
        now=right_now(),
    )


def test_an_officers_word_completes_the_request_and_the_certificate_calls_it_one(tmp_path):
    version = make_dataset(tmp_path)
    make_node(name="elsewhere", sources=[(version.node_id, EdgeKind.TRAINED_ON)])
    opened = make_request(raw(ALICE), now=right_now())
    walk()
    assert state(opened) == "in progress"
    assert Alert.objects.filter(resolved_at=None).exists()

    attest(EvidenceClass.APPROXIMATE)
    walk()
    assert state(opened) == "in progress"
    assert Alert.objects.filter(resolved_at=None).exists()

    attest()
    assert not Alert.objects.filter(resolved_at=None).exists()
    walk()

    assert state(opened) == "complete"
    predicate = statement_of(Certificate.objects.get())["predicate"]
    assert predicate["outcomes"] == {"erased": 1, "retired": 1}
    (target,) = [one for one in predicate["targets"] if one["target"] == "model/elsewhere 1"]
    assert target["note"] == (
        f"attested gone by {OFFICER}; not proven by Lethe, which did not make it"
    )
    assert target["evidence"] == {
        "attested_by": OFFICER,
        "evidence class": "retired",
        "evidence_digest": "ab" * 32,
    }
    assert "deleted by its maker" not in str(predicate)


def test_what_was_made_of_an_attested_model_is_not_attested_with_it(tmp_path):
    version = make_dataset(tmp_path)
    first = make_node(name="elsewhere", sources=[(version.node_id, EdgeKind.TRAINED_ON)])
    make_node(name="tuned", sources=[(first.pk, EdgeKind.FINE_TUNED_FROM)])
    opened = make_request(raw(ALICE), now=right_now())
    attest()

    walk()

    assert state(opened) == "in progress"
    assert [alert.about for alert in Alert.objects.filter(resolved_at=None)] == ["model/tuned 1"]
