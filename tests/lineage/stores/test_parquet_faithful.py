"""What the kept rows keep: their values, types, order and layout, whatever the file is like."""

from datetime import date, time
from datetime import datetime as moment
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.stores.pages import PageKind, open_pages, search_pages
from lineage.stores.parquet_audit import look_beneath
from tests.cast import ALICE, BOB
from tests.lineage.stores.builders import CLARA, Steps, parquet, people, write
from tests.lineage.stores.marks import wanted

FIVE = range(5)
DAYS = [(1, 1, 1), (9999, 12, 31), (2000, 2, 29), (1970, 1, 1)]
EARLY, LATE, LEAP, EPOCH = (moment(*day) for day in DAYS)  # noqa: DTZ001  # as files without zones hold them
COLUMNS = {
    "bool": pa.array([True, None, False, True, None]),
    "int8": pa.array([1, None, 3, 4, 5], pa.int8()),
    "uint64": pa.array([2**64 - 1, None, 3, 4, 5], pa.uint64()),
    "float": pa.array([1.5, None, float("nan"), float("-inf"), -0.0], pa.float32()),
    "half": pa.array([1.5, None, 2.0, 3.0, 0.0], pa.float16()),
    "decimal": pa.array(
        [Decimal("1.20"), None, Decimal("-3.45"), Decimal(4), Decimal(5)], pa.decimal128(10, 2)
    ),
    "long decimal": pa.array(
        [Decimal(10) ** 30, None, Decimal(3), Decimal(4), Decimal(5)], pa.decimal128(38, 2)
    ),
    "date": pa.array(
        [date(1, 1, 1), None, date(9999, 12, 31), date(2000, 2, 29), date(1970, 1, 1)]
    ),
    "time": pa.array([time(1), None, time(23, 59, 59, 999999), time(0), time(5)], pa.time64("us")),
    "s": pa.array([EARLY, None, LATE, LEAP, EPOCH], pa.timestamp("s")),
    "us": pa.array([EARLY, None, LATE, LEAP, EPOCH], pa.timestamp("us")),
    "ns": pa.array([1, None, 3, 2**62, -1], pa.timestamp("ns")),
    "in Berlin": pa.array([1, None, 3, 4, 5], pa.timestamp("ms", tz="Europe/Berlin")),
    "duration": pa.array([1, None, 3, 4, 5], pa.duration("us")),
    "bytes": pa.array([b"\x00\xff", None, b"", b"x", b"y"]),
    "fixed": pa.array([b"abc", None, b"def", b"ghi", b"jkl"], pa.binary(3)),
    "large text": pa.array(["ä", None, "", "x", "y"], pa.large_string()),
    "view": pa.array(["a text longer than twelve", None, "", "x", "y"], pa.string_view()),
    "categorical": pa.array(["a", None, "b", "a", "c"]).dictionary_encode(),
    "ordered": pa.DictionaryArray.from_arrays(
        pa.array([0, None, 1, 2, 0], pa.int8()), ["l", "m", "h"], ordered=True
    ),
    "coded numbers": pa.array([10, None, 20, 10, 30]).dictionary_encode(),
    "nothing": pa.nulls(5),
    "json": pa.array(['{"a": 1}', None, "{}", "[]", "1"], pa.json_()),
    "uuid": pa.array([b"0123456789abcdef", None] + [b"fedcba9876543210"] * 3, pa.uuid()),
    "list": pa.array([["a", None], None, [], ["b"], ["c", "d"]]),
    "list of categoricals": pa.array(
        [["a", None], None, [], ["b"], ["c", "d"]], pa.list_(pa.dictionary(pa.int32(), pa.string()))
    ),
    "large list": pa.array([[1, None], None, [], [2], [3, 4]], pa.large_list(pa.int16())),
    "fixed list": pa.array([[1, 2], None, [3, None], [4, 5], [6, 7]], pa.list_(pa.int32(), 2)),
    "list of lists": pa.array([[["x"], []], None, [], [None], [["y", "z"]]]),
    "struct": pa.array(
        [
            {"x": 1, "y": ["p"]},
            None,
            {"x": None, "y": None},
            {"x": 4, "y": []},
            {"x": 5, "y": ["q"]},
        ]
    ),
    "map": pa.array(
        [[("k", 1)], None, [], [("l", None)], [("m", 3), ("n", 4)]],
        pa.map_(pa.string(), pa.int32()),
    ),
}
OPTIONS = {
    "as it comes": {},
    "plain": {"use_dictionary": False, "compression": "none", "write_statistics": False},
    "second pages": {"data_page_version": "2.0", "compression": "zstd"},
    "first format": {"version": "1.0", "compression": "gzip"},
    "indexed": {"write_page_index": True, "write_page_checksum": True, "compression": "brotli"},
    "lists of old": {"use_compliant_nested_type": False, "compression": "lz4"},
    "no schema": {"store_schema": False},
}


def erased(path: Path) -> tuple[pq.ParquetFile, pq.ParquetFile]:
    """Erase ALICE; return the file as it was and as it is."""
    before = pq.ParquetFile(pa.BufferReader(path.read_bytes()))
    parquet(path).erase(path.name, wanted(ALICE), progress=Steps())
    return before, pq.ParquetFile(pa.BufferReader(path.read_bytes()))


def rows_of(file: pq.ParquetFile) -> list[dict[str, object]]:
    groups = (file.read_row_group(n) for n in range(file.metadata.num_row_groups))
    return [row for group in groups for row in whole_nanoseconds(group).to_pylist()]


def whole_nanoseconds(table: pa.Table) -> pa.Table:
    """Return nanoseconds as numbers, for Python's moments have none."""
    types = [pa.int64() if t == pa.timestamp("ns") else t for t in table.schema.types]
    return table.cast(pa.schema(zip(table.column_names, types, strict=True)))


def kept(file: pq.ParquetFile) -> list[dict[str, object]]:
    return [row for row in rows_of(file) if str(row["user"]).lower() != ALICE]


def shown(rows: list[dict[str, object]]) -> list[str]:
    return [repr(row) for row in rows]  # nan equals nan here


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of_every_type_keeps_values_and_schema(tmp_path, name):
    path = write(tmp_path / "a.parquet", people(column=COLUMNS[name]), row_group_size=2)

    before, after = erased(path)

    require_kept(before, after)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_every_layout_keeps_values_and_schema(tmp_path, options):
    too_new = {"ns", "half"} if options.get("version") == "1.0" else set()
    columns = {name: column for name, column in COLUMNS.items() if name not in too_new}
    path = write(tmp_path / "a.parquet", people(**columns), row_group_size=2, **options)

    before, after = erased(path)

    require_kept(before, after)


def require_kept(before: pq.ParquetFile, after: pq.ParquetFile) -> None:
    assert shown(rows_of(after)) == shown(kept(before))
    assert after.schema.equals(before.schema)
    assert after.schema_arrow.equals(before.schema_arrow, check_metadata=True)
    assert after.metadata.metadata == before.metadata.metadata


def test_layout_is_kept_row_group_by_row_group(tmp_path):
    table = people(score=pa.array([1, 2, 3, 4, 5], pa.float64()), n=pa.array([1, 1, 2, 3, 3]))
    path = write(
        tmp_path / "a.parquet",
        table,
        row_group_size=2,
        compression={"user": "gzip", "city": "zstd", "score": "none", "n": "snappy"},
        use_dictionary=["user"],
        column_encoding={
            "city": "DELTA_BYTE_ARRAY",
            "score": "BYTE_STREAM_SPLIT",
            "n": "DELTA_BINARY_PACKED",
        },
        write_statistics=["user", "n"],
        write_page_index=True,
        write_page_checksum=True,
        data_page_version="2.0",
        sorting_columns=[pq.SortingColumn(3)],
        bloom_filter_options={"user": {"ndv": 100, "fpp": 0.01}},
    )

    before, after = erased(path)

    assert [after.metadata.row_group(n).num_rows for n in range(3)] == [1, 1, 1]
    for n in range(4):
        was, now = (file.metadata.row_group(0).column(n) for file in (before, after))
        assert now.compression == was.compression
        assert now.encodings == was.encodings
        assert now.is_stats_set == was.is_stats_set
        assert now.has_column_index == was.has_column_index
        assert (now.bloom_filter_offset is None) == (was.bloom_filter_offset is None)
    assert (
        after.metadata.row_group(0).sorting_columns == before.metadata.row_group(0).sorting_columns
    )
    with open_pages(path) as file:
        pages = [page for chunk in file.footer.chunks for page in file.pages(chunk)]
    assert all(page.has_checksum for page in pages)
    assert {page.kind for page in pages} == {PageKind.DICTIONARY, PageKind.DATA_V2}


def test_statistics_speak_of_the_kept_rows_only(tmp_path):
    path = write(tmp_path / "a.parquet", people(born=pa.array([1900, 1980, 1990, 2020, 1985])))

    before, after = erased(path)

    bounds = [
        (s.min, s.max)
        for f in (before, after)
        for s in [f.metadata.row_group(0).column(2).statistics]
    ]
    assert bounds == [(1900, 2020), (1980, 1990)]


def test_required_columns_and_field_numbers_are_kept(tmp_path):
    schema = pa.schema(
        [
            pa.field("user", pa.string(), nullable=False, metadata={"PARQUET:field_id": "11"}),
            pa.field("n", pa.int64(), nullable=False, metadata={"PARQUET:field_id": "12"}),
        ]
    )
    path = write(tmp_path / "a.parquet", pa.table([[ALICE, BOB], [1, 2]], schema=schema))

    before, after = erased(path)

    assert after.schema.equals(before.schema)
    assert after.schema_arrow.field("n").metadata[b"PARQUET:field_id"] == b"12"
    assert not after.schema_arrow.field("n").nullable


def test_decimals_kept_as_whole_numbers_stay_so(tmp_path):
    path = write(
        tmp_path / "a.parquet", people(d=COLUMNS["decimal"]), store_decimal_as_integer=True
    )

    before, after = erased(path)

    assert after.schema.column(2).physical_type == before.schema.column(2).physical_type == "INT64"


def test_a_file_that_polars_wrote_keeps_its_rows_in_both_readers(tmp_path):
    path = tmp_path / "a.parquet"
    frame = pl.DataFrame(
        {
            "user": [ALICE, BOB, CLARA],
            "kind": pl.Series(["x", "y", "y"], dtype=pl.Categorical),
            "at": [EPOCH, None, LATE],
            "tags": [["a"], [], None],
        }
    )
    frame.write_parquet(path)

    parquet(path).erase("a.parquet", wanted(ALICE), progress=Steps())

    assert pl.read_parquet(path).rows() == frame.rows()[1:]
    assert search_pages(path, ALICE.encode()) == []


def test_a_file_that_duckdb_wrote_keeps_its_rows_in_both_readers(tmp_path):
    path = tmp_path / "a.parquet"
    duckdb.connect().from_query(
        "SELECT u AS user, u || '!' AS said, [u] AS list, {'a': 1, 'b': u} AS struct, 1 AS n, "
        "1.5::DECIMAL(9,2) AS d, now()::TIMESTAMP AS at FROM (SELECT unnest($people) AS u)",
        params={"people": [ALICE, BOB]},
    ).write_parquet(str(path))
    rows = duckdb.execute("FROM read_parquet(?)", [str(path)]).fetchall()
    assert len(search_pages(path, ALICE.encode())) > 1

    parquet(path).erase("a.parquet", wanted(ALICE), progress=Steps())

    assert duckdb.execute("FROM read_parquet(?)", [str(path)]).fetchall() == rows[1:]
    assert search_pages(path, ALICE.encode()) == []


names = st.sampled_from([ALICE, ALICE.upper(), f" {ALICE}", BOB, CLARA])
texts = st.one_of(st.none(), st.text(max_size=6), st.sampled_from(["Aachen", "Bonn", "Celle"]))
tables = st.lists(
    st.tuples(
        names,
        texts,
        st.one_of(st.none(), st.lists(texts, max_size=3)),
        st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
        st.one_of(st.none(), st.floats(allow_nan=False)),
    ),
    max_size=40,
)
layouts = st.fixed_dictionaries(
    {
        "row_group_size": st.integers(1, 20),
        "compression": st.sampled_from(["none", "snappy", "zstd", "gzip", "lz4"]),
        "use_dictionary": st.one_of(st.booleans(), st.just(["user"]), st.just(["text", "user"])),
        "data_page_version": st.sampled_from(["1.0", "2.0"]),
        "write_statistics": st.booleans(),
        "write_page_index": st.booleans(),
        "write_page_checksum": st.booleans(),
        "store_schema": st.booleans(),
        "version": st.sampled_from(["1.0", "2.4", "2.6"]),
        "max_rows_per_page": st.integers(1, 20),
    }
)
TYPES = [pa.string(), pa.string(), pa.list_(pa.string()), pa.int64(), pa.float64()]


@settings(max_examples=25, deadline=None)
@given(rows=tables, layout=layouts, as_categorical=st.booleans())
def test_whatever_the_table_only_the_wanted_rows_and_their_values_go(rows, layout, as_categorical):
    columns = zip(*rows, strict=True) if rows else ([] for _ in FIVE)
    arrays = [pa.array(values, type_) for values, type_ in zip(columns, TYPES, strict=True)]
    if as_categorical:
        arrays[:2] = [array.dictionary_encode() for array in arrays[:2]]
    table = pa.table(arrays, names=["user", "text", "list", "whole", "real"])
    with TemporaryDirectory() as folder:
        path = write(Path(folder, "a.parquet"), table, **layout)
        before, after = erased(path)

        assert after.read().to_pylist() == [
            row for row in before.read().to_pylist() if row["user"].strip().lower() != ALICE
        ]
        assert after.schema.equals(before.schema)
        assert not look_beneath(path, {}, asked={}).unused
        assert (
            search_pages(path, ALICE.encode()) == search_pages(path, ALICE.upper().encode()) == []
        )
        assert pl.read_parquet(path).height == after.metadata.num_rows
        once = path.read_bytes()
        parquet(path).erase("a.parquet", wanted(ALICE), progress=Steps())
        assert path.read_bytes() == once
