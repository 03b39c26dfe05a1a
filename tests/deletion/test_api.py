import re
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group, User
from django.core import mail
from rest_framework.test import APIClient

from audits.actions import seal
from audits.permissions import Role
from deletion import actions
from deletion.models import Batch, DeletionRequest
from deletion.tasks import send_code
from lineage.identifiers import IdentifierKind
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.deletion.builders import make_request, raw, right_now, walk
from tests.lineage.builders import PATIENT_ID, make_dataset, make_namespace

pytestmark = pytest.mark.django_db

REQUESTS = "/api/v1/deletion-requests"
NOBODY = UUID(int=0)  # fixed: test runners compare the names of the tests
BODY = {
    "regime": "gdpr",
    "identifiers": [{"namespace": PATIENT_ID, "value": ALICE}],
    "verification": "account-login",
}


def client_of(*roles: Role, name: str = "somebody") -> APIClient:
    user = User.objects.create_user(name)
    for role in roles:
        user.groups.add(Group.objects.get_or_create(name=role.value)[0])
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def intake():
    return client_of(Role.INTAKE, name="website")


@pytest.fixture
def officer():
    return client_of(Role.OFFICER, name="clara")


@pytest.fixture
def auditor():
    return client_of(Role.AUDITOR, name="ada")


@pytest.fixture(autouse=True)
def patients(settings):
    settings.COALESCE = settings.COALESCE * 0
    make_namespace(PATIENT_ID)


def post(client: APIClient, address: str, body: object = None, **headers: str) -> Any:
    return client.post(address, body, format="json", headers=headers)


def ask(client: APIClient, key: str = "k", **changes: object) -> Any:
    return post(client, REQUESTS, {**BODY, **changes}, **{"Idempotency-Key": key})


def path(opened: Any, *rest: str) -> str:
    return "/".join((REQUESTS, opened.json()["id"], *rest))


def title(answer: Any) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


# Opening --------------------------------------------------------------------------------------


def test_a_request_is_accepted_with_its_clocks_and_a_receipt_and_never_echoes_the_person(intake):
    answer = ask(intake)

    assert answer.status_code == 202
    said = answer.json()
    assert said["state"] == "received"
    assert said["erase_by"] < said["models_by"]
    assert len(said["receipt"]["commitment_key"]) == 64
    assert said["receipt"]["commitments"][0]["namespace"] == PATIENT_ID
    assert ALICE not in answer.content.decode()


def test_a_repeated_demand_answers_as_the_first_time(intake):
    first, second = ask(intake), ask(intake)

    assert second.status_code == 202
    assert second.json() == first.json()
    assert DeletionRequest.objects.count() == 1


def test_a_demand_without_an_idempotency_key_is_refused(intake):
    for headers in ({}, {"Idempotency-Key": ""}, {"Idempotency-Key": "x" * 201}):
        answer = post(intake, REQUESTS, BODY, **headers)

        assert title(answer) == (400, "Invalid")
        assert answer.json()["errors"][0]["pointer"] == "#/Idempotency-Key"
    assert not DeletionRequest.objects.exists()


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"regime": "hammurabi"}, (422, "RegimeUnknown")),
        ({"identifiers": [{"namespace": "fax", "value": ALICE}]}, (422, "NamespaceUnknown")),
        ({"identifiers": [{"namespace": PATIENT_ID, "value": "  "}]}, (422, "IdentifierMalformed")),
        ({"identifiers": []}, (400, "Invalid")),
        ({"identifiers": [{"namespace": PATIENT_ID}]}, (400, "Invalid")),
        ({"identifiers": [{"namespace": PATIENT_ID, "value": 7}]}, (400, "Invalid")),
        ({"identifiers": [{"namespace": PATIENT_ID, "sha256": "ab"}]}, (400, "Invalid")),
        (
            {"identifiers": [{"namespace": PATIENT_ID, "value": ALICE, "sha256": "a" * 64}]},
            (400, "Invalid"),
        ),
        ({"identifiers": [ALICE]}, (400, "Invalid")),
        ({"identifiers": [{"namespace": "a\x00b", "value": ALICE}]}, (400, "Invalid")),
        ({"verification": f"we know {ALICE}"}, (400, "Invalid")),
        ({"verification": 7}, (400, "Invalid")),
        ({"regime": 7}, (400, "Invalid")),
    ],
)
def test_bad_input_is_a_clear_problem_that_repeats_nothing(intake, changes, refusal):
    answer = ask(intake, **changes)

    assert title(answer) == refusal
    assert ALICE not in answer.content.decode()
    assert not DeletionRequest.objects.exists()


def test_who_asks_again_is_merged_and_a_reused_key_is_refused(intake, officer):
    first = ask(intake, key="k1")

    merged = ask(intake, key="k2")

    assert merged.status_code == 202
    assert (merged.json()["state"], merged.json()["merged_into"]) == ("merged", first.json()["id"])
    assert merged.json()["receipt"]["commitment_key"]
    assert intake.get(path(first)).json()["merged"] == [merged.json()["id"]]
    assert title(intake.post(path(merged, "unmerge")))[0] == 403
    assert officer.post(path(merged, "unmerge")).json()["merged_into"] is None
    assert title(officer.post(path(merged, "unmerge"))) == (409, "MoveNotAllowed")
    assert intake.get(path(merged)).json()["waits_for"].startswith("Another request of the same")
    assert title(ask(intake, key="k1", regime="ccpa")) == (422, "IdempotencyKeyReused")


# Seeing ---------------------------------------------------------------------------------------


def test_an_intake_service_sees_what_it_opened_and_nothing_else(intake, officer):
    mine = ask(intake)
    theirs = ask(officer, key="k2", identifiers=[{"namespace": PATIENT_ID, "value": BOB}])

    assert [one["id"] for one in intake.get(REQUESTS).json()["results"]] == [mine.json()["id"]]
    assert intake.get(path(mine)).status_code == 200
    for hidden in ("", "cancel", "certificate"):
        send = intake.post if hidden == "cancel" else intake.get
        assert title(send(path(theirs, *filter(None, [hidden])))) == (404, "RequestUnknown")
    assert len(officer.get(REQUESTS).json()["results"]) == 2


def test_requests_are_listed_newest_first_by_state_and_lateness(officer):
    make_request(raw(ALICE), key="k1", now=MONDAY)
    make_request(raw(BOB), key="k2", now=right_now())

    def listed(**asked: str) -> list[str]:
        return [one["received_at"][:4] for one in officer.get(REQUESTS, asked).json()["results"]]

    assert [one[:4] for one in (str(right_now().year), "2026")] == listed()
    assert listed(overdue="true") == ["2026"]
    assert len(listed(overdue="false")) == 1
    assert len(listed(state="received")) == 2
    assert listed(state="complete") == []
    DeletionRequest.objects.update(state="held")
    assert (listed(overdue="true"), len(listed(overdue="false"))) == ([], 2)
    assert title(officer.get(REQUESTS, {"state": "gone"})) == (400, "Invalid")
    assert title(officer.get(REQUESTS, {"overdue": "perhaps"})) == (400, "Invalid")
    assert title(officer.get(REQUESTS, {"cursor": "cD1ub3doZXJl"})) == (404, "NotFound")


def test_a_page_of_one_request_shows_targets_timeline_and_what_it_waits_for(
    intake, tmp_path, settings
):
    settings.COALESCE = settings.COALESCE + right_now().resolution * 10**9
    make_dataset(tmp_path)
    opened = ask(intake)
    said = intake.get(path(opened)).json()
    assert said["waits_for"] == "It waits to be planned."
    assert said["targets"] == []

    walk()

    said = intake.get(path(opened)).json()
    assert said["state"] == "in progress"
    (target,) = said["targets"]
    assert target["target"] == "store/patients"
    assert target["outcome"] == ""
    assert target["forecast"]["because"].startswith("1 person waits")
    assert [one["event"] for one in said["timeline"]] == ["DeletionRequested", "RequestPlanned"]
    assert said["lawful_until"] > said["models_by"]
    assert ALICE not in str(said)


# Deciding -------------------------------------------------------------------------------------


def test_a_request_is_cancelled_by_who_opened_it(intake):
    opened = ask(intake)

    answer = post(intake, path(opened, "cancel"))

    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert title(post(intake, path(opened, "cancel"))) == (409, "MoveNotAllowed")


def test_a_hold_is_placed_by_one_officer_and_released_by_another(intake, officer):
    opened = ask(intake)
    said = {"article": "GDPR Art. 17(3)(e)", "reason": "a lawsuit"}

    foreign = {**said, "article": "Cal. Civ. Code 1798.105(d)(8)"}
    assert title(post(officer, path(opened, "hold"), foreign)) == (422, "HoldGroundUnknown")
    assert post(officer, path(opened, "hold"), said).json()["state"] == "held"
    assert title(post(officer, path(opened, "hold", "release"))) == (409, "TwoPeopleNeeded")
    other = client_of(Role.OFFICER, name="dora")
    assert post(other, path(opened, "hold", "release")).json()["state"] == "received"
    assert title(post(other, path(opened, "hold", "release"))) == (404, "HoldUnknown")


def test_a_plan_is_approved_by_its_digest(intake, officer, tmp_path):
    make_dataset(tmp_path)
    ask(intake)
    ids = DeletionRequest.objects.values_list("pk", flat=True)
    actions.plan_batch(request_ids=ids, actor=OFFICER, now=right_now())
    (batch,) = officer.get("/api/v1/batches").json()["results"]
    address = f"/api/v1/batches/{batch['id']}/approve"

    assert title(post(officer, address, {"digest": "0" * 64})) == (409, "PlanOutdated")
    answer = post(officer, address, {"digest": batch["digest"]})

    assert answer.status_code == 200
    assert answer.json()["approved_by"] == Batch.objects.get().approved_by
    assert batch["plan"]["obligations"][0]["target"] == "patients"
    assert title(post(officer, address, {"digest": batch["digest"]})) == (404, "BatchUnknown")


def test_a_certificate_is_answered_with_its_proof_once_it_is_sealed(intake, tmp_path):
    make_dataset(tmp_path)
    opened = ask(intake)
    assert title(intake.get(path(opened, "certificate"))) == (409, "NotComplete")
    walk()
    assert title(intake.get(path(opened, "certificate"))) == (409, "NotSealedYet")
    seal(now=right_now())

    answer = intake.get(path(opened, "certificate"))

    assert answer.status_code == 200
    said = answer.json()
    assert said["proof"].startswith("c2sp.org/tlog-proof@v1")
    assert said["digest"] in said["leaf"]
    assert ALICE not in answer.content.decode()


def test_only_a_stuck_run_is_tried_again(officer):
    assert title(post(officer, f"/api/v1/runs/{NOBODY}/retry")) == (404, "RunUnknown")


def test_an_extension_needs_a_reason_that_the_law_knows_and_is_given_once(officer, intake):
    opened = ask(intake)
    body = {"reason": "the request is complex", "told_at": right_now().isoformat()}

    unknown = post(officer, path(opened, "extension"), {**body, "reason": "we forgot"})
    extended = post(officer, path(opened, "extension"), body)
    again = post(officer, path(opened, "extension"), body)

    assert title(unknown) == (400, "Invalid")
    assert extended.status_code == 200
    assert extended.json()["models_by"] > opened.json()["models_by"]
    assert title(again) == (422, "ExtensionNotAllowed")
    shown = officer.get(path(opened)).json()
    assert shown["lawful_until"] >= shown["models_by"] == extended.json()["models_by"]


def test_a_pause_stops_both_clocks_from_the_question_to_the_answer(officer, intake):
    opened = ask(intake, regime="uk-gdpr")
    asked_at = opened.json()["received_at"]
    body = {"article": "UK GDPR Art. 12A(2)(b)", "asked_at": asked_at}

    unknown = post(officer, path(opened, "pause"), {**body, "article": "GDPR Art. 12(6)"})
    paused = post(officer, path(opened, "pause"), body)
    again = post(officer, path(opened, "pause"), body)
    before_it = post(officer, path(opened, "pause/end"), {"answered_at": "2020-01-01T00:00:00Z"})
    resumed = post(officer, path(opened, "pause/end"), {"answered_at": asked_at})
    ended = post(officer, path(opened, "pause/end"), {"answered_at": asked_at})

    assert title(unknown) == (400, "Invalid")
    assert (paused.status_code, paused.json()["state"]) == (200, "paused")
    assert paused.json()["paused_since"] == asked_at
    assert title(again) == (409, "MoveNotAllowed")
    assert title(before_it) == (422, "PauseNotAllowed")
    assert (resumed.json()["state"], resumed.json()["paused_since"]) == ("received", None)
    assert resumed.json()["models_by"] == opened.json()["models_by"], "it took no time"
    assert title(ended) == (404, "PauseUnknown")


def test_a_denial_names_its_ground_and_when_the_person_was_told(officer, intake):
    opened = ask(intake)
    body = {"article": "GDPR Art. 12(6)", "told_at": opened.json()["received_at"]}
    assert officer.get(path(opened)).json()["denial"] is None

    unknown = post(officer, path(opened, "denial"), {**body, "article": "we do not want to"})
    elsewhere = post(officer, path(opened, "denial"), {**body, "article": "11 CCR 7022(a)"})
    denied = post(officer, path(opened, "denial"), body)

    assert title(unknown) == (400, "Invalid")
    assert title(elsewhere) == (422, "DenialNotAllowed")
    assert (denied.status_code, denied.json()["state"]) == (200, "denied")
    shown = intake.get(path(opened)).json()
    assert shown["denied_at"] is not None
    assert shown["denial"] == {
        "article": "GDPR Art. 12(6)",
        "reason": "who the person is could not be confirmed",
        "told_at": body["told_at"],
        "in_time": True,
    }
    assert title(post(officer, path(opened, "denial"), body)) == (409, "MoveNotAllowed")
    listed = officer.get(REQUESTS, {"state": "denied"}).json()["results"]
    assert [one["id"] for one in listed] == [opened.json()["id"]]


def test_a_code_by_mail_is_repeated_by_who_opened_the_request(intake, settings):
    settings.EMAIL_HOST = "mail.example"
    make_namespace("email", kind=IdentifierKind.EMAIL)
    person = {"namespace": "email", "value": "alice@example.org"}
    opened = ask(intake, identifiers=[person], verification="email-code")
    assert (opened.status_code, opened.json()["state"]) == (202, "unverified")
    again = post(intake, path(opened, "code"))
    send_code(opened.json()["id"])
    (code,) = re.findall(r"\d{8}", str(mail.outbox[0].body))
    wrong = f"{(int(code) + 1) % 10**8:08d}"

    refused = post(intake, path(opened, "code/confirm"), {"code": wrong})
    malformed = post(intake, path(opened, "code/confirm"), {"code": "1234"})
    confirmed = post(intake, path(opened, "code/confirm"), {"code": code})
    late = post(intake, path(opened, "code/confirm"), {"code": code})

    assert title(again) == (409, "CodeNotAllowed")
    assert title(refused) == (422, "CodeWrong")
    assert title(malformed) == (400, "Invalid")
    assert (confirmed.status_code, confirmed.json()["state"]) == (200, "received")
    assert confirmed.json()["verified_at"] is not None
    assert title(late) == (409, "MoveNotAllowed")
    hashed = ask(intake, "k2", verification="email-code")
    assert title(hashed) == (422, "VerificationNotPossible")


# Who may --------------------------------------------------------------------------------------

ADDRESSES = {
    REQUESTS: {"get": {Role.INTAKE, Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR}},
    f"{REQUESTS}/{NOBODY}": {"get": {Role.INTAKE, Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR}},
    f"{REQUESTS}/{NOBODY}/certificate": {
        "get": {Role.INTAKE, Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR}
    },
    f"{REQUESTS}/{NOBODY}/cancel": {"post": {Role.INTAKE, Role.OFFICER}},
    f"{REQUESTS}/{NOBODY}/extension": {"post": {Role.OFFICER}},
    f"{REQUESTS}/{NOBODY}/hold": {"post": {Role.OFFICER}},
    f"{REQUESTS}/{NOBODY}/code": {"post": {Role.INTAKE, Role.OFFICER}},
    f"{REQUESTS}/{NOBODY}/code/confirm": {"post": {Role.INTAKE, Role.OFFICER}},
    f"{REQUESTS}/{NOBODY}/denial": {"post": {Role.OFFICER}},
    f"{REQUESTS}/{NOBODY}/pause": {"post": {Role.OFFICER}},
    f"{REQUESTS}/{NOBODY}/pause/end": {"post": {Role.OFFICER}},
    f"{REQUESTS}/{NOBODY}/hold/release": {"post": {Role.OFFICER}},
    "/api/v1/batches": {"get": {Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR}},
    "/api/v1/batches/1/approve": {"post": {Role.OFFICER}},
    f"/api/v1/runs/{NOBODY}/retry": {"post": {Role.OFFICER}},
    "/api/v1/recipients": {
        "get": {Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR},
        "post": {Role.ADMINISTRATOR},
    },
    "/api/v1/recipients/1": {"get": {Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR}},
    "/api/v1/recipients/1/test": {"post": {Role.ADMINISTRATOR}},
    "/api/v1/recipients/1/disable": {"post": {Role.ADMINISTRATOR}},
    "/api/v1/recipients/1/enable": {"post": {Role.ADMINISTRATOR}},
    "/api/v1/tellings": {"get": {Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR}},
    f"/api/v1/tellings/{NOBODY}": {"get": {Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR}},
    f"/api/v1/tellings/{NOBODY}/told": {"post": {Role.OFFICER}},
    f"/api/v1/tellings/{NOBODY}/excuse": {"post": {Role.OFFICER}},
    f"/api/v1/tellings/{NOBODY}/retry": {"post": {Role.OFFICER}},
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address_lets_in_its_roles_only(address):
    for method, allowed in ADDRESSES[address].items():
        assert getattr(APIClient(), method)(address).status_code == 401
        for number, role in enumerate(Role):
            answer = getattr(client_of(role, name=f"{method}{number}"), method)(address)
            assert (answer.status_code != 403) == (role in allowed), role


def test_an_auditor_opens_nothing(auditor):
    assert ask(auditor).status_code == 403
    assert not DeletionRequest.objects.exists()
