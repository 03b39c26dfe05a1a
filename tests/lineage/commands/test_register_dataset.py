from pathlib import Path
from urllib.parse import quote

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audits.models import Alert, OutboxEntry
from lineage.graph import VersionState
from lineage.identifiers import IdentifierKind
from lineage.models import DatasetFamily, DatasetVersion, Membership, Namespace, Store
from tests.cast import ALICE, BOB
from tests.lineage.builders import (
    PATIENT_ID,
    PEOPLE,
    forget,
    make_namespace,
    recorded,
    subject,
    write_people,
)

pytestmark = pytest.mark.django_db


def register(place: Path | str, **changes: object) -> None:
    said = {"family": "patients", "id_column": PATIENT_ID, "label": "label"}
    call_command("register_dataset", str(place), **(said | changes))


def write_csv(path: Path, identifiers: list[str]) -> Path:
    lines = [f"{identifier},{n % 2}\n" for n, identifier in enumerate(identifiers)]
    path.write_text("Patient ID,label\n" + "".join(lines))
    return path


@pytest.fixture
def url_of_the_test_database(monkeypatch):
    """Give the adapter, which connects on its own, the database that the test writes to."""
    at = connection.settings_dict
    host = quote(at["HOST"], safe="")
    monkeypatch.setenv(
        "TEST_URL", f"postgresql://{at['USER']}:{at['PASSWORD']}@{host}/{at['NAME']}"
    )


def nothing_is_registered() -> bool:
    tables = (Namespace, Store, DatasetFamily, DatasetVersion, Membership, OutboxEntry)
    return not any(table.objects.exists() for table in tables)


def test_a_parquet_folder_is_registered_and_summed_up(tmp_path, capsys):
    write_people(tmp_path / "a.parquet", PEOPLE[:3])
    write_people(tmp_path / "b.parquet", PEOPLE[2:])

    register(tmp_path, shards=4, hold_out=0)

    assert capsys.readouterr().out == (
        "patients version 1: clear\n"
        "  people     5\n"
        "  named by   patient_id (namespace patient_id, text)\n"
        "  rows       6 in 2 parts\n"
        "  held out   0\n"
        "  shards     4 of the other 5\n"
        f"  store      {tmp_path} (parquet)\n"
    )
    version = DatasetVersion.objects.get()
    assert (version.member_count, version.row_count, len(version.parts)) == (5, 6, 2)
    assert recorded("DatasetVersionRegistered")[0]["actor"] == "command:register_dataset"
    assert [e["facts"]["store"] for e in recorded("StoreRegistered")] == ["patients"]


def test_a_csv_file_is_registered_under_a_namespace_named_after_its_column(tmp_path):
    path = write_csv(tmp_path / "people.csv", ["alice@example.org", "bob@example.org"])

    register(path, id_column="Patient ID")

    assert Namespace.objects.get().pk == "patient_id"
    assert Namespace.objects.get().kind == IdentifierKind.EMAIL
    assert (Store.objects.get().kind, Store.objects.get().uri) == ("csv", str(path))
    family = DatasetFamily.objects.get()
    assert (family.id_column, family.shards, family.hold_out_permille) == ("Patient ID", 16, 200)


def test_the_kind_and_the_names_may_be_said(tmp_path):
    path = write_csv(tmp_path / "people.csv", ["007", "8"])

    register(path, id_column="Patient ID", kind="integer", namespace="number", store="ward")

    assert [(n.pk, n.kind) for n in Namespace.objects.all()] == [("number", "integer")]
    assert Store.objects.get().name == "ward"


def test_a_declared_namespace_keeps_its_kind(tmp_path):
    make_namespace("number", kind=IdentifierKind.INTEGER)

    register(
        write_csv(tmp_path / "people.csv", ["7", "8"]), id_column="Patient ID", namespace="number"
    )

    assert DatasetVersion.objects.get().member_count == 2


def test_changed_data_become_the_next_version_and_unchanged_data_do_not(tmp_path, capsys):
    write_people(tmp_path / "a.parquet", PEOPLE)
    register(tmp_path, shards=4, hold_out=100)
    register(tmp_path)
    assert "patients version 1: clear, nothing changed" in capsys.readouterr().out
    write_people(tmp_path / "a.parquet", PEOPLE[1:])

    register(tmp_path)

    assert "patients version 2: clear\n" in capsys.readouterr().out
    family = DatasetFamily.objects.get()
    assert (family.shards, family.hold_out_permille) == (4, 100)


def test_two_ways_to_one_folder_are_one_store(tmp_path, monkeypatch):
    write_people(tmp_path / "data" / "a.parquet")
    (tmp_path / "link").symlink_to(tmp_path / "data")
    monkeypatch.chdir(tmp_path)

    for way in ("data", "./data/../data", "link", f"file://{tmp_path}/data"):
        register(way)

    assert Store.objects.get().uri == str(tmp_path / "data")
    assert DatasetVersion.objects.count() == 1


def test_one_place_can_hold_two_families(tmp_path):
    write_people(tmp_path / "a.parquet")
    register(tmp_path)

    register(tmp_path, family="others", shards=2)

    assert Store.objects.count() == 1
    assert set(DatasetFamily.objects.values_list("name", flat=True)) == {"patients", "others"}


def test_a_place_that_names_people_by_two_columns_is_refused_as_a_training_set(tmp_path):
    write_people(tmp_path / "a.parquet")
    make_namespace()
    make_namespace("ward")
    columns = [f"--id-column={column}" for column in (PATIENT_ID, "ward")]
    call_command("register_store", str(tmp_path), "--name=visits", *columns)

    with pytest.raises(CommandError, match="PeopleNamedTwice") as said:
        register(tmp_path)

    assert "\n" not in str(said.value)
    assert not DatasetFamily.objects.exists()
    assert not DatasetVersion.objects.exists()


def test_data_with_a_forgotten_person_are_quarantined_with_a_warning(tmp_path, capsys):
    write_people(tmp_path / "a.parquet", [BOB])
    register(tmp_path)
    forget(ALICE)
    write_people(tmp_path / "a.parquet", [ALICE, BOB])

    register(tmp_path)

    printed = capsys.readouterr()
    assert "patients version 2: quarantined" in printed.out
    assert "somebody who was forgotten" in printed.err
    assert DatasetVersion.objects.get(seq=2).state == VersionState.QUARANTINED
    assert Alert.objects.get().kind == "suppressed-person-returned"


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"id_column": "patient"}, "ColumnMissing"),
        ({"label": "outcome"}, "ColumnMissing"),
        ({"kind": "integer"}, "ColumnTypeMismatch"),
        ({"kind": "email"}, "MalformedIdentifier"),
        ({"id_column": "size", "kind": "text"}, "ColumnTypeMismatch"),
    ],
)
def test_what_does_not_fit_the_data_is_refused_in_one_line_and_whole(tmp_path, change, refusal):
    write_people(tmp_path / "a.parquet")

    with pytest.raises(CommandError, match=refusal) as said:
        register(tmp_path, **change)

    assert "\n" not in str(said.value)
    assert not any(person in str(said.value) for person in PEOPLE)
    assert nothing_is_registered()


@pytest.mark.parametrize("ruin", ["truncate", "garbage", "empty"])
def test_a_corrupt_file_is_refused_in_one_line_and_whole(tmp_path, ruin):
    path = write_people(tmp_path / "a.parquet")
    content = path.read_bytes()
    path.write_bytes(
        {"truncate": content[: len(content) // 2], "garbage": b"x" * 999, "empty": b""}[ruin]
    )

    with pytest.raises(CommandError, match="PartCorrupt") as said:
        register(tmp_path)

    assert "\n" not in str(said.value)
    assert nothing_is_registered()


def test_a_null_identifier_is_refused_in_one_line_and_whole(tmp_path):
    write_people(tmp_path / "a.parquet", [ALICE, None, BOB])

    with pytest.raises(CommandError, match="NullIdentifier"):
        register(tmp_path)

    assert nothing_is_registered()


@pytest.mark.parametrize("place", ["absent", "absent.parquet", "sheet.xls", "empty"])
def test_a_place_that_cannot_be_read_is_refused_in_one_line_and_whole(tmp_path, place):
    (tmp_path / "sheet.xls").write_text("x")
    (tmp_path / "empty").mkdir()

    with pytest.raises(CommandError, match="StoreUnreadable"):
        register(tmp_path / place)

    assert nothing_is_registered()


def test_another_cut_of_a_known_family_is_refused_and_leaves_its_version(tmp_path):
    write_people(tmp_path / "a.parquet")
    register(tmp_path)
    write_people(tmp_path / "a.parquet", PEOPLE[1:])

    with pytest.raises(CommandError, match="shards"):
        register(tmp_path, shards=3)

    assert DatasetVersion.objects.count() == 1
    assert subject(ALICE)


def test_arguments_may_be_written_as_on_a_command_line(tmp_path):
    write_people(tmp_path / "a.parquet")
    cut = ["--shards", "1024", "--hold-out", "0"]
    said = ["--family", "patients", "--id-column", PATIENT_ID, "--label", "label", *cut]

    call_command("register_dataset", str(tmp_path), *said)

    family = DatasetFamily.objects.get()
    assert (family.shards, family.hold_out_permille) == (1024, 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--shards", "0"],
        ["--shards", "-1"],
        ["--hold-out", "1000"],
        ["--hold-out", "0000000001000"],
        ["--family", "a/b"],
        ["--kind", "phone"],
    ],
)
def test_senseless_arguments_are_refused(tmp_path, arguments):
    write_people(tmp_path / "a.parquet")
    said = ["--family", "patients", "--id-column", PATIENT_ID, "--label", "label", *arguments]

    with pytest.raises(CommandError):
        call_command("register_dataset", str(tmp_path), *said)

    assert nothing_is_registered()


@pytest.mark.django_db(transaction=True)
def test_a_postgresql_table_is_registered_and_its_next_state_too(url_of_the_test_database):
    place = "env:TEST_URL?table=visits"
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE visits (patient text NOT NULL, label int)")
        try:
            cursor.execute("INSERT INTO visits VALUES (%s, 0), (%s, 1), (%s, 1)", [ALICE, BOB, BOB])
            register(place, id_column="patient")
            cursor.execute("DELETE FROM visits WHERE patient = %s", [ALICE])
            register(place, id_column="patient")
        finally:
            cursor.execute("DROP TABLE visits")

    assert Store.objects.get().kind == "postgres"
    assert list(
        DatasetVersion.objects.order_by("seq").values_list("member_count", "row_count")
    ) == [
        (2, 3),
        (1, 2),
    ]
