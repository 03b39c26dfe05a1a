import pytest
from django.test import Client

from audits.permissions import Role
from tests.browser.story import make_account_of, make_staff


@pytest.fixture
def staff(db):
    return make_staff()


@pytest.fixture
def as_role(db):
    """Return a client that is signed in with one role, or with none."""

    def sign_in(role: Role | None, name: str = "somebody") -> Client:
        client = Client()
        if role is not None:
            client.force_login(make_account_of(name, role))
        return client

    return sign_in


@pytest.fixture
def officer(staff, client):
    client.force_login(staff.clara)
    return client
