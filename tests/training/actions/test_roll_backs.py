import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from rest_framework.test import APIClient

from audits.permissions import Role
from audits.statements import open_envelope
from deletion.models import DeletionRequest
from lineage.models import DatasetVersion, Membership
from tests.cast import ALICE, BOB, OFFICER
from tests.deletion.builders import make_request, raw
from tests.lineage.builders import forget, make_node, make_version, pseudonym, recorded
from tests.training.builders import (
    artefact_folder,
    make_trained_model,
    remove,
    right_now,
    start,
    train,
    version_of,
)
from training import actions, queries, tasks
from training.errors import VersionNotServable, VersionUnknown
from training.models import ModelRelease, ModelVersion, RollBack
from training.moments import sequence_at
from training.tasks import steps

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "patients"


@pytest.fixture
def model(folder):
    """Return a model whose second version serves, and whose first one stands by."""
    trained = make_trained_model(folder)
    train(trained)
    return trained


@pytest.fixture(autouse=True)
def no_messages(monkeypatch):
    """Let tasks send nothing."""
    monkeypatch.setattr(tasks, "_send", lambda _steps: None)


def back(version=1, now=None):
    return actions.roll_back(
        model_name="triage",
        version=version,
        reason="it harms",
        actor=OFFICER,
        now=now or right_now(),
    )


def states(model):
    return list(model.versions.order_by("number").values_list("state", flat=True))


def told():
    signer = queries.model_signer()
    envelope = queries.serving("triage", now=right_now()).envelope
    return open_envelope(envelope, public_keys={"k": signer.public_key})["predicate"]


def client_of(role):
    user = User.objects.create_user(f"a {role}")
    user.groups.add(Group.objects.get_or_create(name=role.value)[0])
    client = APIClient()
    client.force_login(user)
    return client


def every_way_back(model, officer):
    """Try each way in which somebody could bring the first version back; all are refused."""
    with pytest.raises(VersionNotServable):
        back()
    answer = officer.post(
        "/api/v1/models/triage/roll-backs", {"version": 1, "reason": "r"}, format="json"
    )
    assert answer.status_code == 409, answer.content
    assert answer.json()["type"] == "/problems/VersionNotServable"
    page = reverse("admin:training_modelversion_roll_back", args=[version_of(model, 1).pk])
    officer.post(page, {"reason": "r"}, format="multipart")
    with pytest.raises(CommandError):
        call_command("roll_back", "triage", "1", reason="r")
    first = version_of(model, 1)
    first.state = "released"
    ModelVersion.objects.filter(number=2, state="released").update(state="standby")
    with pytest.raises(IntegrityError), transaction.atomic():  # as from a shell
        first.save()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE training_modelversion SET state = 'released', doomed_at = NULL,"
            " destroyed_at = NULL, withdrawn_at = NULL WHERE number = 1"
        )
    restored = ModelVersion(number=9, **_columns(version_of(model, 2), but={"id", "number"}))
    restored.state, restored.node = "released", make_node(name="triage", version="9")
    with pytest.raises(IntegrityError, match="begins as trained"), transaction.atomic():
        restored.save()  # a row out of a backup
    assert version_of(model, 1).state != "released"
    assert not RollBack.objects.exists()


def _columns(row, *, but):
    names = {field.attname for field in row._meta.local_concrete_fields} - but
    return {name: getattr(row, name) for name in names}


def test_people_go_back_to_the_version_that_served_before(model):
    assert states(model) == ["standby", "released"]
    before = told()

    decided = back()

    assert states(model) == ["released", "standby"]
    assert (decided.version.number, decided.replaced.number) == (1, 2)
    after = told()
    assert (before["version"], after["version"]) == (2, 1)
    assert after["sequence"] == sequence_at(decided.decided_at) > before["sequence"]
    (entry,) = recorded("VersionRolledBack")
    assert entry["facts"]["replaced"] == 2
    assert "harms" not in str(entry)  # the reason stays in the row
    back(2)
    assert states(model) == ["standby", "released"]


def test_one_version_stands_by_and_the_one_before_it_is_destroyed(model):
    train(model)

    assert states(model) == ["destroyed", "standby", "released"]
    assert not (artefact_folder() / version_of(model, 1).artefact).exists()
    with pytest.raises(VersionNotServable):
        back(1)
    with pytest.raises(VersionUnknown):
        back(7)
    with pytest.raises(VersionNotServable):
        back(3)


def test_a_version_with_somebody_who_was_forgotten_never_comes_back(model, folder):
    officer = client_of(Role.OFFICER)
    assert Membership.objects.filter(subject__pseudonyms=pseudonym(ALICE)).exists()
    back()
    back(2)  # before: it is possible
    RollBack.objects.all().delete()
    remove(ALICE, folder)
    make_version(model.family)
    forget(ALICE)
    assert not Membership.objects.filter(subject__pseudonyms=pseudonym(ALICE)).exists()
    bystanders = Membership.objects.filter(subject__pseudonyms=pseudonym(BOB))
    assert bystanders.exists()

    DatasetVersion.objects.update(state="clear")  # a restored row would say so

    every_way_back(model, officer)


def test_a_version_with_somebody_who_is_being_erased_does_not_come_back(model):
    officer = client_of(Role.OFFICER)
    opened = make_request(raw(ALICE))
    row = DeletionRequest.objects.filter(pk=opened.request.pk)
    row.update(state="in progress")

    every_way_back(model, officer)

    row.update(state="received")  # nobody has approved it
    ModelVersion.objects.filter(number=2).update(state="released")
    assert back().version.number == 1


def test_a_version_whose_term_is_over_does_not_come_back(model):
    ModelRelease.objects.filter(version=version_of(model, 1)).update(qualified_until=right_now())

    every_way_back(model, client_of(Role.OFFICER))


def test_when_somebody_has_to_leave_what_stands_by_goes_at_once(model, folder):
    file = artefact_folder() / version_of(model, 1).artefact
    assert file.exists()
    remove(ALICE, folder)
    make_version(model.family)

    start(model, forced=True)

    assert states(model) == ["withdrawn", "released"]
    steps.destroy_doomed(model.pk)
    assert states(model) == ["destroyed", "released"]
    assert not file.exists()
    every_way_back(model, client_of(Role.OFFICER))


def test_a_champion_that_is_not_clean_does_not_stand_by(model, folder):
    remove(ALICE, folder)
    make_version(model.family)
    forget(ALICE)

    train(model)

    assert states(model) == ["destroyed", "withdrawn", "released"]


def test_who_decides_does_it_over_http_on_the_pages_or_by_command(model, capsys):
    engineer = client_of(Role.ENGINEER)

    answer = engineer.post(
        "/api/v1/models/triage/roll-backs", {"version": 1, "reason": "it harms"}, format="json"
    )

    assert answer.status_code == 201
    assert answer.json()["replaced"] == 2
    assert engineer.get("/api/v1/models/triage/roll-backs").json() == [answer.json()]
    page = reverse("admin:training_modelversion_roll_back", args=[version_of(model, 2).pk])
    client = client_of(Role.OFFICER)
    assert client.get(page).status_code == 200
    client.post(page, {"reason": "it did not"}, format="multipart")
    assert states(model) == ["standby", "released"]
    call_command("roll_back", "triage", "1", reason="it did")
    assert "triage version 1 serves again, version 2 stands by" in capsys.readouterr().out
    assert RollBack.objects.count() == 3


def test_others_do_not_decide_it(model):
    page = reverse("admin:training_modelversion_roll_back", args=[version_of(model, 1).pk])
    said = {"version": 1, "reason": "r"}

    for client in (client_of(Role.AUDITOR), client_of(Role.INTAKE)):
        answer = client.post("/api/v1/models/triage/roll-backs", said, format="json")
        client.post(page, {"reason": "r"}, format="multipart")
        assert answer.status_code == 403

    assert states(model) == ["standby", "released"]
