from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from lineage.errors import StoreStillThere
from lineage.intake import Address, require_gone
from lineage.models import Store
from tests.cast import ALICE, BOB
from tests.lineage.builders import (
    PATIENT_ID,
    make_family,
    make_namespace,
    make_store,
    make_version,
    recorded,
    write_people,
)

pytestmark = pytest.mark.django_db


def move(place: Path, *flags: str, name: str = "patients") -> None:
    call_command("move_store", name, str(place), *flags)


@pytest.fixture
def store(tmp_path):
    make_namespace()
    write_people(tmp_path / "old" / "a.parquet", [ALICE, BOB])
    return make_store(tmp_path / "old")


def test_a_moved_place_is_read_and_summed_up(store, tmp_path, capsys):
    (tmp_path / "old").rename(tmp_path / "new")

    move(tmp_path / "new")

    assert capsys.readouterr().out == (
        "store patients: moved\n"
        "  named by   patient_id (namespace patient_id)\n"
        "  rows       2 in 1 parts\n"
        f"  place      {tmp_path / 'new'} (parquet)\n"
    )
    assert recorded("StoreMoved")[0]["actor"] == "command:move_store"


def test_an_old_place_that_can_still_be_read_was_not_left(store, tmp_path):
    write_people(tmp_path / "new" / "a.parquet", [ALICE, BOB])

    with pytest.raises(CommandError, match="StoreStillThere"):
        move(tmp_path / "new")
    (tmp_path / "old" / "a.parquet").write_bytes(b"PAR1 broken PAR1")
    with pytest.raises(CommandError, match="StoreStillThere"):
        move(tmp_path / "new")

    assert Store.objects.get().uri == str(tmp_path / "old")
    assert recorded("StoreMoved") == []


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--id-column=who"], "ColumnMissing"),
        (["--id-column=size"], "ColumnTypeMismatch"),
        (["--id-column=mail=ward"], "ColumnMissing"),
        (["--id-column=mail="], "NEW or OLD=NEW"),
    ],
)
def test_a_new_place_that_cannot_be_searched_is_refused(store, tmp_path, flags, reason):
    (tmp_path / "old").rename(tmp_path / "new")

    with pytest.raises(CommandError, match=reason):
        move(tmp_path / "new", *flags)

    assert Store.objects.get().uri == str(tmp_path / "old")


def test_a_row_that_names_nobody_is_found_before_anything_is_changed(store, tmp_path):
    (tmp_path / "old").rename(tmp_path / "new")
    write_people(tmp_path / "new" / "b.parquet", [BOB, None])

    with pytest.raises(CommandError, match="NullIdentifier"):
        move(tmp_path / "new")


def test_a_place_of_another_kind_is_refused(store, tmp_path):
    (tmp_path / "patients.csv").write_text(f"{PATIENT_ID}\n{ALICE}\n")

    with pytest.raises(CommandError, match="StoreConflict"):
        move(tmp_path / "patients.csv")


def test_a_training_set_needs_its_label_in_the_new_place_too(store, tmp_path):
    make_family(store, label="grade")
    (tmp_path / "old").rename(tmp_path / "new")

    with pytest.raises(CommandError, match="ColumnMissing"):
        move(tmp_path / "new")


def test_with_several_columns_the_old_name_is_said(tmp_path):
    write_people(tmp_path / "a.parquet", [ALICE])
    make_store(tmp_path, columns={PATIENT_ID: PATIENT_ID, "room": PATIENT_ID})

    with pytest.raises(CommandError, match="OLD=NEW"):
        move(tmp_path, "--id-column=ward")
    move(tmp_path, "--id-column=room=ward")

    assert recorded("StoreMoved")[0]["facts"]["renamed"] == {"room": "ward"}


def test_a_store_that_nobody_registered_is_refused(tmp_path):
    with pytest.raises(CommandError, match="StoreUnknown"):
        move(tmp_path, name="nobody")


def test_a_place_without_somebody_of_the_training_set_is_no_move(store, tmp_path):
    make_version(make_family(store))
    (tmp_path / "old").rename(tmp_path / "away")
    write_people(tmp_path / "new" / "a.parquet", [BOB])

    with pytest.raises(CommandError, match=r"PeopleLeftBehind.*1 people of patients"):
        move(tmp_path / "new")

    assert Store.objects.get().uri == str(tmp_path / "old")


def test_a_folder_with_files_of_other_names_was_not_left(store, tmp_path):
    write_people(tmp_path / "new" / "a.parquet", [ALICE, BOB])
    (tmp_path / "old" / "a.parquet").rename(tmp_path / "old" / "a.parquet.bak")

    with pytest.raises(CommandError, match="StoreStillThere"):
        move(tmp_path / "new")


def test_a_server_that_does_not_answer_was_not_left(tmp_path, monkeypatch):
    make_namespace()
    write_people(tmp_path / "a.parquet", [ALICE])
    store = make_store(tmp_path)
    Store.objects.filter(pk=store.pk).update(
        kind="postgres", uri="postgres://nobody@/none?host=/absent&table=people"
    )

    with pytest.raises(StoreStillThere):
        require_gone(Address(kind="postgres", uri=Store.objects.get().uri))
