import os
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.stores.errors import (
    ChangedMeanwhile,
    ColumnMissing,
    KeptRowsDiffer,
    MalformedIdentifier,
    NotSafelyErasable,
    NullIdentifier,
    PartCorrupt,
    StillPresent,
    StoreUnreadable,
)
from lineage.stores.protocol import DeclaredColumn, Step
from tests.cast import ALICE, BOB
from tests.lineage.stores.builders import (
    CLARA,
    DIANA,
    Interrupted,
    Steps,
    csv,
    leftovers,
    without_write_permission,
)
from tests.lineage.stores.marks import EMAIL, NUMBER, USER, mark, wanted

ALL_STEPS = [Step.FOUND, Step.STAGED, Step.VERIFIED, Step.SWAPPED, Step.PURGED]
SIMPLE = f"user,city\n{ALICE},Aachen\n{BOB},Bonn\n{ALICE.upper()},Celle\n{CLARA},Dorsten\n"


def file(folder: Path, content: str | bytes) -> Path:
    path = folder / "a.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def values(path: Path, column: DeclaredColumn = USER) -> list[object]:
    return [value for batch in csv(path, column).scan(path.name, column) for value in batch]


# Reading


def test_parts_are_the_csv_files_with_their_records_counted(tmp_path):
    path = file(tmp_path, SIMPLE)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "b.csv").write_text(f'user\n"{BOB}"\n')
    (tmp_path / "notes.txt").touch()

    parts = csv(tmp_path).parts()

    assert [(part.name, part.rows) for part in parts] == [("a.csv", 4), ("below/b.csv", 1)]
    assert parts[0].size_bytes == path.stat().st_size


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_names_the_declared_columns(tmp_path, delimiter):
    content = f"number,user,note\n1,{BOB},x\n".replace(",", delimiter)

    path = file(tmp_path, content)

    assert values(path) == [BOB]
    assert csv(path).read("a.csv").column_names == ["number", "user", "note"]


def test_quoted_fields_line_ends_and_a_byte_order_mark_are_understood(tmp_path):
    content = f'\ufeff"user";note\r\n"{BOB}";"one ""two""\r\nthree; four"\r\n{CLARA};\r\n'

    path = file(tmp_path, content)

    assert values(path) == [BOB, CLARA]
    assert csv(path).read("a.csv").to_pylist() == [
        {"user": BOB, "note": 'one "two"\r\nthree; four'},
        {"user": CLARA, "note": ""},
    ]


def test_reading_infers_types_from_all_records_and_keeps_identifiers_as_declared(tmp_path):
    content = "user,number,score\n007,1,1\n008,2,2.5\n"

    path = file(tmp_path, content)

    table = csv(path, USER, NUMBER).read("a.csv")
    assert table.schema.types == [pa.string(), pa.int64(), pa.float64()]
    assert table["user"].to_pylist() == ["007", "008"]
    assert csv(path, USER).read("a.csv", ["score"]).column_names == ["score"]


def test_a_renamed_column_is_missing(tmp_path):
    path = file(tmp_path, SIMPLE.replace("user", "username"))

    for attempt in (
        lambda: csv(path).parts(),
        lambda: values(path),
        lambda: csv(path).erase("a.csv", wanted(ALICE), progress=Steps()),
        lambda: csv(path).prove_absent("a.csv", wanted(ALICE)),
    ):
        with pytest.raises(ColumnMissing, match="user"):
            attempt()


def test_a_column_asked_for_in_vain_is_missing(tmp_path):
    path = file(tmp_path, SIMPLE)

    with pytest.raises(ColumnMissing, match="no column age"):
        csv(path).read("a.csv", ["age"])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\n", "empty"),
        (b"user,city\nx,y,z\n", "record 1: 3 fields"),
        (b"user,city\nx,y\nx", "record 2: 1 fields"),
        (b'user,city\nx,"y\n', "left open"),
        (b'user,city\nx,y"z\n', "left open"),
        (b'user,city\nx,y"z"\n', "not quoted"),
        (b'user,city\n"x" ,y\n', "inside a field|not quoted"),
        (b"user,city\rx,y\r", "carriage return"),
        (b"user,city\nx,\xff\n", "not UTF-8"),
        (b"user,city\nx,\x00\n", "NUL"),
        (b"user,user\nx,y\n", "same name"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(tmp_path, content, complaint):
    path = file(tmp_path, content)

    with pytest.raises(PartCorrupt, match=complaint):
        csv(path).parts()
    with pytest.raises(PartCorrupt, match=complaint):
        csv(path).erase("a.csv", wanted(ALICE), progress=Steps())
    assert path.read_bytes() == content


def test_a_column_that_is_no_number_cannot_be_read_as_one(tmp_path):
    path = file(tmp_path, "number,x\nsecret,1\n")

    with pytest.raises(PartCorrupt) as refusal:
        csv(path, NUMBER).read("a.csv")

    assert "secret" not in str(refusal.value)


def test_a_row_that_names_nobody_stops_scanning_and_erasing(tmp_path):
    path = file(tmp_path, f"user,city\n{ALICE},x\n,y\n")
    steps = Steps()

    with pytest.raises(NullIdentifier):
        values(path)
    with pytest.raises(NullIdentifier):
        csv(path).erase("a.csv", wanted(ALICE), progress=steps)
    assert steps.seen == []


def test_a_malformed_identifier_is_refused_without_being_quoted(tmp_path):
    path = file(tmp_path, "email\nsecret-not-an-address\n")

    with pytest.raises(MalformedIdentifier) as refusal:
        values(path, EMAIL)

    assert "secret" not in str(refusal.value)


def test_a_file_that_is_not_there_is_unreadable(tmp_path):
    with pytest.raises(StoreUnreadable):
        csv(tmp_path / "absent").parts()
    with pytest.raises(StoreUnreadable):
        csv(tmp_path).read("absent.csv")


# Erasing


def test_a_person_is_erased_in_every_spelling_and_the_others_keep_their_bytes(tmp_path):
    head = '\ufeff"user" ;note\r\n'.replace('" ;', '";')
    kept = [f'"{BOB}";"say ""hi""\r\n;to all"\r\n', "\r\n", f"{CLARA};\n", f'"{BOB}";""']
    gone = [f"{ALICE};x\r\n", f'"{ALICE.upper()}";"a\r\nb"\n', f"{ALICE};\r\n"]
    path = file(
        tmp_path, head + gone[0] + kept[0] + kept[1] + gone[1] + kept[2] + gone[2] + kept[3]
    )
    steps = Steps()

    erasure = csv(path).erase("a.csv", wanted(ALICE), progress=steps)

    assert path.read_bytes() == (head + "".join(kept)).encode()
    assert steps.seen == ALL_STEPS
    assert steps.found == {mark(ALICE)}
    assert (erasure.rows_before, erasure.rows_erased) == (6, 3)
    assert erasure.digest_after == csv(path).parts()[0].digest
    assert csv(path).prove_absent("a.csv", wanted(ALICE)).startswith("DuckDB")


def test_absence_is_not_claimed_while_rows_remain(tmp_path):
    path = file(tmp_path, SIMPLE)

    with pytest.raises(StillPresent):
        csv(path).prove_absent("a.csv", wanted(ALICE))


def test_a_person_who_is_not_there_changes_nothing(tmp_path):
    path, steps = file(tmp_path, SIMPLE), Steps()

    erasure = csv(path).erase("a.csv", wanted(DIANA), progress=steps)

    assert path.read_text() == SIMPLE
    assert steps.seen == [Step.FOUND, Step.VERIFIED, Step.PURGED]
    assert (erasure.rows_before, erasure.rows_erased) == (4, 0)


def test_erasing_again_changes_nothing(tmp_path):
    path = file(tmp_path, SIMPLE)
    csv(path).erase("a.csv", wanted(ALICE), progress=Steps())
    once = path.read_bytes()

    csv(path).erase("a.csv", wanted(ALICE), progress=Steps())

    assert path.read_bytes() == once


def test_a_file_of_erased_people_only_keeps_its_header(tmp_path):
    path = file(tmp_path, SIMPLE)

    csv(path).erase("a.csv", wanted(ALICE, BOB, CLARA), progress=Steps())

    assert path.read_text() == "user,city\n"
    assert csv(path).parts()[0].rows == 0
    assert csv(path).read("a.csv").num_rows == 0


def test_people_are_looked_for_by_several_columns_at_once(tmp_path):
    path = file(tmp_path, f"user,number\n{ALICE},1\n{BOB},0002\n{CLARA},3\n")

    csv(path, USER, NUMBER).erase(
        "a.csv", {**wanted(ALICE), **wanted(2, column=NUMBER)}, progress=Steps()
    )

    assert path.read_text() == f"user,number\n{CLARA},3\n"


@pytest.mark.parametrize("content", ["user\nx\n", "user", "user\n"])
def test_a_file_of_one_column_or_no_record_is_a_file(tmp_path, content):
    path = file(tmp_path, content)

    csv(path).erase("a.csv", wanted(ALICE), progress=Steps())

    assert path.read_text() == content


def test_links_are_refused(tmp_path):
    path = file(tmp_path, SIMPLE)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.csv").symlink_to(path)
    with pytest.raises(NotSafelyErasable, match="is a link"):
        csv(tmp_path / "elsewhere").erase("b.csv", wanted(ALICE), progress=Steps())

    os.link(path, tmp_path / "elsewhere" / "c")
    with pytest.raises(NotSafelyErasable, match="hard links"):
        csv(path).erase("a.csv", wanted(ALICE), progress=Steps())


def test_a_file_that_somebody_replaces_meanwhile_is_left_to_them(tmp_path):
    path = file(tmp_path, SIMPLE)
    theirs = tmp_path / "theirs"
    theirs.write_text(SIMPLE + "erik,Essen\n")
    steps = Steps(act={Step.VERIFIED: lambda: shutil.copy(theirs, path)})

    with pytest.raises(ChangedMeanwhile):
        csv(path).erase("a.csv", wanted(ALICE), progress=steps)

    assert path.read_bytes() == theirs.read_bytes()
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("step", [Step.FOUND, Step.STAGED, Step.VERIFIED])
def test_a_caller_that_stops_before_the_swap_leaves_the_old_file(tmp_path, step):
    path = file(tmp_path, SIMPLE)

    with pytest.raises(Interrupted):
        csv(path).erase("a.csv", wanted(ALICE), progress=Steps(stop_at=step))

    assert path.read_text() == SIMPLE
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("forged", "refusal"),
    [
        (SIMPLE, StillPresent),
        (f"user,city\n{BOB},Bonn\n", KeptRowsDiffer),
        (f"user,city\n{BOB},Berlin\n{CLARA},Dorsten\n", KeptRowsDiffer),
        (f"user,city\n{BOB},Bonn,x\n{CLARA},Dorsten\n", NotSafelyErasable),
    ],
)
def test_the_second_reader_catches_a_wrong_staged_file(tmp_path, forged, refusal):
    path = file(tmp_path, SIMPLE)
    steps = Steps(act={Step.STAGED: lambda: (tmp_path / leftovers(tmp_path)[0]).write_text(forged)})

    with pytest.raises(refusal):
        csv(path).erase("a.csv", wanted(ALICE), progress=steps)

    assert path.read_text() == SIMPLE
    assert leftovers(tmp_path) == []


def test_a_folder_where_nothing_may_be_written_is_said_and_left_alone(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    path = file(folder, SIMPLE)
    for parent in [*folder.parents][:4]:
        parent.chmod(0o755)

    with without_write_permission(folder), pytest.raises(StoreUnreadable, match="cannot write"):
        csv(folder).erase("a.csv", wanted(ALICE), progress=Steps())

    assert path.read_text() == SIMPLE


fields = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
rows = st.lists(st.tuples(st.sampled_from([ALICE, ALICE.title(), BOB, CLARA]), fields), max_size=20)


@settings(max_examples=40, deadline=None)
@given(rows=rows, line_end=st.sampled_from(["\n", "\r\n"]), ends=st.booleans())
def test_whatever_the_records_hold_only_the_wanted_ones_go(tmp_path_factory, rows, line_end, ends):
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    records = [f"{user},{quoted(text)}{line_end}" for user, text in rows]
    if records and not ends:
        records[-1] = records[-1].removesuffix(line_end)
    path = file(tmp_path_factory.mktemp("csv"), f"user,text{line_end}" + "".join(records))

    csv(path).erase("a.csv", wanted(ALICE), progress=Steps())

    kept = [r for r, (user, _) in zip(records, rows, strict=True) if user.lower() != ALICE]
    assert path.read_bytes() == (f"user,text{line_end}" + "".join(kept)).encode()
    assert csv(path).read("a.csv").num_rows == len(kept)
