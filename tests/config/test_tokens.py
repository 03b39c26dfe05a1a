from base64 import b64encode

import pytest
from django.contrib.auth.models import Group, User
from knox.models import AuthToken
from rest_framework.test import APIClient

from audits.permissions import Role

pytestmark = pytest.mark.django_db
PASSWORD = "a long one for a machine"  # noqa: S105  # of an account that lives as long as a test


@pytest.fixture
def machine():
    user = User.objects.create_user("website", password=PASSWORD)
    user.groups.add(Group.objects.get(name=Role.INTAKE))
    return user


def ask_for_a_token(name="website", password=PASSWORD):
    said = b64encode(f"{name}:{password}".encode()).decode()
    return APIClient().post("/api/v1/tokens", headers={"authorization": f"Basic {said}"})


def test_a_machine_gets_a_token_for_its_name_and_password(machine):
    answer = ask_for_a_token()

    headers = {"authorization": f"Token {answer.data['token']}"}
    assert answer.status_code == 200
    assert answer.data["token"].startswith("lethe_")
    assert APIClient().get("/api/v1/schema/", headers=headers).status_code == 200


def test_only_a_digest_of_the_token_is_kept(machine):
    token = ask_for_a_token().data["token"]

    kept = AuthToken.objects.values_list().get()
    assert token not in str(kept)


def test_a_wrong_password_gets_nothing(machine):
    answer = ask_for_a_token(password="a wrong one")  # noqa: S106  # that is the point

    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"


def test_an_account_without_a_role_gets_nothing():
    User.objects.create_user("nobody", password=PASSWORD)

    assert ask_for_a_token("nobody").status_code == 403


def test_a_token_that_was_given_back_opens_nothing(machine):
    headers = {"authorization": f"Token {ask_for_a_token().data['token']}"}
    kept = ask_for_a_token().data["token"]

    given_back = APIClient().delete("/api/v1/tokens/current", headers=headers)

    assert given_back.status_code == 204
    assert APIClient().get("/api/v1/schema/", headers=headers).status_code == 401
    other = {"authorization": f"Token {kept}"}
    assert APIClient().get("/api/v1/schema/", headers=other).status_code == 200
