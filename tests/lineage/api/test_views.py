from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Group, User
from rest_framework.test import APIClient

from audits.permissions import Role
from lineage.api.pages import Pages
from lineage.graph import EdgeKind, NodeKind
from lineage.identifiers import IdentifierKind
from lineage.models import DatasetVersion, Namespace, Store
from tests.cast import ALICE, BOB
from tests.lineage.builders import (
    PATIENT_ID,
    PEOPLE,
    forget,
    make_dataset,
    make_family,
    make_namespace,
    make_node,
    make_store,
    make_version,
    recorded,
    scanned,
    write_people,
)

pytestmark = pytest.mark.django_db

PROBLEM = "application/problem+json"
ADDRESSES = [
    "/api/v1/namespaces",
    "/api/v1/stores",
    "/api/v1/datasets",
    "/api/v1/datasets/patients/versions",
]


def client_of(*roles: Role) -> APIClient:
    user = User.objects.create_user("somebody")
    for role in roles:
        user.groups.add(Group.objects.get_or_create(name=role.value)[0])
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def engineer():
    return client_of(Role.ENGINEER)


@pytest.fixture
def officer():
    return client_of(Role.OFFICER)


def post(client: APIClient, address: str, body: object) -> Any:
    return client.post(address, body, format="json")


def test_a_namespace_is_declared_and_listed(engineer):
    answer = post(engineer, "/api/v1/namespaces", {"name": "email", "kind": "email"})

    assert (answer.status_code, answer.json()) == (201, {"name": "email", "kind": "email"})
    listed = engineer.get("/api/v1/namespaces").json()
    assert listed == {"next": None, "previous": None, "results": [answer.json()]}
    assert recorded("NamespaceDeclared")[0]["actor"].startswith("user:")


def test_a_namespace_of_another_kind_is_a_conflict(engineer):
    make_namespace("email", kind=IdentifierKind.TEXT)

    answer = post(engineer, "/api/v1/namespaces", {"name": "email", "kind": "email"})

    assert (answer.status_code, answer["Content-Type"]) == (409, PROBLEM)
    assert Namespace.objects.get().kind == IdentifierKind.TEXT


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"name": 7, "kind": "email"},
        {"name": "a/b", "kind": "email"},
        {"name": "email\n", "kind": "email"},
        {"name": "a" * 65, "kind": "email"},
        {"name": "email", "kind": "phone"},
        {"name": "email", "kind": 1},
        {"name": None, "kind": "email"},
    ],
)
def test_a_senseless_namespace_is_refused(engineer, body):
    answer = post(engineer, "/api/v1/namespaces", body)

    assert (answer.status_code, answer["Content-Type"]) == (400, PROBLEM)
    assert not Namespace.objects.exists()


def test_lists_come_in_pages_that_name_the_next_one(engineer, monkeypatch):
    monkeypatch.setattr(Pages, "page_size", 2)
    for name in ("a", "b", "c"):
        make_namespace(name)

    first = engineer.get("/api/v1/namespaces").json()
    second = engineer.get(first["next"]).json()

    assert [row["name"] for row in first["results"]] == ["a", "b"]
    assert [row["name"] for row in second["results"]] == ["c"]
    assert second["next"] is None
    assert parse_qs(urlsplit(first["next"]).query).keys() == {"cursor"}


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "cursor", ["x", "ä", "cD1hYmM=", "cD0lMDA=", "cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk="]
)
def test_a_forged_cursor_is_answered_without_a_failure(engineer, tmp_path, address, cursor):
    make_version(make_family(make_store(tmp_path)), scanned([ALICE]))

    answer = engineer.get(address, {"cursor": cursor})

    assert answer.status_code in {200, 404}


def test_stores_are_listed_without_passwords_in_three_statements(
    engineer, django_assert_num_queries
):
    make_store("postgres://u:secret@db/shop?table=t", kind="postgres", name="shop")
    make_store("/data", name="files")
    make_family(Store.objects.get(name="files"))
    client_ready = engineer.get("/api/v1/stores")
    assert client_ready.status_code == 200

    with django_assert_num_queries(4):  # the user's groups, stores, columns, families
        answer = engineer.get("/api/v1/stores")

    shop, files = answer.json()["results"]
    assert shop["uri"] == "postgres://u:***@db/shop?table=t"
    assert shop["columns"] == [{"name": PATIENT_ID, "namespace": PATIENT_ID}]
    assert (files["name"], files["kind"], files["families"]) == ("files", "parquet", ["patients"])


def test_training_sets_and_their_versions_are_listed(engineer, tmp_path):
    family = make_family(make_store(tmp_path))
    first = make_version(family, scanned([ALICE, BOB]))
    make_version(family, scanned([BOB]))

    (dataset,) = engineer.get("/api/v1/datasets").json()["results"]
    versions = engineer.get("/api/v1/datasets/patients/versions").json()["results"]

    assert dataset == {
        "name": "patients",
        "store": "patients",
        "id_column": PATIENT_ID,
        "label": "label",
        "shards": 4,
        "hold_out_permille": 0,
        "newest_version": 2,
    }
    assert [(v["version"], v["state"], v["member_count"]) for v in versions] == [
        (1, "superseded", 2),
        (2, "clear", 1),
    ]
    assert versions[0]["node"] == first.node_id
    assert versions[0]["part_count"] == 1


@pytest.mark.parametrize("family", ["nothing", "%00", "%ED%A0%80", "a%0A"])
def test_versions_of_an_unknown_training_set_are_not_found(engineer, family):
    answer = engineer.get(f"/api/v1/datasets/{family}/versions")

    assert (answer.status_code, answer["Content-Type"]) == (404, PROBLEM)


def test_a_changed_place_is_registered_as_the_next_version(engineer, tmp_path):
    make_dataset(tmp_path / "patients")
    unchanged = post(engineer, "/api/v1/dataset-versions", {"family": "patients"})
    write_people(tmp_path / "patients" / "part-0.parquet", PEOPLE[1:])

    changed = post(engineer, "/api/v1/dataset-versions", {"family": "patients"})

    assert (unchanged.status_code, unchanged.json()["version"]) == (200, 1)
    assert (changed.status_code, changed.json()["version"]) == (201, 2)
    assert changed.json()["member_count"] == len(PEOPLE) - 1
    assert recorded("DatasetVersionRegistered")[-1]["actor"].startswith("user:")


def test_a_place_that_cannot_be_read_is_a_problem_and_no_version(engineer, tmp_path):
    make_dataset(tmp_path / "patients")
    (tmp_path / "patients" / "part-0.parquet").write_bytes(b"x")

    answer = post(engineer, "/api/v1/dataset-versions", {"family": "patients"})

    assert (answer.status_code, answer["Content-Type"]) == (422, PROBLEM)
    assert DatasetVersion.objects.count() == 1


def test_a_version_of_an_unknown_training_set_is_not_found(engineer):
    answer = post(engineer, "/api/v1/dataset-versions", {"family": "nothing"})

    assert (answer.status_code, answer["Content-Type"]) == (404, PROBLEM)


def test_an_officer_finds_a_person_and_the_look_up_is_recorded(officer, tmp_path):
    version = make_version(make_family(make_store(tmp_path)), scanned([ALICE, BOB]))
    model = make_node(sources=[(version.node_id, EdgeKind.TRAINED_ON)])
    make_store("/elsewhere", name="elsewhere")

    answer = post(
        officer, "/api/v1/lineage/where-is", {"namespace": PATIENT_ID, "value": ALICE.upper()}
    )

    assert answer.status_code == 200
    assert answer.json() == {
        "stays": [
            {
                "store": "patients",
                "family": "patients",
                "shard": scanned([ALICE]).shards[0],
                "held_out": False,
                "first_version": 1,
                "last_version": None,
            }
        ],
        "reached": [
            {
                "node": {
                    "id": model.pk,
                    "kind": "model version",
                    "name": "triage",
                    "version": "1",
                },
                "tainted": True,
                "way": [
                    {
                        "by": "trained on",
                        "source": {
                            "id": version.node_id,
                            "kind": "dataset version",
                            "name": "patients",
                            "version": "1",
                        },
                    }
                ],
            }
        ],
        "unscanned_stores": ["elsewhere"],
        "forgotten": False,
    }
    (entry,) = recorded("PersonLookedUp")
    assert entry["facts"] == {"namespace": PATIENT_ID, "known": True}
    assert ALICE not in str(entry).lower()


def test_a_forgotten_person_is_shown_as_forgotten(officer, tmp_path):
    make_version(make_family(make_store(tmp_path)), scanned([ALICE]))
    forget(ALICE)

    answer = post(officer, "/api/v1/lineage/where-is", {"namespace": PATIENT_ID, "value": ALICE})

    assert (answer.json()["stays"], answer.json()["forgotten"]) == ([], True)


def test_an_officer_lets_an_identifier_be_known_again_once(officer, tmp_path):
    make_version(make_family(make_store(tmp_path)), scanned([ALICE, BOB]))
    forget(ALICE)
    forget(BOB)
    said = {"namespace": PATIENT_ID, "value": ALICE.upper(), "because": "consented anew"}

    first = post(officer, "/api/v1/suppression/lifts", said)
    again = post(officer, "/api/v1/suppression/lifts", said)

    assert (first.status_code, again.status_code) == (204, 404)
    assert ALICE not in again.content.decode().lower()
    asked = [{"namespace": PATIENT_ID, "value": person} for person in (ALICE, BOB)]
    found = [post(officer, "/api/v1/lineage/where-is", person).json() for person in asked]
    assert [answer["forgotten"] for answer in found] == [False, True]


def test_a_person_is_not_let_go_for_any_other_reason(officer, tmp_path):
    make_version(make_family(make_store(tmp_path)), scanned([ALICE, BOB]))
    forget(ALICE)

    answer = post(
        officer,
        "/api/v1/suppression/lifts",
        {"namespace": PATIENT_ID, "value": ALICE, "because": "we need the data"},
    )

    assert (answer.status_code, answer["Content-Type"]) == (400, PROBLEM)
    assert recorded("SuppressionLifted") == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"namespace": "phone", "value": ALICE}, 422),
        ({"namespace": PATIENT_ID, "value": f"{ALICE}\u200b"}, 422),
        ({"namespace": PATIENT_ID, "value": f"{ALICE}\x00"}, 400),
        ({"namespace": PATIENT_ID, "value": 7}, 400),
        ({"namespace": PATIENT_ID}, 400),
    ],
)
def test_a_refused_look_up_does_not_repeat_the_identifier(officer, body, status):
    make_namespace()

    answer = post(officer, "/api/v1/lineage/where-is", body)

    assert (answer.status_code, answer["Content-Type"]) == (status, PROBLEM)
    assert ALICE not in answer.content.decode()
    assert recorded("PersonLookedUp") == []


def test_what_was_made_from_a_version_is_shown_with_who_is_carried(engineer, tmp_path):
    version = make_version(make_family(make_store(tmp_path)), scanned([ALICE]))
    trained = make_node(name="trained", sources=[(version.node_id, EdgeKind.TRAINED_ON)])
    measured = make_node(name="measured", sources=[(version.node_id, EdgeKind.EVALUATED_ON)])
    make_node(NodeKind.RECIPIENT, "bystander")

    answer = engineer.get(f"/api/v1/lineage/nodes/{version.node_id}/downstream").json()

    assert [node["id"] for node in answer["nodes"]] == [version.node_id, trained.pk, measured.pk]
    assert {(e["source"], e["kind"], e["target"]) for e in answer["edges"]} == {
        (version.node_id, "trained on", trained.pk),
        (version.node_id, "evaluated on", measured.pk),
    }
    assert answer["carried"] == [version.node_id, trained.pk]


@pytest.mark.parametrize("node", ["404", "9" * 40])
def test_a_node_that_does_not_exist_is_not_found(engineer, node):
    answer = engineer.get(f"/api/v1/lineage/nodes/{node}/downstream")

    assert (answer.status_code, answer["Content-Type"]) == (404, PROBLEM)


@pytest.mark.parametrize(
    ("role", "method", "address", "may"),
    [
        (Role.INTAKE, "get", "/api/v1/namespaces", True),
        (Role.INTAKE, "get", "/api/v1/stores", False),
        (Role.INTAKE, "post", "/api/v1/lineage/where-is", False),
        (Role.AUDITOR, "get", "/api/v1/datasets", True),
        (Role.AUDITOR, "post", "/api/v1/namespaces", False),
        (Role.AUDITOR, "post", "/api/v1/lineage/where-is", False),
        (Role.ADMINISTRATOR, "post", "/api/v1/suppression/lifts", False),
        (Role.OFFICER, "post", "/api/v1/suppression/lifts", True),
        (Role.OFFICER, "post", "/api/v1/dataset-versions", False),
        (Role.OFFICER, "post", "/api/v1/lineage/where-is", True),
        (Role.ENGINEER, "post", "/api/v1/lineage/where-is", False),
        (Role.ENGINEER, "post", "/api/v1/dataset-versions", True),
        (Role.ADMINISTRATOR, "post", "/api/v1/lineage/where-is", True),
        (Role.ADMINISTRATOR, "post", "/api/v1/namespaces", True),
    ],
)
def test_each_role_may_do_what_is_its_work(role, method, address, may):
    answer = getattr(client_of(role), method)(address, {}, format="json")

    assert (answer.status_code != 403) == may


def test_nobody_gets_in_without_credentials():
    for address in ADDRESSES:
        assert APIClient().get(address).status_code == 401
    assert APIClient().post("/api/v1/lineage/where-is", {}).status_code == 401
