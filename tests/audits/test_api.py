import csv
import io

import pytest
from django.contrib.auth.models import Group, User
from rest_framework.test import APIClient

from audits.actions import raise_alert, seal
from audits.models import Alert, OutboxEntry
from audits.notes import read_checkpoint
from audits.permissions import Role
from audits.queries import trail_signer
from deletion.events import DeletionRequested
from tests.audits.builders import Counted, record
from tests.cast import MONDAY, OFFICER

pytestmark = pytest.mark.django_db

REPORTS = [f"/api/v1/reports/requests.{form}" for form in ("json", "csv", "pdf")]
READABLE = [*REPORTS, "/api/v1/trail/checkpoint", "/api/v1/alerts"]


def client_of(role: Role) -> APIClient:
    user = User.objects.create_user(f"somebody in the role {role.value}")
    user.groups.add(Group.objects.get_or_create(name=role.value)[0])
    client = APIClient()
    client.force_authenticate(user)
    return client


def record_request(request_id: str) -> None:
    record(
        DeletionRequested(
            request_id=request_id,
            regime="gdpr",
            commitments=("ab" * 32,),
            verification="delegated to the caller",
            received_at=MONDAY,
            acknowledge_by=None,
            erase_by=MONDAY.replace(month=2),
            models_by=MONDAY.replace(month=2),
        ),
        about=f"request/{request_id}",
    )


@pytest.fixture
def sealed_request():
    record_request("1")
    seal(now=MONDAY)
    record_request("2")


def alert() -> Alert:
    return raise_alert(kind="late", about="request/1", detail={"n": 1}, actor=OFFICER, now=MONDAY)


@pytest.mark.parametrize("path", READABLE)
def test_auditors_and_officers_read_and_strangers_do_not(sealed_request, path):
    assert client_of(Role.AUDITOR).get(path).status_code == 200
    assert client_of(Role.OFFICER).get(path).status_code == 200
    assert client_of(Role.INTAKE).get(path).status_code == 403
    assert APIClient().get(path).status_code == 401


def test_the_json_report_tells_sealed_requests_and_counts_the_others(sealed_request):
    told = client_of(Role.AUDITOR).get("/api/v1/reports/requests.json").json()

    assert [request["request_id"] for request in told["requests"]] == ["1"]
    assert (told["checkpoint"]["size"], told["unsealed_facts"]) == (1, 1)


def test_the_csv_report_is_a_file(sealed_request):
    answer = client_of(Role.AUDITOR).get("/api/v1/reports/requests.csv")

    (line,) = csv.DictReader(io.StringIO(answer.content.decode(), newline=""))
    assert (line["request_id"], line["regime"]) == ("1", "gdpr")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="requests.csv"'


def test_the_pdf_report_is_a_file(sealed_request):
    answer = client_of(Role.AUDITOR).get("/api/v1/reports/requests.pdf")

    assert answer.content.startswith(b"%PDF")
    assert answer["Content-Type"] == "application/pdf"


def test_a_report_may_be_of_a_period(sealed_request):
    client = client_of(Role.AUDITOR)

    later = client.get("/api/v1/reports/requests.json", {"since": "2026-01-06"}).json()
    nothing = client.get(
        "/api/v1/reports/requests.json", {"since": "2026-01-06", "until": "2026-01-05"}
    ).json()
    same_day = client.get(
        "/api/v1/reports/requests.json", {"since": "2026-01-05", "until": "2026-01-05"}
    ).json()

    assert (later["requests"], later["since"], later["until"]) == ([], "2026-01-06", None)
    assert len(same_day["requests"]) == 1
    assert nothing["totals"][-1]["received"] == 0


@pytest.mark.parametrize("path", REPORTS)
@pytest.mark.parametrize(
    "period",
    [
        {"since": "yesterday"},
        {"since": "20260105"},
        {"until": "2026-02-30"},
        {"since": ""},
    ],
)
def test_a_period_that_is_none_is_a_problem(path, period):
    answer = client_of(Role.AUDITOR).get(path, period)

    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("application/problem+json")


def test_the_newest_checkpoint_is_the_signed_note(sealed_request):
    answer = client_of(Role.AUDITOR).get("/api/v1/trail/checkpoint")

    head = read_checkpoint(answer.content.decode(), keys=[trail_signer().verifier_key])
    assert head.size == 1
    assert answer["Content-Type"] == "text/plain; charset=utf-8"


def test_an_empty_trail_has_no_checkpoint_to_give():
    record(Counted(number=1))

    answer = client_of(Role.AUDITOR).get("/api/v1/trail/checkpoint")

    assert answer.status_code == 409
    assert b"NotSealedYet" in answer.content


def test_open_alerts_are_listed():
    raised = alert()

    listed = client_of(Role.ENGINEER).get("/api/v1/alerts").json()

    assert listed == [
        {
            "id": raised.pk,
            "kind": "late",
            "about": "request/1",
            "detail": {"n": 1},
            "raised_at": "2026-01-05T00:00:00Z",
        }
    ]


def test_an_officer_resolves_an_alert_in_their_own_name():
    raised = alert()
    client = client_of(Role.OFFICER)

    answer = client.post(
        f"/api/v1/alerts/{raised.pk}/resolve", {"resolution": "restarted"}, format="json"
    )

    assert answer.status_code == 200
    assert (answer.json()["resolution"], answer.json()["resolved_by"]) == (
        "restarted",
        f"user:{User.objects.get().pk}",
    )
    assert client.get("/api/v1/alerts").json() == []
    assert OutboxEntry.objects.filter(event="AlertResolved").exists()


def test_an_auditor_resolves_nothing():
    raised = alert()

    answer = client_of(Role.AUDITOR).post(
        f"/api/v1/alerts/{raised.pk}/resolve", {"resolution": "restarted"}, format="json"
    )

    assert answer.status_code == 403
    assert Alert.objects.filter(resolved_at=None).exists()


@pytest.mark.parametrize(
    "body", [{}, {"resolution": 1}, {"resolution": " \n"}, {"resolution": None}]
)
def test_a_resolution_is_a_text(body):
    raised = alert()

    answer = client_of(Role.OFFICER).post(
        f"/api/v1/alerts/{raised.pk}/resolve", body, format="json"
    )

    assert answer.status_code == 400
    assert Alert.objects.filter(resolved_at=None).exists()


@pytest.mark.parametrize("alert_id", [0, 2**80])
def test_an_unknown_alert_is_not_found(alert_id):
    answer = client_of(Role.OFFICER).post(
        f"/api/v1/alerts/{alert_id}/resolve", {"resolution": "restarted"}, format="json"
    )

    assert answer.status_code == 404
