import pytest

from lineage.actions import declare_namespace, register_store
from lineage.errors import (
    NamespaceConflict,
    NamespaceUnknown,
    PeopleNamedTwice,
    StoreConflict,
    StoreUnknown,
)
from lineage.identifiers import IdentifierKind
from lineage.models import DatasetFamily, IdentifierColumn, Namespace, Store
from lineage.stores.errors import ColumnMissing
from tests.cast import MONDAY, OFFICER
from tests.lineage.builders import PATIENT_ID, make_family, make_namespace, make_store, recorded

pytestmark = pytest.mark.django_db


def test_a_namespace_is_declared_once_and_recorded_once():
    first = make_namespace("email", kind=IdentifierKind.EMAIL)
    again = make_namespace("email", kind=IdentifierKind.EMAIL)

    assert first == again
    (entry,) = recorded("NamespaceDeclared")
    assert entry["about"] == "namespace/email"
    assert entry["actor"] == OFFICER
    assert entry["facts"] == {"namespace": "email", "kind": "email"}


def test_a_namespace_cannot_change_its_kind():
    make_namespace("email", kind=IdentifierKind.EMAIL)

    with pytest.raises(NamespaceConflict, match="email"):
        declare_namespace(name="email", kind=IdentifierKind.TEXT, actor=OFFICER, now=MONDAY)

    assert Namespace.objects.get().kind == IdentifierKind.EMAIL
    assert len(recorded("NamespaceDeclared")) == 1


def test_a_store_is_registered_once_with_its_columns_and_without_its_address_in_the_trail(tmp_path):
    first = make_store(tmp_path, columns={"id": PATIENT_ID, "mail": "email"})
    again = make_store(tmp_path, columns={"mail": "email", "id": PATIENT_ID})

    assert first == again
    assert (first.kind, first.uri, first.registered_at) == ("parquet", str(tmp_path), MONDAY)
    (entry,) = recorded("StoreRegistered")
    assert entry["about"] == "store/patients"
    assert entry["facts"] == {
        "store": "patients",
        "kind": "parquet",
        "columns": {"id": PATIENT_ID, "mail": "email"},
    }
    assert str(tmp_path) not in str(entry)


def test_a_store_cannot_move_or_change_its_columns(tmp_path):
    store = make_store(tmp_path)

    with pytest.raises(StoreConflict):
        make_store(tmp_path / "elsewhere")
    with pytest.raises(StoreConflict):
        make_store(tmp_path, columns={"other": PATIENT_ID})
    with pytest.raises(StoreConflict):
        make_store(tmp_path, kind="csv")

    assert list(Store.objects.all()) == [store]
    assert len(recorded("StoreRegistered")) == 1


def test_one_place_is_one_store(tmp_path):
    make_store(tmp_path)

    with pytest.raises(StoreConflict, match="patients"):
        make_store(tmp_path, name="patients again")


def test_a_store_with_an_undeclared_namespace_is_refused_whole(tmp_path):
    make_namespace()

    with pytest.raises(NamespaceUnknown, match="mail"):
        register_store(
            name="patients",
            kind="parquet",
            uri=str(tmp_path),
            columns={"id": PATIENT_ID, "mail": "email"},
            actor=OFFICER,
            now=MONDAY,
        )

    assert not Store.objects.exists()
    assert not IdentifierColumn.objects.exists()
    assert recorded("StoreRegistered") == []


def test_a_family_is_registered_once_and_recorded_once(tmp_path):
    store = make_store(tmp_path)

    first = make_family(store, shards=8, hold_out_permille=200)
    again = make_family(store, shards=8, hold_out_permille=200)

    assert first == again
    (entry,) = recorded("DatasetFamilyRegistered")
    assert entry["about"] == "dataset/patients"
    assert entry["facts"] == {
        "family": "patients",
        "store": "patients",
        "id_column": PATIENT_ID,
        "label": "label",
        "shards": 8,
        "hold_out_permille": 200,
    }


@pytest.mark.parametrize(
    ("change", "named"),
    [({"shards": 9}, "shards"), ({"hold_out_permille": 1}, "hold_out"), ({"label": "x"}, "label")],
)
def test_a_family_cannot_be_cut_in_another_way(tmp_path, change, named):
    store = make_store(tmp_path)
    make_family(store)

    with pytest.raises(StoreConflict, match=named):
        make_family(store, **change)

    assert DatasetFamily.objects.get().shards == 4
    assert len(recorded("DatasetFamilyRegistered")) == 1


def test_a_family_is_known_by_the_column_of_its_store(tmp_path):
    store = make_store(tmp_path, columns={"id": PATIENT_ID})

    assert make_family(store, id_column="id").id_column == "id"
    assert make_family(store, name="by default").id_column == "id"
    with pytest.raises(ColumnMissing, match="phone"):
        make_family(store, name="other", id_column="phone")


@pytest.mark.parametrize("id_column", ["id", "mail", None])
def test_a_store_that_names_people_by_two_columns_is_no_training_set(tmp_path, id_column):
    store = make_store(tmp_path, columns={"id": PATIENT_ID, "mail": "email"})

    with pytest.raises(PeopleNamedTwice, match="store patients declares id, mail"):
        make_family(store, id_column=id_column)

    assert not DatasetFamily.objects.exists()
    assert recorded("DatasetFamilyRegistered") == []


def test_a_family_needs_a_registered_store_that_names_people(tmp_path):
    nameless = make_store(tmp_path, columns={})

    with pytest.raises(ColumnMissing):
        make_family(nameless)
    with pytest.raises(StoreUnknown):
        make_family(Store(pk=nameless.pk + 1))

    assert not DatasetFamily.objects.exists()
