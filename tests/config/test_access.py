"""Walks every address of the service and expects it to be closed to strangers."""

import re
from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

OPEN = {".well-known/webhook-keys", "livez", "readyz", "admin/login/"}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


def patterns(found, prefix=""):
    """Return each address as the text of its pattern."""
    for each in found:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from patterns(each.url_patterns, route)
        elif isinstance(each, URLPattern):
            yield route


def example_of(route):
    """Return an address that a route matches, as far as it can be told from its text."""
    filled = re.sub(r"<(?:\w+:)?\w*uuid\w*>|<uuid:\w+>", str(UUID(int=1)), route)
    filled = re.sub(r"\(\?P<\w+>[^)]*\)", "x", filled)  # a regular expression's group
    filled = re.sub(r"<\w+:\w+>|<\w+>", "1", filled)
    return "/" + filled.replace("\\Z", "").strip("^$")


def addresses():
    return sorted({example_of(route) for route in patterns(get_resolver().url_patterns)})


def test_the_walk_finds_the_addresses():
    found = addresses()

    assert "/livez" in found
    assert "/api/v1/schema/" in found
    assert any(each.startswith("/admin/auth/") for each in found)
    assert len(found) > 50


@pytest.mark.django_db
@pytest.mark.parametrize("method", METHODS)
def test_every_address_refuses_strangers(method):
    client = Client(raise_request_exception=False)

    let_in = set()
    for address in addresses():
        answer = client.generic(method, address)
        to_login = answer.status_code == 302 and "/admin/login/" in answer["Location"]
        if answer.status_code not in {401, 403} and not to_login:
            let_in.add(address.removeprefix("/"))

    # The front door only points to the officers' pages; whoever logs out without being in is out.
    assert let_in <= OPEN | {"", "admin/logout/"}


@pytest.mark.django_db
def test_the_open_addresses_are_open():
    client = Client()

    assert {name: client.get(f"/{name}").status_code for name in OPEN} == dict.fromkeys(OPEN, 200)
