from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audits.models import OutboxEntry
from lineage.models import IdentifierColumn, Store
from tests.cast import ALICE, BOB
from tests.lineage.builders import PATIENT_ID, make_namespace, recorded, write_people

pytestmark = pytest.mark.django_db


def register(place: Path | str, *columns: str, name: str = "visits") -> None:
    flags = [f"--id-column={column}" for column in columns or (PATIENT_ID,)]
    call_command("register_store", str(place), f"--name={name}", *flags)


@pytest.fixture
def place(tmp_path):
    make_namespace()
    write_people(tmp_path / "a.parquet", [ALICE, BOB])
    write_people(tmp_path / "b.parquet", [BOB])
    return tmp_path


def test_a_place_is_registered_and_summed_up(place, capsys):
    register(place)

    assert capsys.readouterr().out == (
        "store visits: registered\n"
        "  named by   patient_id (namespace patient_id)\n"
        "  rows       3 in 2 parts\n"
        f"  place      {place} (parquet)\n"
    )
    assert Store.objects.get().name == "visits"
    (entry,) = recorded("StoreRegistered")
    assert entry["actor"] == "command:register_store"


def test_the_same_again_changes_nothing(place):
    register(place)
    register(place)

    assert len(recorded("StoreRegistered")) == 1


def test_several_columns_each_have_their_namespace(place, tmp_path):
    make_namespace("ward_number")

    register(place, PATIENT_ID, "ward=ward_number")

    declared = IdentifierColumn.objects.order_by("pk").values_list("name", "namespace_id")
    assert list(declared) == [(PATIENT_ID, PATIENT_ID), ("ward", "ward_number")]


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ("patient_id=phone", "NamespaceUnknown"),
        ("patient", "NamespaceUnknown"),
        ("patient=patient_id", "ColumnMissing"),
        ("size=patient_id", "ColumnTypeMismatch"),
        ("=patient_id", "COLUMN=NAMESPACE"),
        ("patient_id=a b", "letters, digits"),
    ],
)
def test_a_column_that_cannot_name_people_is_refused_in_one_line(place, column, reason):
    with pytest.raises(CommandError, match=reason) as said:
        register(place, column)

    assert "\n" not in str(said.value)
    assert not Store.objects.exists()
    assert not OutboxEntry.objects.filter(event="StoreRegistered").exists()


def test_a_row_that_names_nobody_is_found_before_a_deletion_finds_it(place):
    write_people(place / "c.parquet", [ALICE, None])

    with pytest.raises(CommandError, match="NullIdentifier") as said:
        register(place)

    assert ALICE not in str(said.value)
    assert not Store.objects.exists()


def test_a_place_that_is_not_there_is_refused(place):
    with pytest.raises(CommandError, match="StoreUnreadable"):
        register(place / "nowhere.csv")
