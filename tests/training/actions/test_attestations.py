from datetime import timedelta

import pytest

from audits.actions import raise_alert
from audits.models import Alert
from lineage.actions import register_node
from lineage.errors import NodeUnknown
from lineage.graph import EdgeKind, NodeKind
from tests.cast import MONDAY, OFFICER
from tests.lineage.builders import make_node, recorded
from tests.training.builders import make_patients, make_trained_model
from training.actions import attest_gone
from training.errors import AlreadyAttested, VersionManaged
from training.evidence import EvidenceClass
from training.models import Attestation
from training.queries import attestations_of, foreign_versions

pytestmark = pytest.mark.django_db


def attest(model="elsewhere", version="1", now=MONDAY, evidence=EvidenceClass.RETIRED):
    return attest_gone(
        model=model,
        version=version,
        reason="its maker deleted it",
        evidence_class=evidence,
        evidence_digest="ab" * 32,
        actor=OFFICER,
        now=now,
    )


def test_an_attestation_is_kept_with_its_author_and_its_evidence_and_recorded():
    make_node(name="elsewhere")
    assert [str(node.name) for node in foreign_versions()] == ["elsewhere"]

    attestation = attest()

    assert attestation == Attestation.objects.get()
    assert (attestation.attested_by, attestation.evidence_digest) == (OFFICER, "ab" * 32)
    (entry,) = recorded("VersionAttestedGone")
    assert "its maker deleted it" not in str(entry)
    assert not foreign_versions().exists()


def test_it_answers_the_alert_about_that_version_and_no_other():
    make_node(name="elsewhere")
    for about in ("model/elsewhere 1", "model/elsewhere 2"):
        raise_alert(kind="model-not-managed", about=about, detail={}, actor=OFFICER, now=MONDAY)

    attest()

    assert [alert.about for alert in Alert.objects.filter(resolved_at=None)] == [
        "model/elsewhere 2"
    ]


def test_nobody_attests_a_version_that_this_service_made(tmp_path):
    make_trained_model(tmp_path)

    with pytest.raises(VersionManaged):
        attest(model="triage")
    assert not Attestation.objects.exists()


def test_nobody_attests_what_is_not_known_or_twice():
    with pytest.raises(NodeUnknown):
        attest()
    make_node(name="elsewhere")
    attest()

    with pytest.raises(AlreadyAttested):
        attest()
    assert Attestation.objects.count() == 1


def test_a_version_that_is_reported_again_with_other_sources_is_not_gone(tmp_path):
    make_node(name="elsewhere")
    attest()
    version = make_patients(tmp_path)

    node = register_node(
        kind=NodeKind.MODEL_VERSION,
        name="elsewhere",
        version="1",
        sources=[(version.node_id, EdgeKind.TRAINED_ON)],
        actor=OFFICER,
        now=MONDAY + timedelta(days=1),
    )

    assert list(foreign_versions()) == [node]
    assert attestations_of([node.pk]) == []
    attest(now=MONDAY + timedelta(days=2))
    assert not foreign_versions().exists()
    assert len(attestations_of([node.pk])) == 1


@pytest.mark.parametrize("evidence", [EvidenceClass.CERTIFIED, EvidenceClass.APPROXIMATE])
def test_a_removal_that_closes_nothing_is_recorded_and_the_version_counts_as_before(evidence):
    node = make_node(name="elsewhere")
    about = "model/elsewhere 1"
    raise_alert(kind="model-not-managed", about=about, detail={}, actor=OFFICER, now=MONDAY)

    attest(evidence=evidence)

    assert Attestation.objects.get().evidence_class == evidence
    assert recorded("VersionAttestedGone") == []
    (entry,) = recorded("RemovalNotAccepted")
    assert entry["facts"]["evidence"] == evidence.value
    assert attestations_of([node.pk]) == []
    assert list(foreign_versions()) == [node]
    assert Alert.objects.get(resolved_at=None).about == about

    attest()  # the maker has destroyed it after all
    assert len(attestations_of([node.pk])) == 1
    assert not foreign_versions().exists()
    assert not Alert.objects.filter(resolved_at=None).exists()
