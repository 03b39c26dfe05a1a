import pytest
from django.db import IntegrityError, transaction

from audits.models import OutboxEntry
from lineage.errors import NamespaceUnknown, NodeUnknown
from lineage.models import DatasetVersion
from privacy import actions
from privacy.errors import AccountConflict, AccountUnknown, RecipeInvalid
from privacy.ledger import NanoRho
from privacy.models import Account, Recipe
from tests.cast import MONDAY, OFFICER
from tests.lineage.builders import PATIENT_ID, make_dataset, make_namespace
from tests.privacy.builders import CAP, COST, make_account, make_declaration, make_recipe

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(tmp_path) -> DatasetVersion:
    return make_dataset(tmp_path)


def recorded(event: str) -> int:
    return OutboxEntry.objects.filter(event=event).count()


def test_an_account_is_opened_once_and_recorded(version):
    account = make_account(version.family)

    assert (account.cap_nano_rho, account.spent_nano_rho, account.unit_id) == (CAP, 0, PATIENT_ID)
    assert OutboxEntry.objects.get(event="AccountOpened").about == "account/patients"


def test_opening_the_same_account_again_changes_and_records_nothing(version):
    first = make_account(version.family)

    assert make_account(version.family) == first
    assert recorded("AccountOpened") == 1


def test_an_account_cannot_be_opened_with_other_terms(version):
    make_namespace("email")
    make_account(version.family)

    with pytest.raises(AccountConflict):
        make_account(version.family, cap=2 * CAP)
    with pytest.raises(AccountConflict):
        actions.open_account(
            family_id=version.family_id,
            unit="email",
            cap_nano_rho=CAP,
            actor=OFFICER,
            now=MONDAY,
        )
    assert Account.objects.get().cap_nano_rho == CAP


def test_an_account_needs_a_family_and_a_declared_unit(version):
    with pytest.raises(NodeUnknown):
        actions.open_account(
            family_id=0, unit=PATIENT_ID, cap_nano_rho=CAP, actor=OFFICER, now=MONDAY
        )
    with pytest.raises(NamespaceUnknown):
        actions.open_account(
            family_id=version.family_id,
            unit="nobody_declared_this",
            cap_nano_rho=NanoRho(1),
            actor=OFFICER,
            now=MONDAY,
        )
    assert not Account.objects.exists()


@pytest.mark.parametrize("change", [{"cap_nano_rho": 10 * CAP}, {"unit_id": "email"}])
def test_the_database_refuses_to_change_the_terms_of_an_account(version, change):
    make_namespace("email")
    account = make_account(version.family)

    with pytest.raises(IntegrityError, match="terms of an account are fixed"), transaction.atomic():
        Account.objects.filter(pk=account.pk).update(**change)
    with pytest.raises(IntegrityError, match="terms of an account are fixed"), transaction.atomic():
        account.delete()


@pytest.mark.parametrize("spent", [CAP + 1, -1])
def test_the_database_refuses_a_sum_beyond_the_cap_or_below_nothing(version, spent):
    make_account(version.family)

    with pytest.raises(IntegrityError, match="never_spent"), transaction.atomic():
        Account.objects.update(spent_nano_rho=spent)


def test_a_recipe_is_registered_with_its_price_and_recorded(version):
    make_account(version.family)

    recipe = make_recipe()

    assert (recipe.name, recipe.revision, recipe.family) == ("sizes-by-ward", 1, version.family)
    assert recipe.declaration == make_declaration()
    entry = OutboxEntry.objects.get(event="RecipeRegistered")
    assert entry.about == "recipe/sizes-by-ward"
    assert f'"cost_nano_rho":{COST}' in bytes(entry.entry).decode()


def test_the_same_declaration_again_is_the_same_recipe(version):
    make_account(version.family)

    assert make_recipe() == make_recipe()
    assert (Recipe.objects.count(), recorded("RecipeRegistered")) == (1, 1)


def test_another_declaration_of_a_name_is_its_next_revision(version):
    make_account(version.family)

    revisions = [
        make_recipe(budget={"nano_rho": COST + extra, "delta": 0.000001}).revision
        for extra in (0, 2, 4)
    ]

    assert revisions == [1, 2, 3]


def test_a_recipe_for_an_unknown_family_names_the_field(version):
    with pytest.raises(RecipeInvalid, match=r"source\.family"):
        make_recipe(source={"family": "strangers"})


def test_a_recipe_needs_an_account_to_pay_from(version):
    with pytest.raises(AccountUnknown):
        make_recipe()


@pytest.mark.parametrize(
    ("unit", "field"),
    [
        ({"namespace": "email", "column": PATIENT_ID}, r"unit\.namespace"),
        ({"namespace": PATIENT_ID, "column": "label"}, r"unit\.column"),
    ],
)
def test_a_recipe_protects_whom_the_account_counts_by_their_declared_column(version, unit, field):
    make_account(version.family)

    with pytest.raises(RecipeInvalid, match=field):
        make_recipe(unit=unit)
    assert not Recipe.objects.exists()
