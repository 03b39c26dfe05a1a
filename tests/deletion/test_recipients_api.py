"""Recipients and what they are told over HTTP: who may do what, and what is answered."""

import pytest
from rest_framework.test import APIClient

from audits.permissions import Role
from deletion.models import Recipient, Telling
from tests.cast import ALICE
from tests.deletion.builders import make_request, raw, right_now, state, walk
from tests.deletion.processor_keys import signer
from tests.deletion.test_api import client_of
from tests.deletion.test_recipients import pass_on
from tests.lineage.builders import PATIENT_ID, make_dataset, make_namespace

pytestmark = pytest.mark.django_db

RECIPIENTS = "/api/v1/recipients"
TELLINGS = "/api/v1/tellings"


def api_as(role: Role) -> APIClient:
    return client_of(role, name=role.value)


WEBHOOK = {
    "name": "hospital",
    "way": "webhook",
    "url": "https://hospital.example/hooks",
    "namespaces": {PATIENT_ID: "patient"},
}


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


def test_an_administrator_declares_tests_disables_and_enables():
    make_namespace(PATIENT_ID)
    admin, officer = api_as(Role.ADMINISTRATOR), api_as(Role.OFFICER)

    assert officer.post(RECIPIENTS, WEBHOOK).status_code == 403
    declared = admin.post(RECIPIENTS, WEBHOOK)
    assert declared.status_code == 201
    one = f"{RECIPIENTS}/{declared.json()['id']}"
    assert admin.post(f"{one}/test").status_code == 202
    assert officer.post(f"{one}/disable", {"reason": "moved"}).status_code == 403
    assert admin.post(f"{one}/disable", {"reason": "moved"}).json()["disabled_because"] == "moved"
    assert admin.post(f"{one}/enable").json()["disabled_at"] is None
    assert admin.post(f"{one}/enable").status_code == 404
    assert officer.get(one).json()["url"] == WEBHOOK["url"]
    assert officer.get(one).json()["callback_url"] == ""
    assert officer.get(RECIPIENTS).json()["results"][0]["name"] == "hospital"
    assert officer.get(f"{RECIPIENTS}/999999").status_code == 404


def test_a_processor_is_declared_with_the_key_of_its_callbacks(settings):
    settings.PUBLIC_URL = "https://lethe.example"
    make_namespace(PATIENT_ID)
    key = signer(host="processor.example").certificate
    processor = {
        "name": "adserver",
        "way": "opendsr",
        "url": "https://processor.example/v2",
        "namespaces": {PATIENT_ID: "controller_customer_id"},
        "callback_key": key,
    }
    admin = api_as(Role.ADMINISTRATOR)

    declared = admin.post(RECIPIENTS, processor).json()

    assert declared["callback_key"] == key
    assert declared["callback_url"] == (
        f"https://lethe.example/api/v1/recipients/{declared['id']}/callbacks"
    )
    for wrong, code in (("no key", 422), ("x" * 20_000, 400), (7, 400)):
        assert admin.post(RECIPIENTS, processor | {"callback_key": wrong}).status_code == code
    assert Recipient.objects.get().callback_key == key


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "http://hospital.example/"},
        {"url": "https://user:secret@hospital.example/"},
        {"namespaces": {}},
        {"namespaces": {"shoe": "shoe"}},
        {"waits_for_answer": True},
    ],
)
def test_what_does_not_hold_together_is_a_problem_and_changes_nothing(changes):
    make_namespace(PATIENT_ID)

    answer = api_as(Role.ADMINISTRATOR).post(RECIPIENTS, WEBHOOK | changes)

    assert answer.status_code == 422
    assert "secret" not in answer.content.decode()
    assert not Recipient.objects.exists()


def test_an_officer_records_and_excuses_and_the_request_shows_it(tmp_path):
    version = make_dataset(tmp_path)
    pass_on(version)
    pass_on(version, "university")
    opened = make_request(raw(ALICE), now=right_now())
    walk()
    officer, auditor = api_as(Role.OFFICER), api_as(Role.AUDITOR)
    by_name = {str(row.share.obligation.recipient): row.pk for row in Telling.objects.all()}
    told = {"told_by": "letter", "told_at": "2026-01-05T10:00:00Z", "proof_digest": "ab" * 32}

    one = f"{TELLINGS}/{by_name['hospital']}"
    assert auditor.post(f"{one}/told", told).status_code == 403
    assert officer.post(f"{one}/told", told | {"told_by": "By Mail"}).status_code == 400
    assert officer.post(f"{one}/told", told).json()["outcome"] == "notified"
    assert officer.post(f"{one}/told", told).status_code == 404
    assert officer.post(f"{one}/retry").status_code == 404
    other = f"{TELLINGS}/{by_name['university']}"
    assert officer.post(f"{other}/retry").status_code == 200
    excused = officer.post(f"{other}/excuse", {"ground": "impossible", "reason": "dissolved"})
    assert excused.json()["note"] == "impossible: dissolved"
    walk()

    assert state(opened) == "complete"
    shown = auditor.get(f"/api/v1/deletion-requests/{opened.request.pk}").json()["recipients"]
    assert [(one["recipient"], one["outcome"]) for one in shown] == [
        ("hospital", "notified"),
        ("university", "excused"),
    ]
    document = {"name": "certificate-of-destruction", "digest": "cd" * 32}
    assert auditor.post(f"{one}/evidence", document).status_code == 403
    for wrong in ({"name": "Ann Smith"}, {"digest": "cd"}, {"digest": "CD" * 32}):
        assert officer.post(f"{one}/evidence", document | wrong).status_code == 400
    attached = officer.post(f"{one}/evidence", document)
    assert attached.status_code == 200
    (kept,) = attached.json()["evidence"]
    assert (kept["name"], kept["digest"]) == (document["name"], document["digest"])
    assert auditor.get(one).json()["evidence"] == [kept]
    assert auditor.get(one).json()["deliveries"] == []
    assert len(auditor.get(TELLINGS).json()["results"]) == 2
