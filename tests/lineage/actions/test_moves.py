from pathlib import Path

import pytest

from audits.models import OutboxEntry
from lineage.actions import move_store
from lineage.errors import StoreConflict, StoreUnknown
from lineage.intake import Address, Reading
from lineage.models import DatasetFamily, Store
from lineage.queries import columns_of
from lineage.stores.errors import ColumnMissing
from tests.cast import MONDAY, OFFICER
from tests.lineage.builders import PATIENT_ID, make_family, make_namespace, make_store, recorded

pytestmark = pytest.mark.django_db


def move(place: Path, *, name: str = "patients", kind: str = "parquet", **renamed: str) -> Store:
    return move_store(
        name=name,
        address=Address(kind=kind, uri=str(place)),
        renamed=renamed,
        reading=Reading(parts=2, rows=5),
        actor=OFFICER,
        now=MONDAY,
    )


def names_in(store: Store) -> list[str]:
    return [column.name for column in columns_of(store.pk)]


def test_a_store_has_its_new_address_and_the_trail_says_what_was_read_there(tmp_path):
    store = make_store(tmp_path / "old")

    moved = move(tmp_path / "new")

    assert (moved.pk, moved.uri) == (store.pk, str(tmp_path / "new"))
    (entry,) = recorded("StoreMoved")
    assert entry["about"] == "store/patients"
    assert entry["facts"] == {
        "store": "patients",
        "kind": "parquet",
        "columns": {PATIENT_ID: PATIENT_ID},
        "renamed": {},
        "is_elsewhere": True,
        "parts": 2,
        "rows": 5,
    }
    assert str(tmp_path) not in str(entry)


def test_a_training_set_follows_the_new_name_of_its_column(tmp_path):
    store = make_store(tmp_path)
    make_family(store)

    move(tmp_path, patient_id="who")

    assert names_in(store) == ["who"]
    assert DatasetFamily.objects.get().id_column == "who"
    assert recorded("StoreMoved")[0]["facts"]["is_elsewhere"] is False


def test_two_columns_may_exchange_their_names(tmp_path):
    make_namespace("email")
    store = make_store(tmp_path, columns={PATIENT_ID: PATIENT_ID, "mail": "email"})

    move(tmp_path, patient_id="mail", mail=PATIENT_ID)

    assert [(c.name, c.namespace) for c in columns_of(store.pk)] == [
        ("mail", PATIENT_ID),
        (PATIENT_ID, "email"),
    ]


def test_the_same_again_changes_and_records_nothing(tmp_path):
    make_store(tmp_path / "old")
    move(tmp_path / "new")
    before = OutboxEntry.objects.count()

    move(tmp_path / "new", patient_id=PATIENT_ID)

    assert OutboxEntry.objects.count() == before


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({"name": "nobody"}, StoreUnknown),
        ({"kind": "csv"}, StoreConflict),
        ({"ward": "room"}, ColumnMissing),
        ({PATIENT_ID: "mail"}, StoreConflict),
    ],
)
def test_a_move_that_cannot_be_is_refused(tmp_path, said, refusal):
    store = make_store(tmp_path / "old", columns={PATIENT_ID: PATIENT_ID, "mail": PATIENT_ID})

    with pytest.raises(refusal):
        move(tmp_path / "new", **said)

    store.refresh_from_db()
    assert store.uri == str(tmp_path / "old")
    assert names_in(store) == [PATIENT_ID, "mail"]
    assert recorded("StoreMoved") == []


def test_the_place_of_another_store_is_refused(tmp_path):
    make_store(tmp_path / "old")
    make_store(tmp_path / "new", name="visits")

    with pytest.raises(StoreConflict, match="as store visits"):
        move(tmp_path / "new")
