import pytest
from django.core.management import CommandError, call_command

from audits.models import OutboxEntry
from privacy.models import Account
from tests.lineage.builders import make_dataset
from tests.privacy.builders import make_reservation

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(tmp_path):
    return make_dataset(tmp_path)


def test_an_account_is_opened_and_shown(version, capsys):
    call_command("open_privacy_account", "patients", "--unit", "patient_id", "--rho", "0.5")

    assert capsys.readouterr().out == "patients: 0.5 of 0.5 rho left, per patient_id\n"
    assert Account.objects.get().cap_nano_rho == 500_000_000
    assert b"command:open_privacy_account" in bytes(
        OutboxEntry.objects.get(event="AccountOpened").entry
    )


def test_opening_it_again_shows_what_is_left(version, capsys):
    opening = ("open_privacy_account", "patients", "--unit", "patient_id", "--rho", "0.5")
    call_command(*opening)
    make_reservation(version)
    capsys.readouterr()

    call_command(*opening)

    assert capsys.readouterr().out == "patients: 0.4 of 0.5 rho left, per patient_id\n"


@pytest.mark.parametrize(
    ("family", "unit", "rho", "refusal"),
    [
        ("strangers", "patient_id", "1", "NodeUnknown: "),
        ("patients", "undeclared", "1", "NamespaceUnknown: "),
        ("patients", "patient_id", "much", "--rho is not a number"),
        ("patients", "patient_id", "0", "--rho is not between"),
        ("patients", "patient_id", "NaN", "--rho is not between"),
        ("patients", "patient_id", "Infinity", "--rho is not between"),
        ("patients", "patient_id", "1001", "--rho is not between"),
    ],
)
def test_a_refusal_is_one_line(version, family, unit, rho, refusal):
    with pytest.raises(CommandError) as refused:
        call_command("open_privacy_account", family, "--unit", unit, "--rho", rho)

    assert str(refused.value).startswith(refusal)
    assert "\n" not in str(refused.value)
    assert not Account.objects.exists()
