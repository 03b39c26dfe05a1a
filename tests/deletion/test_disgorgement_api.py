"""Orders to give data up over HTTP."""

import shutil

import pytest

from audits.permissions import Role
from deletion import tasks
from tests.deletion.test_api import client_of, post
from tests.lineage.builders import make_dataset, make_node

pytestmark = pytest.mark.django_db

ORDERS = "/api/v1/disgorgements"
NAMED = {"named_by": "family", "name": "patients"}
SAID = {**NAMED, "order": "C-4743", "reason": "ordered"}


@pytest.fixture
def clara():
    return client_of(Role.OFFICER, name="clara")


@pytest.fixture
def dora():
    return client_of(Role.ADMINISTRATOR, name="dora")


@pytest.fixture
def patients(tmp_path):
    return make_dataset(tmp_path / "patients")


def test_the_whole_road_over_http(clara, dora, patients, tmp_path):
    listed = post(clara, f"{ORDERS}/closure", NAMED)
    assert [one["item"] for one in listed.json()["items"]] == [
        "store/patients",
        "training set/patients",
        "dataset version/patients 1",
    ]
    proposed = post(clara, ORDERS, SAID)
    assert (proposed.status_code, proposed.json()["digest"]) == (201, listed.json()["digest"])
    one = f"{ORDERS}/{proposed.json()['id']}"

    own = post(clara, f"{one}/approve", {"digest": proposed.json()["digest"]})
    assert (own.status_code, own.json()["title"]) == (409, "Two people needed")
    approved = post(dora, f"{one}/approve", {"digest": proposed.json()["digest"]})
    assert approved.status_code == 200
    assert "DRAFT" in clara.get(f"{one}/statement").json()["text"]
    looked = post(clara, f"{one}/look")
    assert {item["settled"] for item in looked.json()["items"]} == {True, False}
    shutil.rmtree(tmp_path / "patients")
    assert {item["settled"] for item in post(clara, f"{one}/look").json()["items"]} == {True}
    tasks.follow_disgorgement(proposed.json()["id"])

    assert clara.get(one).json()["state"] == "carried out"
    assert clara.get(ORDERS).json()["results"][0]["state"] == "carried out"
    statement = clara.get(f"{one}/statement").json()
    assert "Signature" in statement["text"]
    assert statement["envelope"]["payload"]


def test_another_tools_model_is_attested_over_http(clara, dora, patients):
    make_node(name="scraped")
    row = post(clara, ORDERS, {**SAID, "named_by": "source", "name": "scraped"}).json()
    post(dora, f"{ORDERS}/{row['id']}/approve", {"digest": row["digest"]})

    said = post(
        dora,
        f"{ORDERS}/{row['id']}/testimonies",
        {"item": "model version/scraped 1", "reason": "gone", "evidence_digest": "ab" * 32},
    )

    assert [(one["item"], one["settled"]) for one in said.json()["items"]] == [
        ("model version/scraped 1", True)
    ]


def test_a_proposal_is_refused(clara, patients):
    row = post(clara, ORDERS, SAID).json()

    assert post(clara, f"{ORDERS}/{row['id']}/refuse").json()["state"] == "refused"
    assert post(clara, f"{ORDERS}/{row['id']}/refuse").status_code == 409


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": "nobody-knows"}, 404),
        ({"name": "\x00"}, 400),
        ({"named_by": "person"}, 400),
        ({"days": 0}, 400),
        ({"order": ""}, 400),
    ],
)
def test_a_bad_proposal_is_a_problem(clara, patients, change, status):
    answer = post(clara, ORDERS, {**SAID, **change})

    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert clara.get(ORDERS).json()["results"] == []


def test_auditors_see_and_do_nothing_and_engineers_see_nothing(patients, clara):
    row = post(clara, ORDERS, SAID).json()
    auditor, engineer = client_of(Role.AUDITOR, name="ada"), client_of(Role.ENGINEER, name="emil")

    assert auditor.get(f"{ORDERS}/{row['id']}").status_code == 200
    assert post(auditor, ORDERS, SAID).status_code == 403
    for verb in ("approve", "refuse", "look", "testimonies"):
        assert post(auditor, f"{ORDERS}/{row['id']}/{verb}", {}).status_code == 403
    assert engineer.get(ORDERS).status_code == 403
