import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyarrow.parquet.encryption import create_encryption_properties

from lineage.identifiers import IdentifierKind
from lineage.stores import open_store
from lineage.stores.errors import (
    ChangedMeanwhile,
    ColumnMissing,
    ColumnTypeMismatch,
    KeptRowsDiffer,
    MalformedIdentifier,
    NotSafelyErasable,
    NullIdentifier,
    PartCorrupt,
    StillPresent,
    StoreUnreadable,
)
from lineage.stores.local import PREFIX
from lineage.stores.pages import search_pages
from lineage.stores.protocol import DeclaredColumn, Step, Store
from tests.cast import ALICE, BOB
from tests.lineage.stores.builders import (
    CLARA,
    DIANA,
    ELSEWHERE,
    Interrupted,
    Steps,
    leftovers,
    parquet,
    people,
    rows_seen_by_duckdb,
    without_write_permission,
    write,
)
from tests.lineage.stores.marks import EMAIL, GUID, NUMBER, USER, mark, wanted
from tests.lineage.stores.test_pages import with_phantom

ALL_STEPS = [Step.FOUND, Step.STAGED, Step.VERIFIED, Step.SWAPPED, Step.PURGED]
CLEAN_STEPS = [Step.FOUND, Step.VERIFIED, Step.PURGED]


# Parts, scanning, reading


def test_parts_are_listed_in_order_with_digest_rows_and_size(tmp_path):
    write(tmp_path / "b.parquet", people())
    first = write(tmp_path / "a" / "x.parquet", people().slice(0, 2))
    (tmp_path / "_SUCCESS").touch()
    write(tmp_path / f"{PREFIX}old.parquet", people())

    parts = parquet(tmp_path).parts()

    assert [(part.name, part.rows) for part in parts] == [("a/x.parquet", 2), ("b.parquet", 5)]
    assert parts[0].size_bytes == first.stat().st_size
    assert len(parts[0].digest) == 64


@pytest.mark.parametrize(
    "name", ["_archive/old.parquet", "part-0.parquet.bak", "part-1.PARQUET", "part-2.parq", "note"]
)
def test_a_folder_with_a_file_that_would_not_be_read_is_refused(tmp_path, name):
    write(tmp_path / "b.parquet", people())
    assert parquet(tmp_path).parts()

    write(tmp_path / name, people())

    with pytest.raises(NotSafelyErasable, match="1 files in it are not read"):
        parquet(tmp_path).parts()


def test_a_single_file_is_one_part_under_its_own_name(tmp_path):
    path = write(tmp_path / "only one.parquet", people())

    by_path, by_uri = parquet(path), parquet_uri(path.as_uri())

    assert [part.name for part in by_path.parts()] == ["only one.parquet"]
    assert by_uri.parts() == by_path.parts()


def parquet_uri(uri: str) -> Store:
    return open_store("parquet", uri, [USER])


@pytest.mark.parametrize("uri", ["s3://bucket/x", "file://host/x", "https://x/y.parquet"])
def test_a_place_on_another_machine_is_unreadable(uri):
    with pytest.raises(StoreUnreadable, match="this machine"):
        parquet_uri(uri)


def test_a_folder_that_is_not_there_or_empty_is_unreadable(tmp_path):
    with pytest.raises(StoreUnreadable, match="No such file"):
        parquet(tmp_path / "absent").parts()
    with pytest.raises(StoreUnreadable, match="file in this folder"):
        parquet(tmp_path).parts()


def test_folders_named_after_people_are_refused_without_naming_them(tmp_path):
    write(tmp_path / "city=Bonn" / "a.parquet", people())
    assert parquet(tmp_path).parts()[0].name == "city=Bonn/a.parquet"
    write(tmp_path / f"user={ALICE}" / "a.parquet", people())

    with pytest.raises(NotSafelyErasable, match="named after people") as refusal:
        parquet(tmp_path).parts()

    assert ALICE not in str(refusal.value)


def test_a_linked_folder_is_refused_instead_of_passed_over(tmp_path):
    write(tmp_path / "elsewhere" / "a.parquet", people())
    write(tmp_path / "data" / "b.parquet", people())
    (tmp_path / "data" / "more").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StoreUnreadable, match="link to a folder"):
        parquet(tmp_path / "data").parts()


@pytest.mark.parametrize("name", ["../b.parquet", "/etc/passwd", "absent.parquet", "", "."])
def test_a_part_outside_the_store_is_nobodys(tmp_path, name):
    write(tmp_path / "b.parquet", people())
    write(tmp_path / "data" / "a.parquet", people())

    with pytest.raises(StoreUnreadable, match="no such file in this store"):
        parquet(tmp_path / "data").read(name)


@pytest.mark.parametrize("keep", [0, 3, 100, -1])
def test_a_truncated_file_is_corrupt(tmp_path, keep):
    path = write(tmp_path / "a.parquet", people())
    path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises(PartCorrupt):
        parquet(tmp_path).parts()


def test_a_damaged_page_is_corrupt_and_nothing_is_replaced(tmp_path):
    path = write(tmp_path / "a.parquet", people(), compression="zstd")
    path.write_bytes(path.read_bytes()[:4] + b"\xff" * 40 + path.read_bytes()[44:])
    damaged = path.read_bytes()

    with pytest.raises(PartCorrupt):
        list(parquet(tmp_path).scan("a.parquet", USER))
    with pytest.raises(PartCorrupt):
        parquet(tmp_path).erase("a.parquet", wanted(ALICE), progress=Steps())
    assert path.read_bytes() == damaged
    assert leftovers(tmp_path) == []


def test_scanning_yields_every_identifier_whatever_its_type(tmp_path):
    guid = UUID(int=7)
    table = people(
        email=pa.array([f"{n}@x.example" for n in range(5)], pa.large_string()),
        number=pa.array([1, 2, 3, 4, 5], pa.uint16()),
        guid=pa.array([guid.bytes] * 5, pa.uuid()),
    )
    write(tmp_path / "a.parquet", table.set_column(0, "user", table["user"].dictionary_encode()))
    store = parquet(tmp_path, USER, EMAIL, NUMBER, GUID)

    found = [[*batch] for column in store.columns for batch in store.scan("a.parquet", column)]

    assert found == [
        [ALICE, BOB, CLARA, ALICE.upper(), BOB],
        [f"{n}@x.example" for n in range(5)],
        [1, 2, 3, 4, 5],
        [guid] * 5,
    ]


def test_a_renamed_column_is_missing(tmp_path):
    write(tmp_path / "a.parquet", people().rename_columns(["username", "city"]))
    store = parquet(tmp_path)

    with pytest.raises(ColumnMissing, match="no column named user"):
        list(store.scan("a.parquet", USER))
    with pytest.raises(ColumnMissing, match="no column named user"):
        store.erase("a.parquet", wanted(ALICE), progress=Steps())
    with pytest.raises(ColumnMissing, match="no column named user"):
        store.prove_absent("a.parquet", wanted(ALICE))
    with pytest.raises(ColumnMissing, match="no column named user"):
        store.read("a.parquet", ["user"])


def test_an_undeclared_column_cannot_be_searched_for_people(tmp_path):
    write(tmp_path / "a.parquet", people())

    with pytest.raises(ColumnMissing, match="not a declared identifier column"):
        parquet(tmp_path, EMAIL).erase("a.parquet", wanted(ALICE), progress=Steps())


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (IdentifierKind.TEXT, pa.array([1, 2])),
        (IdentifierKind.EMAIL, pa.array([b"x", b"y"])),
        (IdentifierKind.INTEGER, pa.array(["1", "2"])),
        (IdentifierKind.INTEGER, pa.array([1.0, 2.0])),
        (IdentifierKind.UUID, pa.array([b"12345678"] * 2, pa.binary(8))),
    ],
)
def test_a_column_that_cannot_hold_such_identifiers_is_refused(tmp_path, kind, values):
    write(tmp_path / "a.parquet", pa.table({"who": values}))
    column = DeclaredColumn(name="who", namespace="n", kind=kind)
    store = parquet(tmp_path, column)

    with pytest.raises(ColumnTypeMismatch, match="cannot hold"):
        list(store.scan("a.parquet", column))
    with pytest.raises(ColumnTypeMismatch, match="cannot hold"):
        store.erase(
            "a.parquet",
            wanted(1, column=column) if kind == "integer" else {"who": wanted()["user"]},
            progress=Steps(),
        )


def test_a_row_that_names_nobody_stops_scanning_and_erasing(tmp_path):
    write(tmp_path / "a.parquet", pa.table({"user": [ALICE, None, BOB]}))
    store, steps = parquet(tmp_path), Steps()

    with pytest.raises(NullIdentifier):
        list(store.scan("a.parquet", USER))
    with pytest.raises(NullIdentifier):
        store.erase("a.parquet", wanted(ALICE), progress=steps)
    assert steps.seen == []


def test_a_malformed_identifier_is_refused_without_being_quoted(tmp_path):
    write(tmp_path / "a.parquet", pa.table({"email": ["a@b.example", "secret-not-an-address"]}))

    with pytest.raises(MalformedIdentifier) as refusal:
        list(parquet(tmp_path, EMAIL).scan("a.parquet", EMAIL))

    assert "secret" not in str(refusal.value)
    assert "column email" in str(refusal.value)


# Erasing


def test_a_person_is_erased_in_every_spelling_and_the_others_stay_as_they_are(tmp_path):
    path = write(tmp_path / "a.parquet", people(), row_group_size=2)
    before = rows_seen_by_duckdb(path)
    steps = Steps()
    assert sum(str(row[0]).lower() == ALICE for row in before) == 2

    erasure = parquet(tmp_path).erase("a.parquet", wanted(f" {ALICE.title()} "), progress=steps)

    kept = [row for row in before if str(row[0]).lower() != ALICE]
    assert rows_seen_by_duckdb(path) == kept
    assert pl.read_parquet(path).rows() == kept
    assert steps.seen == ALL_STEPS
    assert steps.found == {mark(ALICE)}
    assert (erasure.rows_before, erasure.rows_erased) == (5, 2)
    assert erasure.digest_before != erasure.digest_after == parquet(tmp_path).parts()[0].digest
    assert erasure.values_removed == 4  # two spellings, two cities
    assert erasure.reader.startswith("DuckDB")
    assert "Backups" in erasure.residual


def test_what_only_the_erased_rows_said_is_nowhere_in_the_file(tmp_path):
    path = write(tmp_path / "a.parquet", people(), write_page_index=True)
    said = [ALICE, ALICE.upper(), "Aachen-on-Worm", "Atlantis-under-Sea"]
    assert all(search_pages(path, value.encode()) for value in said)

    parquet(tmp_path).erase("a.parquet", wanted(ALICE), progress=Steps())

    assert [search_pages(path, value.encode()) for value in said] == [[], [], [], []]
    assert search_pages(path, BOB.encode()) != []


def test_a_naive_rewrite_leaves_a_categorical_value_and_ours_does_not(tmp_path):
    table = people(name=people()["user"].dictionary_encode())
    naive = write(tmp_path / "naive.parquet", table.filter(pc.not_equal(table["user"], ALICE)))
    ours = write(tmp_path / "ours.parquet", table)
    assert ALICE not in pq.read_table(naive)["name"].to_pylist()
    assert search_pages(naive, ALICE.encode()) == ["row group 0, column name, dictionary page 0"]

    parquet(ours).erase("ours.parquet", wanted(ALICE), progress=Steps())

    assert search_pages(ours, ALICE.encode()) == []


def test_a_person_only_a_dictionary_still_spells_is_found_and_removed(tmp_path):
    table = pa.table({"user": with_phantom(BOB, CLARA)})
    path = write(tmp_path / "a.parquet", table)
    rows = rows_seen_by_duckdb(path)
    steps = Steps()
    with pytest.raises(StillPresent, match="dictionary page"):
        parquet(path).prove_absent("a.parquet", wanted(ELSEWHERE))

    erasure = parquet(path).erase("a.parquet", wanted(ELSEWHERE), progress=steps)

    assert steps.found == {mark(ELSEWHERE)}
    assert steps.seen == ALL_STEPS
    assert (erasure.rows_erased, erasure.values_removed) == (0, 1)
    assert search_pages(path, ELSEWHERE.encode()) == []
    assert rows_seen_by_duckdb(path) == rows


def test_unused_values_of_other_columns_go_too_for_they_may_be_anybodys(tmp_path):
    path = write(tmp_path / "a.parquet", pa.table({"user": [BOB], "name": with_phantom(BOB)}))
    steps = Steps()

    erasure = parquet(path).erase("a.parquet", wanted(ALICE), progress=steps)

    assert steps.seen == ALL_STEPS
    assert steps.found == frozenset()
    assert (erasure.rows_erased, erasure.values_removed) == (0, 1)
    assert search_pages(path, ELSEWHERE.encode()) == []


def test_an_unused_value_is_found_though_the_arrow_schema_was_dropped(tmp_path):
    table = pa.table({"user": [BOB], "name": with_phantom(BOB)})
    path = write(tmp_path / "a.parquet", table, store_schema=False)

    parquet(path).erase("a.parquet", wanted(ALICE), progress=Steps())

    assert search_pages(path, ELSEWHERE.encode()) == []


def test_a_person_who_is_not_there_changes_nothing(tmp_path):
    path = write(tmp_path / "a.parquet", people())
    before, steps = path.read_bytes(), Steps()

    erasure = parquet(path).erase("a.parquet", wanted(DIANA), progress=steps)

    assert path.read_bytes() == before
    assert steps.seen == CLEAN_STEPS
    assert steps.found == frozenset()
    assert (erasure.rows_before, erasure.rows_erased, erasure.bytes_written) == (5, 0, 0)
    assert erasure.digest_before == erasure.digest_after


def test_erasing_again_changes_nothing(tmp_path):
    path = write(tmp_path / "a.parquet", people())
    parquet(path).erase("a.parquet", wanted(ALICE), progress=Steps())
    once, steps = path.read_bytes(), Steps()

    erasure = parquet(path).erase("a.parquet", wanted(ALICE), progress=steps)

    assert path.read_bytes() == once
    assert (steps.seen, erasure.rows_erased) == (CLEAN_STEPS, 0)


def test_the_same_file_and_people_give_the_same_bytes(tmp_path):
    table = people(cat=people()["city"].dictionary_encode())
    paths = [write(tmp_path / name, table) for name in ("a.parquet", "b.parquet")]

    for path in paths:
        parquet(path).erase(path.name, wanted(ALICE), progress=Steps())

    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_file_of_erased_people_only_stays_as_an_empty_table(tmp_path):
    path = write(tmp_path / "a.parquet", people(), row_group_size=2)

    parquet(path).erase("a.parquet", wanted(ALICE, BOB, CLARA), progress=Steps())

    assert parquet(path).parts()[0].rows == 0
    assert parquet(path).read("a.parquet").schema == people().schema
    assert rows_seen_by_duckdb(path) == []
    assert search_pages(path, b"canary") == []
    assert parquet(path).prove_absent("a.parquet", wanted(ALICE))


def test_people_are_looked_for_by_several_columns_at_once(tmp_path):
    guids = [UUID(int=n) for n in range(5)]
    table = people(
        email=[f"p{n}@x.example" for n in range(5)],
        number=[1, 2, 3, 4, 5_000_000_000],
        guid=pa.array([guid.bytes for guid in guids], pa.uuid()),
    )
    path = write(tmp_path / "a.parquet", table)
    store, steps = parquet(path, USER, EMAIL, NUMBER, GUID), Steps()
    who = {
        **wanted("P0@X.example", column=EMAIL),
        **wanted("5000000000", column=NUMBER),
        **wanted(str(guids[2]).upper(), column=GUID),
    }

    erasure = store.erase("a.parquet", who, progress=steps)

    assert erasure.rows_erased == 3
    assert [row[0] for row in rows_seen_by_duckdb(path)] == [BOB, ALICE.upper()]
    assert len(steps.found) == 3
    assert store.prove_absent("a.parquet", who)


@pytest.mark.parametrize("stored", [pa.uuid(), pa.binary(16), pa.string(), pa.large_string()])
def test_uuids_are_found_however_they_are_stored(tmp_path, stored):
    guids = [UUID(int=1), UUID(int=2)]
    values = (
        [str(g).upper() for g in guids] if "string" in str(stored) else [g.bytes for g in guids]
    )
    path = write(tmp_path / "a.parquet", pa.table({"guid": pa.array(values, stored)}))

    parquet(path, GUID).erase("a.parquet", wanted(guids[0], column=GUID), progress=Steps())

    assert [*parquet(path, GUID).scan("a.parquet", GUID)] in (
        [[guids[1]]],
        [[str(guids[1]).upper()]],
    )


def test_only_the_second_column_of_two_whose_names_differ_in_case_is_searched(tmp_path):
    table = pa.table({"USER": [BOB, ALICE], "user": [ALICE, BOB]})
    path = write(tmp_path / "a.parquet", table)

    parquet(path).erase("a.parquet", wanted(ALICE), progress=Steps())

    assert rows_seen_by_duckdb(path) == [(ALICE, BOB)]


def test_a_path_full_of_pattern_characters_means_itself(tmp_path):
    path = write(tmp_path / "it's [a]*?" / "b [1].parquet", people())
    write(tmp_path / "it's a" / "b 1.parquet", people())

    parquet(path.parent).erase("b [1].parquet", wanted(ALICE), progress=Steps())

    assert parquet(path.parent).prove_absent("b [1].parquet", wanted(ALICE))
    assert parquet(path.parent).read("b [1].parquet").num_rows == 3


# Refusing


def test_a_hard_link_is_refused_for_it_would_keep_the_old_state(tmp_path):
    path = write(tmp_path / "a.parquet", people())
    (tmp_path / "other").mkdir()
    os.link(path, tmp_path / "other" / "name")
    before, steps = path.read_bytes(), Steps()

    with pytest.raises(NotSafelyErasable, match="hard links"):
        parquet(path).erase("a.parquet", wanted(ALICE), progress=steps)

    assert (path.read_bytes(), steps.seen) == (before, [Step.FOUND])


def test_a_linked_file_is_refused(tmp_path):
    write(tmp_path / "real" / "a.parquet", people())
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "b.parquet").symlink_to(tmp_path / "real" / "a.parquet")

    with pytest.raises(NotSafelyErasable, match="is a link"):
        parquet(tmp_path / "data").erase("b.parquet", wanted(ALICE), progress=Steps())


@pytest.mark.parametrize("name", ["_metadata", "_common_metadata", ".a.parquet.crc"])
def test_a_sidecar_is_refused_even_when_nobody_is_found(tmp_path, name):
    path = write(tmp_path / "a.parquet", people())
    (tmp_path / name).touch()

    for who in (ALICE, DIANA):
        with pytest.raises(NotSafelyErasable, match=name):
            parquet(path).erase("a.parquet", wanted(who), progress=Steps())


@pytest.mark.parametrize("log", ["_delta_log", ".hoodie", "metadata/1.metadata.json"])
def test_a_table_format_whose_log_keeps_copies_is_refused(tmp_path, log):
    write(tmp_path / "p" / "a.parquet", people())
    (tmp_path / log).mkdir(parents=True)

    with pytest.raises(NotSafelyErasable, match="table format"):
        parquet(tmp_path).erase("p/a.parquet", wanted(ALICE), progress=Steps())


def test_int96_timestamps_are_read_without_wrapping_around(tmp_path):
    late = pa.array([datetime(9999, 12, 31, tzinfo=UTC).replace(tzinfo=None)], pa.timestamp("us"))
    path = tmp_path / "a.parquet"
    table = pa.table({"user": [BOB], "at": late})
    write(path, table, use_deprecated_int96_timestamps=True)

    assert parquet(path).read("a.parquet")["at"].to_pylist() == late.to_pylist()


def test_int96_timestamps_are_refused(tmp_path):
    table = people(at=pa.array([1, 2, 3, 4, 5], pa.timestamp("ns")))
    path = write(tmp_path / "a.parquet", table, use_deprecated_int96_timestamps=True)

    with pytest.raises(NotSafelyErasable, match="INT96"):
        parquet(path).erase("a.parquet", wanted(ALICE), progress=Steps())


def test_decimals_longer_than_the_second_reader_compares_are_refused(tmp_path):
    table = people(sum=pa.array([1, 2, 3, 4, 5]).cast(pa.decimal256(50, 0)))
    path = write(tmp_path / "a.parquet", table)

    with pytest.raises(NotSafelyErasable, match="50 digits"):
        parquet(path).erase("a.parquet", wanted(ALICE), progress=Steps())


def test_columns_that_lie_in_another_file_are_refused(tmp_path):
    path = write(tmp_path / "a.parquet", people())
    metadata = pq.read_metadata(path)
    metadata.set_file_path("elsewhere.parquet")
    metadata.write_metadata_file(tmp_path / "b.parquet")

    with pytest.raises(NotSafelyErasable, match="another file"):
        parquet(tmp_path / "b.parquet").parts()


@pytest.mark.parametrize("plaintext_footer", [True, False])
def test_encrypted_files_are_refused(tmp_path, plaintext_footer):
    keys = create_encryption_properties(b"0123456789abcdef", plaintext_footer=plaintext_footer)
    path = write(tmp_path / "a.parquet", people(), encryption_properties=keys)

    with pytest.raises(NotSafelyErasable, match="decrypted copy"):
        parquet(path).parts()


def test_a_key_value_that_names_the_person_is_refused(tmp_path):
    noted = people().replace_schema_metadata({"checked": f"by {ALICE}, twice", "other": "x"})
    path = write(tmp_path / "a.parquet", noted)

    with pytest.raises(NotSafelyErasable, match="key-value checked"):
        parquet(path).erase("a.parquet", wanted(ALICE), progress=Steps())


def test_a_key_value_that_holds_another_value_of_the_erased_rows_is_refused(tmp_path):
    pandas = '{"columns": [{"name": "city"}], "attributes": {"seen in": "Aachen-on-Worm"}}'
    path = write(tmp_path / "a.parquet", people().replace_schema_metadata({"pandas": pandas}))

    with pytest.raises(NotSafelyErasable, match="key-value pandas"):
        parquet(path).erase("a.parquet", wanted(ALICE), progress=Steps())


def test_a_note_on_a_column_that_names_the_person_is_refused(tmp_path):
    field = pa.field("user", pa.string(), metadata={"example": ALICE})
    path = write(tmp_path / "a.parquet", pa.table([[ALICE, BOB]], schema=pa.schema([field])))

    with pytest.raises(NotSafelyErasable, match=r"Arrow schema|example of column user"):
        parquet(path).erase("a.parquet", wanted(ALICE), progress=Steps())


def test_words_that_describe_columns_are_not_mistaken_for_values(tmp_path):
    pandas = '{"columns": [{"name": "city", "pandas_type": "unicode"}], "creator": {}}'
    table = people(type=["unicode", "x", "x", "city", "x"])
    path = write(tmp_path / "a.parquet", table.replace_schema_metadata({"pandas": pandas}))

    parquet(path).erase("a.parquet", wanted(ALICE), progress=Steps())

    assert pq.read_schema(path).metadata[b"pandas"] == pandas.encode()


def test_a_folder_where_nothing_may_be_written_is_said_and_left_alone(tmp_path_factory, tmp_path):
    folder = write(tmp_path / "data" / "a.parquet", people()).parent
    for parent in [*folder.parents][:4]:
        parent.chmod(0o755)

    with without_write_permission(folder), pytest.raises(StoreUnreadable, match="cannot write"):
        parquet(folder).erase("a.parquet", wanted(ALICE), progress=Steps())

    assert parquet(folder).parts()[0].rows == 5


# Other hands


def test_a_file_that_somebody_replaces_meanwhile_is_left_to_them(tmp_path):
    path = write(tmp_path / "a.parquet", people())
    theirs = write(tmp_path / "elsewhere" / "b.parquet", people(more=[1, 2, 3, 4, 5]))
    steps = Steps(act={Step.VERIFIED: lambda: shutil.copy(theirs, path)})

    with pytest.raises(ChangedMeanwhile):
        parquet(path).erase("a.parquet", wanted(ALICE), progress=steps)

    assert path.read_bytes() == theirs.read_bytes()
    assert leftovers(tmp_path) == []


def test_a_change_that_sets_size_and_time_back_is_noticed(tmp_path):
    path = write(tmp_path / "a.parquet", people(), compression="none")
    about = path.stat()

    def tamper():
        path.write_bytes(path.read_bytes().replace(b"Celle", b"Calle"))
        os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))

    with pytest.raises(ChangedMeanwhile):
        parquet(path).erase("a.parquet", wanted(ALICE), progress=Steps(act={Step.VERIFIED: tamper}))


def test_a_staging_file_in_use_is_left_alone_and_a_stale_one_is_removed(tmp_path):
    path = write(tmp_path / "a.parquet", people())
    other = write(tmp_path / "b.parquet", people())
    stale = tmp_path / f"{PREFIX}stale"
    seen = []

    def meanwhile():
        stale.touch()
        parquet(other).erase("b.parquet", wanted(ALICE), progress=Steps())
        seen.extend(leftovers(tmp_path))

    parquet(path).erase("a.parquet", wanted(ALICE), progress=Steps(act={Step.STAGED: meanwhile}))

    assert len(seen) == 1
    assert stale.name not in seen
    assert leftovers(tmp_path) == []
    assert parquet(tmp_path).prove_absent("a.parquet", wanted(ALICE))
    assert parquet(tmp_path).prove_absent("b.parquet", wanted(ALICE))


@pytest.mark.parametrize("step", [Step.FOUND, Step.STAGED, Step.VERIFIED])
def test_a_caller_that_stops_before_the_swap_leaves_the_old_file(tmp_path, step):
    path = write(tmp_path / "a.parquet", people())
    before = path.read_bytes()

    with pytest.raises(Interrupted):
        parquet(path).erase("a.parquet", wanted(ALICE), progress=Steps(stop_at=step))

    assert path.read_bytes() == before
    assert leftovers(tmp_path) == []


def alice_gone(table: pa.Table) -> pa.Table:
    return table.filter(pc.not_equal(pc.utf8_lower(table["user"]), ALICE))


def staged_in(folder: Path) -> Path:
    (name,) = leftovers(folder)
    return folder / name


@pytest.mark.parametrize(
    ("forged", "refusal"),
    [
        (lambda table: table, StillPresent),
        (lambda table: table.filter(pc.not_equal(table["user"], BOB)), StillPresent),
        (lambda table: alice_gone(table).slice(1), KeptRowsDiffer),
        (
            lambda table: alice_gone(table).set_column(1, "city", [["Bonn", "Bonn", "Bonn"]]),
            KeptRowsDiffer,
        ),
        (lambda table: pa.concat_tables([alice_gone(table), alice_gone(table)]), KeptRowsDiffer),
        (alice_gone, StillPresent),  # the right rows, but a categorical keeps her city
    ],
)
def test_the_second_reader_catches_a_wrong_staged_file(tmp_path, forged, refusal):
    table = people()
    table = table.set_column(1, "city", table["city"].dictionary_encode())
    path = write(tmp_path / "a.parquet", table)
    before = path.read_bytes()
    steps = Steps(act={Step.STAGED: lambda: pq.write_table(forged(table), staged_in(tmp_path))})

    with pytest.raises(refusal):
        parquet(path).erase("a.parquet", wanted(ALICE), progress=steps)

    assert path.read_bytes() == before
    assert leftovers(tmp_path) == []


def test_mode_and_attributes_of_the_file_are_kept(tmp_path):
    path = write(tmp_path / "a.parquet", people())
    path.chmod(0o640)
    try:
        os.setxattr(path, "user.origin", b"clinic")
    except OSError:
        pytest.skip("this file system keeps no attributes")

    parquet(path).erase("a.parquet", wanted(ALICE), progress=Steps())

    assert path.stat().st_mode & 0o777 == 0o640
    assert os.getxattr(path, "user.origin") == b"clinic"


def test_absence_is_not_claimed_while_rows_remain(tmp_path):
    path = write(tmp_path / "a.parquet", people(), use_dictionary=False, write_statistics=False)

    with pytest.raises(StillPresent, match="rows"):
        parquet(path).prove_absent("a.parquet", wanted(ALICE))

    assert parquet(path).prove_absent("a.parquet", wanted(DIANA)).startswith("DuckDB")


def test_a_readers_disagreement_about_a_clean_file_is_not_passed_over(tmp_path):
    path = write(tmp_path / "a.parquet", pa.table({"user": [BOB]}))
    intrude = Steps(act={Step.FOUND: lambda: write(path, people())})

    with pytest.raises((StillPresent, ChangedMeanwhile)):
        parquet(path).erase("a.parquet", wanted(ALICE), progress=intrude)


def test_a_schema_that_cannot_be_written_again_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    kinds = "SELECT $who AS user, 'x'::ENUM('x', 'y') AS kind, INTERVAL 1 DAY AS span"
    duckdb.connect().from_query(kinds, params={"who": ALICE}).write_parquet(str(path))
    before = path.read_bytes()

    with pytest.raises(NotSafelyErasable, match="cannot be written again exactly"):
        parquet(path).erase("a.parquet", wanted(ALICE), progress=Steps())

    assert path.read_bytes() == before
