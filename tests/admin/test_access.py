"""Who gets in, who sees what, and that nobody edits a row by hand."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.urls import NoReverseMatch, reverse

from audits.pages.records import ReadOnlyAdmin
from audits.permissions import Role
from deletion.models import DeletionRequest
from tests.browser.story import PASSWORD, ask, make_account_of
from tests.lineage.builders import make_dataset

pytestmark = pytest.mark.django_db

REGISTERED = admin.site._registry  # noqa: SLF001  # Django has no other list
SHOWN = [one for one in REGISTERED.values() if isinstance(one, ReadOnlyAdmin)]
NAMES = [f"{one.opts.app_label}_{one.opts.model_name}" for one in SHOWN]
WATCHED = {
    "audits_checkpoint",
    "audits_leaf",
    "deletion_agent",
    "deletion_batch",
    "deletion_deletionrequest",
    "deletion_disgorgement",
    "deletion_import",
    "deletion_recipient",
    "deletion_telling",
}  # what engineers do not see


@pytest.fixture
def request_row(tmp_path):
    make_dataset(tmp_path, ["person-1", "person-2"])
    return ask("person-1", days_ago=1)


def lists():
    return [reverse(f"admin:{name}_changelist") for name in NAMES]


def test_every_model_that_a_person_should_see_has_a_page():
    assert {
        "audits_alert",
        "audits_checkpoint",
        "audits_leaf",
        "deletion_agent",
        "deletion_batch",
        "deletion_deletionrequest",
        "deletion_disgorgement",
        "deletion_import",
        "deletion_recipient",
        "deletion_run",
        "deletion_telling",
        "lineage_datasetfamily",
        "lineage_datasetversion",
        "lineage_namespace",
        "lineage_node",
        "lineage_store",
        "privacy_account",
        "privacy_recipe",
        "privacy_release",
        "privacy_shieldpolicy",
        "training_attestation",
        "training_gatedeclaration",
        "training_model",
        "training_modelversion",
        "training_stop",
        "training_trainingrun",
    } == {*NAMES}


def test_nobody_lists_people():
    registered = {model._meta.label for model in REGISTERED}

    assert registered.isdisjoint(
        {
            "lineage.Subject",
            "lineage.Pseudonym",
            "lineage.Membership",
            "lineage.Suppression",
            "deletion.RequestIdentifier",
            "deletion.Found",
            "knox.AuthToken",
        }
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", ["add", "delete", "history"])
def test_there_is_no_address_for_adding_or_deleting(name, way):
    with pytest.raises(NoReverseMatch):
        reverse(f"admin:{name}_{way}", args=() if way == "add" else (1,))


def test_a_row_cannot_be_written_through_its_page(officer, request_row):
    page = reverse("admin:deletion_deletionrequest_change", args=[request_row.pk])
    before = DeletionRequest.objects.values().get()

    answer = officer.post(page, {"state": "complete"})

    assert answer.status_code == 405
    assert officer.get(page).status_code == 200
    assert DeletionRequest.objects.values().get() == before


def test_a_list_offers_nothing_for_many_rows_at_once(officer, request_row):
    page = reverse("admin:deletion_deletionrequest_changelist")

    officer.post(page, {"action": "delete_selected", "_selected_action": str(request_row.pk)})

    assert DeletionRequest.objects.count() == 1


@pytest.mark.parametrize("role", [Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR])
def test_officers_auditors_and_administrators_see_every_list(as_role, role):
    client = as_role(role)

    assert {client.get(page).status_code for page in lists()} == {200}


def test_an_engineer_sees_models_and_data_but_no_requests(as_role):
    client = as_role(Role.ENGINEER)

    refused = {
        name for name in NAMES if client.get(reverse(f"admin:{name}_changelist")).status_code == 403
    }

    assert refused == WATCHED
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize("role", [Role.INTAKE, None])
def test_machines_and_strangers_are_sent_to_the_door(as_role, role, request_row):
    client = as_role(role)
    pages = [
        *lists(),
        reverse("admin:index"),
        reverse("where-is"),
        reverse("admin:deletion_deletionrequest_change", args=[request_row.pk]),
        reverse("admin:deletion_deletionrequest_cancel", args=[request_row.pk]),
        reverse("admin:deletion_deletionrequest_certificate", args=[request_row.pk]),
    ]

    answers = [client.get(page) for page in pages]

    assert {answer.status_code for answer in answers} == {302}
    assert all(answer["Location"].startswith("/admin/login/") for answer in answers)


@pytest.mark.parametrize(
    ("role", "gets_in"),
    [(Role.OFFICER, True), (Role.AUDITOR, True), (Role.ENGINEER, True), (Role.INTAKE, False)],
)
def test_a_role_opens_the_door_and_being_staff_is_not_asked_for(client, role, gets_in):
    make_account_of("somebody", role)

    client.post("/admin/login/", {"username": "somebody", "password": PASSWORD})

    assert (client.get("/admin/").status_code == 200) is gets_in


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ENGINEER, Role.ADMINISTRATOR])
@pytest.mark.parametrize("button", ["approve", "hold", "release", "cancel"])
def test_only_officers_decide_about_requests(as_role, role, button, request_row):
    page = reverse(f"admin:deletion_deletionrequest_{button}", args=[request_row.pk])

    assert as_role(role).get(page).status_code == 403
    assert as_role(role, name="another").post(page).status_code == 403
    assert DeletionRequest.objects.get().state == "received"


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ENGINEER])
def test_only_officers_and_administrators_look_people_up(as_role, role):
    assert as_role(role).get(reverse("where-is")).status_code == 403


@pytest.mark.parametrize("role", [Role.OFFICER, Role.AUDITOR, Role.ENGINEER])
def test_accounts_are_for_administrators(as_role, role):
    account = User.objects.create_user("new")

    client = as_role(role)

    assert client.get(reverse("admin:auth_user_changelist")).status_code == 403
    assert client.get(reverse("admin:auth_user_change", args=[account.pk])).status_code == 403


def test_an_administrator_gives_roles_but_makes_nobody_a_superuser(as_role):
    client = as_role(Role.ADMINISTRATOR)
    account = User.objects.create_user("new", password=PASSWORD)
    officers = make_account_of("other", Role.OFFICER).groups.get()
    page = reverse("admin:auth_user_change", args=[account.pk])
    assert client.get(page).status_code == 200

    client.post(
        page,
        {
            "username": "new",
            "is_active": "on",
            "groups": [officers.pk],
            "is_superuser": "on",
            "is_staff": "on",
        },
    )

    account.refresh_from_db()
    assert list(account.groups.all()) == [officers]
    assert not account.is_superuser
    assert not account.is_staff


def test_an_administrator_cannot_take_over_a_superuser(as_role):
    client = as_role(Role.ADMINISTRATOR)
    root = User.objects.create_superuser("root", password=PASSWORD)
    pages = [
        reverse("admin:auth_user_change", args=[root.pk]),
        reverse("admin:auth_user_password_change", args=[root.pk]),
    ]

    for page in pages:
        client.post(page, {"password1": "another one", "password2": "another one"})

    root.refresh_from_db()
    assert root.check_password(PASSWORD)
    assert client.get(pages[1]).status_code == 403


def test_a_page_of_a_row_that_is_not_there_says_so(officer):
    for key in ("00000000-0000-4000-8000-000000000000", "nonsense", "1/2"):
        answer = officer.get(f"/admin/deletion/deletionrequest/{key}/change/", follow=True)

        assert answer.status_code == 200
        assert "Perhaps it was deleted?" in answer.content.decode()
