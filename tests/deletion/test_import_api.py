import gzip
import json
from io import BytesIO

import pytest
from rest_framework.test import APIClient
from typing_extensions import override

from audits.permissions import Role
from deletion.models import DeletionRequest, Import, RequestIdentifier
from tests.cast import ALICE, BOB
from tests.deletion.test_api import BODY, ask, client_of, title
from tests.lineage.builders import PATIENT_ID, make_namespace, pseudonym

pytestmark = pytest.mark.django_db

BATCHES = "/api/v1/deletion-requests/batches"
CSV = f"regime,verification,value:{PATIENT_ID}\n"
NDJSON = "application/x-ndjson"


@pytest.fixture
def intake():
    return client_of(Role.INTAKE, name="website")


@pytest.fixture(autouse=True)
def patients():
    make_namespace(PATIENT_ID)


def upload(client: APIClient, body: bytes, media_type: str = "text/csv", **headers: str):
    said = {"Idempotency-Key": "monday", **headers}
    return client.post(BATCHES, body, content_type=media_type, headers=said)


def people(*values: str) -> bytes:
    return (CSV + "".join(f"gdpr,account-login,{value}\n" for value in values)).encode()


def answers(answer):
    assert answer.status_code == 200
    assert answer["Content-Type"] == NDJSON
    return [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]


def results(answer):
    return [said["result"] for said in answers(answer)]


def test_each_line_is_answered_in_order_and_the_last_answer_counts(intake):
    answer = upload(intake, people(ALICE, "  ", BOB))

    first, second, third, end = answers(answer)
    assert (first["line"], first["result"], len(first["commitment_key"])) == (2, "accepted", 64)
    assert first["erase_by"] < first["models_by"]
    assert (second["line"], second["result"]) == (3, "refused")
    assert second["problem"]["type"] == "/problems/IdentifierMalformed"
    assert (third["line"], third["result"]) == (4, "accepted")
    assert end == {
        "result": "finished",
        "import": str(Import.objects.get().pk),
        "lines": 3,
        "accepted": 2,
        "known": 0,
        "refused": 1,
    }
    shown = intake.get(f"/api/v1/deletion-requests/{first['id']}").json()
    assert shown["erase_by"] == first["erase_by"]


def test_no_answer_repeats_what_was_sent(intake):
    body = people(ALICE, ALICE, f"{ALICE},{ALICE}") + f"{ALICE},{ALICE},{ALICE}\n".encode()

    said = b"".join(upload(intake, body).streaming_content)

    assert RequestIdentifier.objects.filter(pseudonym=pseudonym(ALICE)).exists()  # presence
    assert ALICE not in said.decode()


def test_lines_of_json_are_the_bodies_of_single_requests(intake):
    lines = json.dumps(BODY) + "\n" + json.dumps({**BODY, "key": "k"})

    assert results(upload(intake, lines.encode(), NDJSON)) == ["accepted", "accepted", "finished"]
    first = DeletionRequest.objects.get(state="received")
    assert ask(intake, "monday#1").json()["id"] == str(first.pk)
    assert DeletionRequest.objects.get(state="merged").behind == first


def test_a_packed_upload_is_read_like_one_that_is_not(intake):
    packed = gzip.compress(people(ALICE, BOB))

    first = upload(intake, packed, **{"Content-Encoding": "gzip"})
    again = upload(intake, people(ALICE, BOB))

    assert results(first) == ["accepted", "accepted", "finished"]
    assert results(again) == ["known", "known", "finished"]


def test_a_damaged_upload_keeps_what_was_taken_and_says_where_it_ended(intake):
    packed = gzip.compress(people(ALICE, BOB))

    answer = upload(intake, packed[:-4], **{"Content-Encoding": "gzip"})

    said = answers(answer)
    assert [each["result"] for each in said] == ["accepted", "accepted", "broken-off"]
    assert said[-1]["problem"]["detail"] == "the gzip stream ends in the middle"


def test_a_body_that_is_cut_opens_nothing_for_the_person_its_last_line_seems_to_name(intake):
    whole = people(ALICE, BOB)
    cut = whole[:-5]

    answer = intake.generic(
        "POST",
        BATCHES,
        b"",
        content_type="text/csv",
        headers={"Idempotency-Key": "monday"},
        **{"wsgi.input": BytesIO(cut), "CONTENT_LENGTH": str(len(whole))},
    )

    said = answers(answer)
    assert [each["result"] for each in said] == ["accepted", "broken-off"]
    assert RequestIdentifier.objects.get().pseudonym == pseudonym(ALICE)


class Broken(BytesIO):
    """A connection that breaks after what came."""

    @override
    def read(self, size=-1):
        if not (some := super().read(size)):
            raise TimeoutError
        return some


def test_a_connection_that_breaks_keeps_what_was_taken(intake):
    body = people(ALICE)

    answer = intake.generic(
        "POST",
        BATCHES,
        b"",
        content_type="text/csv",
        headers={"Idempotency-Key": "monday"},
        **{"wsgi.input": Broken(body + b"gdpr,acc"), "CONTENT_LENGTH": str(len(body) + 20)},
    )

    assert results(answer) == ["accepted", "broken-off"]


@pytest.mark.parametrize(
    ("media_type", "headers", "status", "name"),
    [
        ("application/json", {}, 415, "UnsupportedMediaType"),
        ("", {}, 415, "UnsupportedMediaType"),
        ("text/csv", {"Content-Encoding": "br"}, 415, "UnsupportedMediaType"),
        ("text/csv", {"Idempotency-Key": "two words"}, 400, "Invalid"),
        ("text/csv", {"Accept": "text/html"}, 406, "NotAcceptable"),
    ],
)
def test_what_is_no_upload_is_refused_before_anything_is_read(
    intake, media_type, headers, status, name
):
    assert title(upload(intake, people(ALICE), media_type, **headers)) == (status, name)
    assert not Import.objects.exists()


@pytest.mark.parametrize("role", [Role.ENGINEER, Role.AUDITOR, Role.ADMINISTRATOR])
def test_whoever_may_not_open_one_request_may_not_open_many(role):
    client = client_of(role)

    assert upload(client, people(ALICE)).status_code == 403
    assert ask(client).status_code == 403
    assert not DeletionRequest.objects.exists()
