import pytest

from audits.permissions import Role
from tests.training.api.test_views import client_of
from tests.training.builders import make_patients

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/datasets/patients/gates"


@pytest.fixture
def engineer():
    return client_of(Role.ENGINEER)


@pytest.fixture
def family(tmp_path):
    return make_patients(tmp_path / "patients").family


def put(client, rules, address=ADDRESS):
    return client.put(address, {"rules": rules}, format="json")


def test_who_asks_before_anything_is_declared_sees_what_is_usual(engineer, family):
    said = engineer.get(ADDRESS).json()

    assert (said["number"], said["declared_by"], said["declared_at"]) == (0, "", None)
    assert said["rules"]["limits"]["missing_permille"] == 200


def test_an_engineer_declares_gates_and_reads_them_with_their_defaults(engineer, family):
    answer = put(engineer, {"drift": {}, "columns": {"age": {"least": 0}}})

    assert answer.status_code == 200
    assert answer.json() == engineer.get(ADDRESS).json()
    assert answer.json()["number"] == 1
    assert answer.json()["rules"]["drift"] == {"most": 0.25}
    assert put(engineer, answer.json()["rules"]).json()["number"] == 1


@pytest.mark.parametrize(
    ("rules", "status", "detail"),
    [
        ([], 400, ""),
        (None, 400, ""),
        ({"drift": {"mist": 1}}, 422, "drift: only most may stand here"),
        ({"columns": {"patient_id": {}}}, 422, "columns: one of them names people"),
    ],
)
def test_a_declaration_that_is_wrong_is_a_problem(engineer, family, rules, status, detail):
    answer = put(engineer, rules)

    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert detail in answer.json()["detail"]
    assert engineer.get(ADDRESS).json()["number"] == 0


def test_a_training_set_that_is_not_there_is_not_found(engineer):
    assert put(engineer, {}, "/api/v1/datasets/none/gates").status_code == 404


@pytest.mark.parametrize(
    ("role", "reads", "declares"),
    [(Role.OFFICER, 200, 403), (Role.AUDITOR, 200, 403), (Role.INTAKE, 403, 403)],
)
def test_others_read_at_most(family, role, reads, declares):
    client = client_of(role)

    assert client.get(ADDRESS).status_code == reads
    assert put(client, {}).status_code == declares
