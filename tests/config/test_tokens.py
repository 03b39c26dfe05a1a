import os
import subprocess
import sys
from base64 import b64encode
from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from knox.models import AuthToken
from rest_framework.test import APIClient

from audits.permissions import Role
from config.logins import FailedLogins
from tests.deletion.builders import right_now

pytestmark = pytest.mark.django_db
PASSWORD = "a long one for a machine"  # noqa: S105  # of an account that lives as long as a test


@pytest.fixture
def machine():
    user = User.objects.create_user("website", password=PASSWORD)
    user.groups.add(Group.objects.get(name=Role.INTAKE))
    return user


def ask_for_a_token(name="website", password=PASSWORD, *, address="127.0.0.1", said_address=""):
    said = b64encode(f"{name}:{password}".encode()).decode()
    headers = {"authorization": f"Basic {said}"}
    if said_address:
        headers["x-forwarded-for"] = said_address
    return APIClient().post("/api/v1/tokens", headers=headers, REMOTE_ADDR=address)


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


def with_age(user, **age):
    """Return a token of an account that was made some time ago."""
    made, token = AuthToken.objects.create(user)
    AuthToken.objects.filter(pk=made.pk).update(expiry=right_now() - timedelta(**age))
    return token


def test_a_token_that_has_expired_opens_nothing(machine):
    headers = {"authorization": f"Token {with_age(machine, seconds=1)}"}

    assert APIClient().get("/api/v1/schema/", headers=headers).status_code == 401


def test_a_request_reads_its_own_token_and_none_of_its_accounts_others(machine):
    headers = {"authorization": f"Token {ask_for_a_token().data['token']}"}
    for _ in range(20):
        with_age(machine, days=1)

    with CaptureQueriesContext(connection) as asked:
        assert APIClient().get("/api/v1/schema/", headers=headers).status_code == 200

    about_tokens = [one["sql"] for one in asked if AuthToken._meta.db_table in one["sql"]]
    assert len(about_tokens) == 1
    assert "token_key" in about_tokens[0].partition("WHERE")[2]


def test_what_has_expired_goes_when_a_new_one_is_made(machine):
    other = User.objects.create_user("other")
    for user in (machine, machine, other):
        with_age(user, days=1)

    ask_for_a_token()

    assert AuthToken.objects.filter(user=machine).count() == 1
    assert AuthToken.objects.filter(user=other).count() == 1


@pytest.fixture
def three_a_minute(monkeypatch):
    """Return an address that may fail three times, in a minute that does not end."""
    monkeypatch.setattr(FailedLogins, "rate", "3/min", raising=False)
    monkeypatch.setattr(FailedLogins, "timer", lambda _: 45.0)
    return f"address-{uuid4()}"


def fail(address, times, **said):
    wrong = "a wrong one"
    return [
        ask_for_a_token(password=wrong, address=address, **said).status_code for _ in range(times)
    ]


def test_who_fails_too_often_must_wait_even_with_the_right_password(machine, three_a_minute):
    assert fail(three_a_minute, 4) == [401, 401, 401, 429]

    refused = ask_for_a_token(address=three_a_minute)

    assert refused.status_code == 429
    assert refused["Content-Type"] == "application/problem+json"
    assert refused["Retry-After"] == "15"
    assert refused.json()["type"] == "/problems/Throttled"
    assert ask_for_a_token(address=f"address-{uuid4()}").status_code == 200


def test_the_next_minute_is_another_one(machine, three_a_minute, monkeypatch):
    assert fail(three_a_minute, 4)[-1] == 429

    monkeypatch.setattr(FailedLogins, "timer", lambda _: 60.0)

    assert ask_for_a_token(address=three_a_minute).status_code == 200


def test_logins_that_succeed_are_not_counted(machine, three_a_minute):
    answers = [ask_for_a_token(address=three_a_minute).status_code for _ in range(5)]

    assert answers == [200] * 5


def test_nobody_begins_anew_by_saying_another_address(machine, three_a_minute):
    answers = [*fail(three_a_minute, 3), *fail(three_a_minute, 1, said_address="192.0.2.7")]

    assert answers[-1] == 429


def test_failures_are_counted_by_all_processes_together(machine, three_a_minute):
    key = f"another-{uuid4()}"
    count = "import django, sys; django.setup(); from django.core.cache import cache; "
    count += "cache.set(sys.argv[1], 1); cache.incr(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", count, key],
        cwd=settings.BASE_DIR,
        env=dict(os.environ),
        check=True,
    )

    assert cache.get(key) == 2
    cache.delete(key)


def test_what_counts_failures_does_not_hold_an_address(machine, three_a_minute, monkeypatch):
    kept: list[str] = []
    monkeypatch.setattr(cache, "incr", kept.append)

    fail(three_a_minute, 2)

    (key,) = kept
    assert cache.get(key) == 1
    assert three_a_minute not in key


def test_while_nothing_can_be_counted_nobody_is_locked_out(machine, three_a_minute, monkeypatch):
    def refuse(*_):
        raise ConnectionError

    for name in ("get", "add"):
        monkeypatch.setattr(cache, name, refuse)

    assert fail(three_a_minute, 5) == [401] * 5
    assert ask_for_a_token(address=three_a_minute).status_code == 200
