"""The pages and buttons of orders to give data up."""

import shutil

import pytest
from django.test import Client
from django.urls import reverse

from deletion import tasks
from deletion.models import Disgorgement
from lineage.graph import EdgeKind
from tests.admin.test_buttons import button, press
from tests.admin.test_lists import cost
from tests.lineage.builders import make_dataset, make_node

pytestmark = pytest.mark.django_db

VIEW = "deletion_disgorgement"
SAID = {"named_by": "family", "name": "patients", "order": "C-4743", "reason": "so", "days": "90"}


def page(row):
    return reverse(f"admin:{VIEW}_change", args=[row.pk])


@pytest.fixture
def row(officer, tmp_path):
    version = make_dataset(tmp_path / "patients")
    make_node(name="elsewhere", sources=[(version.node_id, EdgeKind.TRAINED_ON)])
    said = press(officer, reverse(f"admin:{VIEW}_propose"), **SAID)
    row = Disgorgement.objects.get()
    assert said == [f"Disgorgement {row.pk} is proposed; somebody else has to approve it."]
    return row


def approve(client, row):
    return press(
        client, button(VIEW, "approve", row), seen_digest=row.digest, repeated=row.digest[:8]
    )


def test_one_officer_proposes_another_approves_and_the_page_says_what_is_left(
    officer, staff, row, tmp_path
):
    assert "Nothing was changed" in approve(officer, row)[0]
    dora = Client()
    dora.force_login(staff.dora)
    assert "is approved" in approve(dora, row)[0]

    shown = officer.get(page(row)).content.decode()
    assert "Still there: 3" in shown
    assert "model version elsewhere 1: trained on dataset version patients 1" in shown
    assert cost(officer, page(row)) <= 60

    shutil.rmtree(tmp_path / "patients")
    assert press(officer, button(VIEW, "look", row)) == ["1 places were seen gone."]
    said = press(
        officer,
        button(VIEW, "testify", row),
        item="model version/elsewhere 1",
        reason="its maker says so",
        evidence_digest="ab" * 32,
    )
    assert said == ["model version/elsewhere 1 is attested."]
    tasks.follow_disgorgement(row.pk)
    assert "Signature   ____" in officer.get(page(row)).content.decode()


def test_a_proposal_is_refused_by_a_button(officer, row):
    assert press(officer, button(VIEW, "refuse", row)) == [f"Disgorgement {row.pk} is refused."]

    row.refresh_from_db()
    assert row.state == "refused"
