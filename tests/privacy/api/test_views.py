from typing import Any
from uuid import uuid4

import jsonschema_rs
import pytest
from django.contrib.auth.models import Group, User
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from audits.permissions import Role
from privacy.models import Account, Recipe, Release, ShieldPolicy
from tests.lineage.builders import make_dataset
from tests.privacy.builders import (
    COST,
    make_account,
    make_declaration,
    make_policy,
    make_recipe,
    make_release,
)

pytestmark = pytest.mark.django_db
PROBLEM = "application/problem+json"
COLLECTIONS = ["accounts", "recipes", "releases", "policies"]
POLICY = {
    "name": "standard",
    "family": "patients",
    "max_epsilon": "2.5",
    "max_delta": "0.000001",
    "max_deletions": 10,
    "days": 90,
    "reason": "retrained each quarter",
}


def client_of(*roles: Role) -> APIClient:
    user = User.objects.create_user("somebody")
    for role in roles:
        user.groups.add(Group.objects.get_or_create(name=role.value)[0])
    client = APIClient()
    client.force_authenticate(user)
    return client


def post(client: APIClient, collection: str, body: object) -> Any:
    return client.post(f"/api/v1/privacy/{collection}", body, format="json")


def get(client: APIClient, address: str) -> Any:
    return client.get(f"/api/v1/privacy/{address}")


@pytest.fixture
def version(tmp_path):
    version = make_dataset(tmp_path)
    make_account(version.family)
    return version


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_nobody_reads_without_credentials_or_role(collection):
    assert get(APIClient(), collection).status_code == 401
    assert get(client_of(Role.INTAKE), collection).status_code == 403


@pytest.mark.parametrize("collection", COLLECTIONS)
@pytest.mark.parametrize("role", [Role.ENGINEER, Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR])
def test_every_collection_is_read_by_those_who_may(collection, role, version):
    make_release(version)
    make_policy(version.family)

    answer = get(client_of(role), collection)

    assert answer.status_code == 200
    assert len(answer.json()) == 1


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.OFFICER, Role.ADMINISTRATOR, Role.INTAKE])
@pytest.mark.parametrize("collection", ["recipes", "releases"])
def test_only_engineers_register_recipes_and_ask_for_releases(role, collection, version):
    assert post(client_of(role), collection, {}).status_code == 403


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ENGINEER, Role.ADMINISTRATOR, Role.INTAKE])
def test_only_officers_approve_policies(role, version):
    assert post(client_of(role), "policies", POLICY).status_code == 403


def test_an_account_is_shown_in_exact_numbers(version):
    assert get(client_of(Role.AUDITOR), "accounts").json() == [
        {
            "family": "patients",
            "unit": "patient_id",
            "cap_nano_rho": 1_000_000_000,
            "spent_nano_rho": 0,
            "left_nano_rho": 1_000_000_000,
            "epsilon_spent": "0.000000",
            "delta": "0.000001",
        }
    ]


def test_a_recipe_is_registered_once_and_answered_in_full(version):
    client = client_of(Role.ENGINEER)

    first = post(client, "recipes", {"declaration": make_declaration()})
    again = post(client, "recipes", {"declaration": make_declaration()})

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert first.json()["declaration"] == make_declaration()
    assert first.json()["revision"] == Recipe.objects.get().revision == 1


@pytest.mark.parametrize("declaration", [None, [], "recipe", 7])
def test_a_declaration_that_is_no_object_is_a_malformed_request(version, declaration):
    answer = post(client_of(Role.ENGINEER), "recipes", {"declaration": declaration})

    assert answer.status_code == 400
    assert answer["Content-Type"] == PROBLEM


def test_a_recipe_that_is_refused_says_which_field_is_wrong(version):
    seeded = {**make_declaration(), "seed": 7}

    answer = post(client_of(Role.ENGINEER), "recipes", {"declaration": seeded})

    assert (answer.status_code, answer["Content-Type"]) == (422, PROBLEM)
    assert "seed" in answer.json()["detail"]
    assert not Recipe.objects.exists()


def test_the_published_form_of_a_declaration_refers_to_nothing_outside_itself():
    described = SchemaGenerator().get_schema(request=None, public=True)
    schema = described["components"]["schemas"]["RecipeIn"]["properties"]["declaration"]

    assert "$ref" not in str(schema)
    assert jsonschema_rs.validator_for(schema).is_valid(make_declaration())
    assert not jsonschema_rs.validator_for(schema).is_valid(make_declaration(seed=1))


def test_a_release_is_paid_for_and_accepted(version):
    make_recipe()
    client = client_of(Role.ENGINEER)

    answer = post(client, "releases", {"family": "patients", "recipe": "sizes-by-ward"})

    assert answer.status_code == 202
    said = answer.json()
    assert (said["state"], said["cost_nano_rho"], said["result"]) == ("reserved", COST, None)
    assert (said["revision"], said["dataset_version"]) == (1, 1)
    assert said["epsilon"] == "2.141939"
    assert Account.objects.get().spent_nano_rho == COST
    assert get(client, f"releases/{said['id']}").json() == said


def test_a_committed_release_shows_its_result(version):
    release = make_release(version)

    said = get(client_of(Role.AUDITOR), f"releases/{release.pk}").json()

    assert (said["state"], said["result"]) == ("committed", release.result)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"family": "patients", "recipe": "unknown"}, 404),
        ({"family": "strangers", "recipe": "sizes-by-ward"}, 404),
        ({"family": "patients", "recipe": "sizes-by-ward", "revision": 2}, 404),
        ({"family": "patients"}, 400),
        ({"family": 7, "recipe": "sizes-by-ward"}, 400),
        ({"family": "patients", "recipe": "sizes-by-ward", "revision": "1"}, 400),
        ({"family": "patients", "recipe": "sizes-by-ward", "revision": True}, 400),
    ],
)
def test_a_release_of_something_unknown_or_malformed_is_refused(version, body, status):
    make_recipe()

    answer = post(client_of(Role.ENGINEER), "releases", body)

    assert (answer.status_code, answer["Content-Type"]) == (status, PROBLEM)
    assert not Release.objects.exists()


def test_an_empty_account_answers_with_a_conflict(version):
    for n in range(10):
        make_release(version, name=f"recipe-{n}")
    make_recipe(name="one-too-many")

    answer = post(
        client_of(Role.ENGINEER), "releases", {"family": "patients", "recipe": "one-too-many"}
    )

    assert answer.status_code == 409
    assert answer.json()["type"].endswith("BudgetSpent")


def test_an_unknown_release_is_not_found():
    assert get(client_of(Role.AUDITOR), f"releases/{uuid4()}").status_code == 404


def test_an_officer_approves_in_their_own_name(version):
    client = client_of(Role.OFFICER)

    answer = post(client, "policies", {**POLICY, "days": 90.0})

    assert answer.status_code == 201
    policy = ShieldPolicy.objects.get()
    assert policy.approved_by == f"user:{User.objects.get().pk}" == answer.json()["approved_by"]
    assert answer.json()["max_epsilon"] == "2.500000"
    assert (policy.expires_at - policy.approved_at).days == 90
    assert post(client, "policies", POLICY).status_code == 409


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"family": "strangers"}, 404),
        ({"reason": " "}, 422),
        ({"max_epsilon": "0"}, 400),
        ({"max_epsilon": "0.0"}, 400),
        ({"max_epsilon": "100.1"}, 400),
        ({"max_delta": "0.002"}, 400),
        ({"name": "two words"}, 400),
        ({"max_epsilon": 2.5}, 400),
        ({"max_epsilon": "-1"}, 400),
        ({"max_epsilon": "1e3"}, 400),
        ({"max_delta": "\u0660.1"}, 400),  # a digit, but none that the pattern allows
        ({"max_deletions": "10"}, 400),
        ({"days": 0}, 400),
        ({"days": 1.5}, 400),
        ({"reason": ""}, 400),
        ({"name": 5}, 400),
    ],
)
def test_a_policy_that_is_malformed_or_bounds_nothing_is_refused(version, change, status):
    answer = post(client_of(Role.OFFICER), "policies", {**POLICY, **change})

    assert (answer.status_code, answer["Content-Type"]) == (status, PROBLEM)
    assert not ShieldPolicy.objects.exists()
