from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from rest_framework.test import APIClient

from audits.permissions import Role
from audits.statements import open_envelope
from tests.lineage.builders import make_node, make_version, recorded
from tests.training.builders import (
    make_model,
    make_patients,
    make_trained_model,
    right_now,
    start,
    version_of,
)
from training import queries
from training.models import Model, ModelRelease, ModelVersion, Stop

pytestmark = pytest.mark.django_db

DECLARATION = {
    "name": "triage",
    "purpose": "to see who needs a bed",
    "family": "patients",
    "fallback": {"label": "well"},
}


def client_of(role):
    user = User.objects.create_user(f"a {role}")
    user.groups.add(Group.objects.get_or_create(name=role.value)[0])
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def engineer():
    return client_of(Role.ENGINEER)


@pytest.fixture
def officer():
    return client_of(Role.OFFICER)


@pytest.fixture
def family(tmp_path):
    return make_patients(tmp_path / "patients").family


def post(client, address, body=None):
    return client.post(f"/api/v1/{address}", body, format="json")


def statement_in(answer):
    signer = queries.model_signer()
    return open_envelope(answer.json(), public_keys={"models": signer.public_key})


def test_a_model_says_from_which_other_one_it_comes(engineer, family):
    assert post(engineer, "models", DECLARATION).status_code == 201
    said = {"model": DECLARATION["name"], "descent": "distilled from"}

    answer = post(engineer, "models", DECLARATION | {"name": "small", "comes_from": said})
    unheard = post(
        engineer, "models", DECLARATION | {"name": "other", "comes_from": said | {"model": "none"}}
    )

    assert (answer.status_code, answer.json()["comes_from"]) == (201, said)
    assert unheard.status_code == 404


def test_an_engineer_registers_a_model(engineer, family):
    answer = post(engineer, "models", DECLARATION)

    assert answer.status_code == 201
    assert answer.json() | {"registered_at": ""} == {
        **DECLARATION,
        "trainer": "sharded-sklearn",
        "parameters": {},
        "features": [],
        "margin_permille": 50,
        "uses": [],
        "qualified_days": None,
        "comes_from": None,
        "registered_at": "",
    }
    assert recorded("ModelRegistered")[0]["actor"].startswith("user:")
    listed = engineer.get("/api/v1/models").json()
    assert [one["name"] for one in listed] == ["triage"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"name": "a b"}, 400),
        ({"name": "a\n"}, 400),
        ({"name": 7}, 400),
        ({"purpose": " "}, 400),
        ({"purpose": "a\x00b"}, 400),
        ({"parameters": []}, 400),
        ({"parameters": {"C": True}}, 400),
        ({"parameters": {"C": [1]}}, 400),
        ({"features": "size"}, 400),
        ({"features": [1]}, 400),
        ({"margin_permille": "50"}, 400),
        ({"margin_permille": True}, 400),
        ({"margin_permille": 1.5}, 400),
        ({"margin_permille": 0}, 400),
        ({"fallback": {}}, 400),
        ({"uses": ["a b"]}, 400),
        ({"uses": ["a", "a"]}, 422),
        ({"qualified_days": 0}, 400),
        ({"qualified_days": "30"}, 400),
        ({"trainer": "crystal-ball"}, 422),
        ({"family": "none"}, 404),
        ({"parameters": {"C": 0}}, 422),
        ({"parameters": {"estimator": "\x00"}}, 422),
        ({"features": ["label"]}, 422),
    ],
)
def test_a_declaration_that_is_wrong_is_refused_and_nothing_is_kept(
    engineer, family, changes, status
):
    answer = post(engineer, "models", DECLARATION | changes)

    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert not Model.objects.exists()


def test_a_whole_number_may_be_written_with_a_point(engineer, family):
    assert post(engineer, "models", DECLARATION | {"margin_permille": 50.0}).status_code == 201


def test_another_declaration_of_the_same_name_is_a_conflict(engineer, family):
    post(engineer, "models", DECLARATION)

    assert post(engineer, "models", DECLARATION).status_code == 201
    assert post(engineer, "models", DECLARATION | {"purpose": "else"}).status_code == 409


def test_a_model_is_shown_with_its_versions_and_the_key_that_signs(engineer, tmp_path):
    make_trained_model(tmp_path)

    shown = engineer.get("/api/v1/models/triage").json()

    assert shown["model"]["name"] == "triage"
    assert shown["stopped"] is False
    assert shown["verifier_key"] == queries.model_signer().verifier_key.text
    (version,) = shown["versions"]
    assert (version["number"], version["state"]) == (1, "released")


@pytest.mark.parametrize("name", ["none", "a b", "%00", "x" * 65, "🛑"])
def test_a_model_that_is_not_there_is_not_found(engineer, name):
    for address in ("", "/release", "/runs"):
        assert engineer.get(f"/api/v1/models/{name}{address}").status_code == 404


def test_serving_systems_are_told_which_artefact_may_answer(engineer, tmp_path):
    model = make_trained_model(tmp_path)

    answer = engineer.get("/api/v1/models/triage/release")

    assert answer["Cache-Control"] == "private, max-age=60"
    statement = statement_in(answer)
    version = version_of(model, 1)
    assert statement["subject"] == [
        {"name": "triage@1", "digest": {"sha256": version.artefact_digest}}
    ]
    assert statement["predicate"]["artefact"] == version.artefact


def test_nobody_relies_on_an_answer_for_longer_than_it_is_true(engineer, tmp_path):
    model = make_trained_model(tmp_path, uses=["bed-planning"], qualified_days=30)
    release = version_of(model, 1).release
    assert release.qualified_until == release.released_at + timedelta(days=30)

    ModelRelease.objects.update(qualified_until=right_now() + timedelta(seconds=20))
    soon = engineer.get("/api/v1/models/triage/release")
    ModelRelease.objects.update(qualified_until=right_now())
    over = engineer.get("/api/v1/models/triage/release")

    assert soon["Sunset"].endswith("GMT")
    assert "Sunset" not in over
    assert 0 < int(soon["Cache-Control"].removeprefix("private, max-age=")) <= 20
    before, after = statement_in(soon)["predicate"], statement_in(over)["predicate"]
    assert (before["stop"], after["stop"]) == (False, True)
    assert before["uses"] == ["to see who needs a bed", "bed-planning"]
    assert after["why"] == "version 1 is not qualified any more"
    assert after["fallback"] == {"label": "well"}
    assert after["sequence"] > before["sequence"]


def test_a_statement_that_is_known_already_is_not_sent_again(engineer, tmp_path):
    make_trained_model(tmp_path)
    etag = engineer.get("/api/v1/models/triage/release")["ETag"]

    same = engineer.get("/api/v1/models/triage/release", headers={"If-None-Match": etag})
    other = engineer.get("/api/v1/models/triage/release", headers={"If-None-Match": '"x"'})

    assert (same.status_code, same.content) == (304, b"")
    assert other.status_code == 200


def test_a_model_without_a_release_has_no_statement(engineer, family):
    make_model(family)

    answer = engineer.get("/api/v1/models/triage/release")

    assert answer.status_code == 404
    assert answer.json()["type"] == "/problems/NothingReleased"


def test_under_a_stop_the_signed_answer_is_the_fallback(engineer, officer, tmp_path):
    make_trained_model(tmp_path)
    before = engineer.get("/api/v1/models/triage/release")["ETag"]

    stopped = post(officer, "stops", {"scope": "model/triage", "reason": "it harms"})

    assert stopped.status_code == 201
    answer = engineer.get("/api/v1/models/triage/release", headers={"If-None-Match": before})
    predicate = statement_in(answer)["predicate"]
    assert predicate["stop"] is True
    assert predicate["fallback"] == {"label": "well"}
    assert engineer.get("/api/v1/models/triage/release")["ETag"] == answer["ETag"]
    assert engineer.get("/api/v1/models/triage").json()["stopped"] is True


def test_when_every_version_is_withdrawn_the_fallback_answers(engineer, tmp_path):
    make_trained_model(tmp_path)
    ModelVersion.objects.update(state="withdrawn")

    answer = engineer.get("/api/v1/models/triage/release")

    assert statement_in(answer)["predicate"]["why"] == "every version was withdrawn"


def test_what_nobody_may_load_any_more_is_listed_under_signature(engineer, tmp_path):
    model = make_trained_model(tmp_path)
    before = engineer.get("/api/v1/models/triage/withdrawals")
    ModelVersion.objects.update(state="withdrawn")

    answer = engineer.get("/api/v1/models/triage/withdrawals")

    assert statement_in(before)["predicate"]["withdrawn"] == []
    assert statement_in(answer)["predicate"]["withdrawn"] == [
        {"version": 1, "sha256": version_of(model, 1).artefact_digest}
    ]
    known = {"If-None-Match": answer["ETag"]}
    same = engineer.get("/api/v1/models/triage/withdrawals", headers=known)
    assert same.status_code == 304


def test_a_training_is_started_on_the_newest_data(engineer, family):
    make_model(family)

    answer = post(engineer, "models/triage/runs", {"reason": "new ward"})

    assert answer.status_code == 202
    said = answer.json()
    assert (said["state"], said["model"], said["forced"]) == ("waiting", "triage", False)
    assert recorded("TrainingStarted")[0]["facts"]["run_id"] == said["run_id"]
    again = post(engineer, "models/triage/runs", {"reason": "again"})
    assert again.json()["run_id"] == said["run_id"]
    listed = engineer.get("/api/v1/models/triage/runs").json()
    assert [one["run_id"] for one in listed] == [said["run_id"]]


def test_no_training_starts_under_a_stop(engineer, officer, family):
    make_model(family)
    post(officer, "stops", {"scope": "everything", "reason": "an inquiry"})

    answer = post(engineer, "models/triage/runs", {"reason": "new ward"})

    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/Stopped"


def test_a_model_without_data_cannot_be_trained(engineer, family):
    make_model(family, trainer="release-centroids")

    answer = post(engineer, "models/triage/runs", {"reason": "now"})

    assert answer.status_code == 422
    assert "nothing to train triage on" in answer.json()["detail"]


def test_two_officers_lift_a_stop(officer, tmp_path):
    make_model(make_version(make_patients(tmp_path).family).family)
    post(officer, "stops", {"scope": "model/triage", "reason": "it harms"})

    proposed = post(officer, "stops/model/triage/proposal")
    alone = post(officer, "stops/model/triage/lift")
    lifted = post(client_of(Role.ADMINISTRATOR), "stops/model/triage/lift")

    assert proposed.status_code == 200
    assert proposed.json()["lift_proposed_by"].startswith("user:")
    assert alone.status_code == 409
    assert alone.json()["type"] == "/problems/TwoPeopleNeeded"
    assert lifted.status_code == 200
    assert not Stop.objects.filter(lifted_at=None).exists()
    assert officer.get("/api/v1/stops").json() == [lifted.json()]


@pytest.mark.parametrize("scope", ["all", "model/", "everything\n", "model/a b", 7, "x" * 99])
def test_a_stop_of_nothing_is_refused(officer, scope):
    assert post(officer, "stops", {"scope": scope, "reason": "r"}).status_code == 400


def test_a_pool_is_stopped_and_lifted_by_two(officer, engineer):
    stopped = post(officer, "stops", {"scope": "pool/training/default", "reason": "too hot"})
    unknown = post(officer, "stops", {"scope": "pool/training/gpu", "reason": "too hot"})

    assert stopped.status_code == 201
    assert unknown.status_code == 404
    assert "pool/erasure or pool/training/default" in unknown.json()["detail"]
    post(officer, "stops/pool/training/default/proposal")
    lifted = post(client_of(Role.ADMINISTRATOR), "stops/pool/training/default/lift")
    assert lifted.json()["lifted_at"] is not None


def test_a_stop_of_an_unknown_model_is_not_found(officer):
    assert post(officer, "stops", {"scope": "model/none", "reason": "r"}).status_code == 404
    assert post(officer, "stops/model/none/proposal").status_code == 404
    assert post(officer, "stops/model/none/lift").status_code == 404


@pytest.mark.parametrize(
    ("role", "address", "body"),
    [
        (Role.OFFICER, "models", DECLARATION),
        (Role.AUDITOR, "models/triage/runs", {"reason": "r"}),
        (Role.ENGINEER, "stops", {"scope": "everything", "reason": "r"}),
        (Role.ENGINEER, "stops/everything/lift", None),
        (Role.AUDITOR, "stops/everything/proposal", None),
    ],
)
def test_a_role_does_what_is_its_own(role, address, body):
    assert post(client_of(role), address, body).status_code == 403


@pytest.mark.parametrize(
    "address", ["models", "models/a", "models/a/release", "models/a/runs", "stops"]
)
def test_nobody_unknown_is_answered(address):
    assert APIClient().get(f"/api/v1/{address}").status_code == 401
    assert client_of(Role.INTAKE).get(f"/api/v1/{address}").status_code == 403


GONE = {
    "model": "elsewhere",
    "version": "1",
    "reason": "its maker deleted it",
    "evidence_digest": "ab" * 32,
}


def test_an_officer_attests_that_another_tools_model_is_gone(officer):
    make_node(name="elsewhere")

    answer = post(officer, "attestations", GONE)

    assert answer.status_code == 201
    assert answer.json().items() >= GONE.items()
    assert officer.get("/api/v1/attestations").json() == [answer.json()]
    assert post(officer, "attestations", GONE).json()["type"] == "/problems/AlreadyAttested"


def test_a_certified_removal_is_kept_and_answered_with_the_reason_why_it_closes_nothing(officer):
    make_node(name="elsewhere")

    answer = post(officer, "attestations", GONE | {"evidence_class": "certified"})

    assert answer.status_code == 201
    said = answer.json()
    assert (said["closes"], said["evidence_class"]) == (False, "certified")
    assert said["refusal"].startswith("certified removal bounds what the person still weighs")
    assert post(officer, "attestations", GONE).json()["closes"] is True
    assert post(officer, "attestations", GONE | {"evidence_class": "no"}).status_code == 400


def test_an_engineer_attests_nothing(engineer):
    make_node(name="elsewhere")

    assert post(engineer, "attestations", GONE).status_code == 403
    assert engineer.get("/api/v1/attestations").json() == []


@pytest.mark.parametrize("digest", ["", "AB" * 32, "ab" * 31, "ab" * 32 + "\n"])
def test_evidence_is_named_by_its_digest(officer, digest):
    make_node(name="elsewhere")

    assert post(officer, "attestations", GONE | {"evidence_digest": digest}).status_code == 400


def test_a_training_is_cancelled_once(engineer, officer, family):
    run_id = start(make_model(family))

    answer = post(engineer, f"training-runs/{run_id}/cancellation")

    assert (answer.status_code, answer.json()["state"]) == (200, "failed")
    assert answer.json()["reason"] == "somebody cancelled it"
    assert recorded("TrainingCancelled")[0]["actor"].startswith("user:")
    assert post(officer, f"training-runs/{run_id}/cancellation").status_code == 409
    assert officer.get(f"/api/v1/training-runs/{run_id}").json() == answer.json()
    assert post(client_of(Role.AUDITOR), f"training-runs/{run_id}/cancellation").status_code == 403
