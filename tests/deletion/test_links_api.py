import pytest

from audits.permissions import Role
from deletion.models import Link
from tests.cast import ALICE, BOB
from tests.deletion.test_api import ask, client_of, path, title
from tests.deletion.test_links import ALICES as ADDRESS
from tests.deletion.test_links import CUSTOMER, EMAIL, NUMBERS, namespaces

__all__ = ["namespaces"]  # a fixture

pytestmark = pytest.mark.django_db

LINKS = "/api/v1/links"
ONE = {"namespace": EMAIL, "value": ADDRESS}
OTHER = {"namespace": CUSTOMER, "value": NUMBERS[ADDRESS]}
PAIR = {"one": ONE, "other": OTHER}


@pytest.fixture
def intake(namespaces):
    return client_of(Role.INTAKE, name="website")


@pytest.fixture
def officer(namespaces):
    return client_of(Role.OFFICER, name="clara")


def declare(client, *links, where=LINKS):
    return client.post(where, {"links": list(links)}, format="json")


def test_links_are_declared_counted_and_taken_back(intake):
    first, again = declare(intake, PAIR), declare(intake, PAIR, PAIR)

    assert first.json() == {"added": 1, "known": 0, "forgotten": 0}
    assert again.json() == {"added": 0, "known": 2, "forgotten": 0}
    assert ALICE not in first.content.decode()
    gone = declare(intake, PAIR, PAIR, where=f"{LINKS}/take-back")
    assert gone.json() == {"removed": 1, "unknown": 1}
    assert Link.objects.count() == 0


@pytest.mark.parametrize(
    ("wrong", "answer"),
    [
        ({"one": ONE, "other": ONE}, (422, "LinkOfOne")),
        ({"one": ONE, "other": {"namespace": "nowhere", "value": BOB}}, (422, "NamespaceUnknown")),
        ({"one": ONE, "other": {"namespace": EMAIL, "value": BOB}}, (422, "IdentifierMalformed")),
    ],
)
def test_one_wrong_link_refuses_all_and_is_not_repeated(intake, wrong, answer):
    refused = declare(intake, PAIR, wrong)

    assert title(refused) == answer
    assert BOB not in refused.content.decode()
    assert Link.objects.count() == 0


def test_a_body_that_says_no_link_is_refused(intake):
    assert declare(intake).status_code == 400
    assert declare(intake, {"one": ONE}).status_code == 400
    assert declare(intake, *[PAIR] * 1001).status_code == 400


def test_intake_and_administrators_declare_and_officers_undo(intake, officer):
    administrator = client_of(Role.ADMINISTRATOR, name="adam")
    auditor = client_of(Role.AUDITOR, name="otto")
    assert [title(declare(one, PAIR))[0] for one in (officer, auditor)] == [403, 403]
    assert declare(administrator, PAIR).status_code == 200
    opened = ask(intake, identifiers=[ONE])
    (linked,) = intake.get(path(opened)).json()["linked"]
    undoing = path(opened, "links", str(linked["id"]), "undo")

    assert linked["namespace"] == CUSTOMER
    assert title(intake.post(undoing))[0] == 403
    assert officer.post(undoing).status_code == 200
    assert title(officer.post(undoing)) == (404, "LinkUnknown")
    assert officer.get(path(opened)).json()["linked"] == []
