"""Where a person is, asked by POST."""

import logging

import pytest
from django.urls import reverse

from audits.models import OutboxEntry
from lineage.graph import EdgeKind
from tests.cast import ALICE
from tests.lineage.builders import forget, make_dataset, make_node

pytestmark = pytest.mark.django_db

PAGE = "/admin/lineage/where-is/"


@pytest.fixture
def dataset(tmp_path):
    return make_dataset(tmp_path)


def test_the_answer_names_training_sets_and_tainted_models(officer, dataset):
    make_node(sources=[(dataset.node_id, EdgeKind.TRAINED_ON)])

    text = officer.post(PAGE, {"namespace": "patient_id", "value": ALICE}).content.decode()

    assert "from 1, still there" in text
    assert "triage 1" in text
    assert "tainted" in text


def test_the_identifier_stays_in_no_page_no_address_no_log_and_no_table(officer, dataset, caplog):
    caplog.set_level(logging.DEBUG)

    answer = officer.post(PAGE, {"namespace": "patient_id", "value": ALICE.upper()})

    assert "still there" in answer.content.decode()  # it was found
    assert ALICE.upper() not in answer.content.decode()
    assert ALICE.lower() not in caplog.text.lower()
    entry = OutboxEntry.objects.get(event="PersonLookedUp")
    assert ALICE.encode() not in bytes(entry.entry).lower()
    assert "no-store" in answer["Cache-Control"]


def test_an_identifier_in_the_address_is_not_read(officer, dataset):
    answer = officer.get(f"{PAGE}?namespace=patient_id&value={ALICE}")

    assert "still there" not in answer.content.decode()
    assert not OutboxEntry.objects.filter(event="PersonLookedUp").exists()


def test_somebody_who_was_forgotten_is_said_to_be(officer, dataset):
    forget(ALICE)

    text = officer.post(PAGE, {"namespace": "patient_id", "value": ALICE}).content.decode()

    assert "forgotten before" in text
    assert "The index does not know this person" in text


def test_a_malformed_identifier_is_refused_in_words(officer, dataset):
    answer = officer.post(PAGE, {"namespace": "patient_id", "value": "a\u0001b"})

    said = [str(message) for message in answer.context["messages"]]
    assert said == ["The value cannot be an identifier of its namespace."]


def test_without_a_namespace_the_page_says_what_to_do(officer):
    assert "Registering a dataset declares one" in officer.get(PAGE).content.decode()


def test_the_page_is_in_the_navigation_of_those_who_may(officer, client, staff):
    assert reverse("where-is") in officer.get("/admin/").content.decode()

    client.force_login(staff.aldo)

    assert reverse("where-is") not in client.get("/admin/").content.decode()
