from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from audits.permissions import Role
from config.logins import FailedLogins

pytestmark = pytest.mark.django_db
PASSWORD = "a long one for an officer"  # noqa: S105  # of an account that lives as long as a test


@pytest.fixture(autouse=True)
def officer():
    user = User.objects.create_user("officer", password=PASSWORD)
    user.groups.add(Group.objects.get(name=Role.OFFICER))
    return user


@pytest.fixture
def three_a_minute(monkeypatch):
    """Return an address that may fail three times, in a minute that does not end."""
    monkeypatch.setattr(FailedLogins, "rate", "3/min", raising=False)
    monkeypatch.setattr(FailedLogins, "timer", lambda _: 45.0)
    return f"address-{uuid4()}"


def log_in(address, password=PASSWORD):
    said = {"username": "officer", "password": password}
    return Client().post("/admin/login/?next=/admin/", said, REMOTE_ADDR=address)


def test_an_officer_who_fails_too_often_must_wait(three_a_minute):
    for _ in range(3):
        assert b"Too many" not in log_in(three_a_minute, "a wrong one").content

    refused = log_in(three_a_minute)

    assert refused.status_code == 200
    assert b"Try again in 15 seconds" in refused.content
    assert log_in(f"address-{uuid4()}").status_code == 302


def test_logins_of_officers_that_succeed_are_not_counted(three_a_minute):
    assert [log_in(three_a_minute).status_code for _ in range(5)] == [302] * 5
