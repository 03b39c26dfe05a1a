from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lineage.stores.errors import NotSafelyErasable, PartCorrupt, StoreUnreadable
from lineage.stores.pages import decompress, open_pages, search_pages
from lineage.stores.thrift import ThriftDamaged, read_struct
from tests.cast import ALICE, BOB
from tests.lineage.stores.builders import CLARA, ELSEWHERE, people, write

CODECS = ["none", "snappy", "gzip", "brotli", "lz4", "zstd"]


def with_phantom(*names: str) -> pa.Array:
    """Return a dictionary column in which ELSEWHERE is spelled and used by no row."""
    texts = [*dict.fromkeys(names), ELSEWHERE]
    return pa.DictionaryArray.from_arrays([texts.index(name) for name in names], texts)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_value_that_no_row_uses_is_found_under_every_codec(tmp_path, codec, version):
    table = pa.table({"name": with_phantom(ALICE, BOB, ALICE)})
    path = write(tmp_path / "a.parquet", table, compression=codec, data_page_version=version)

    places = search_pages(path, ELSEWHERE.encode())

    assert places == ["row group 0, column name, dictionary page 0"]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_values_without_a_dictionary_are_found_in_data_pages_and_statistics(
    tmp_path, codec, version
):
    path = write(
        tmp_path / "a.parquet",
        people(),
        compression=codec,
        data_page_version=version,
        use_dictionary=False,
        row_group_size=2,
    )
    data = "data" if version == "1.0" else "data_v2"

    places = search_pages(path, ALICE.encode())

    assert f"row group 0, column user, {data} page 0" in places
    assert "footer" in places


def test_values_in_the_page_index_and_page_headers_are_found(tmp_path):
    indexed = write(tmp_path / "a.parquet", people(), write_page_index=True)
    headers = write(tmp_path / "b.parquet", people())

    assert "page indexes or other bytes after the last page" in search_pages(
        indexed, CLARA.encode()
    )
    in_header = "row group 0, column user, before the body of page 1"
    assert in_header in search_pages(headers, CLARA.encode())


def test_what_is_not_there_is_not_found(tmp_path):
    path = write(tmp_path / "a.parquet", people())

    assert search_pages(path, BOB.encode()) != []
    assert search_pages(path, ELSEWHERE.encode()) == []


def test_words_of_the_stored_arrow_schema_are_found_though_it_is_encoded(tmp_path):
    field = pa.field("user", pa.string(), metadata={"note": f"checked by {ELSEWHERE}"})
    path = write(tmp_path / "a.parquet", pa.table([["x"]], schema=pa.schema([field])))

    assert "footer, Arrow schema" in search_pages(path, f"by {ELSEWHERE}".encode())


def test_dictionaries_of_numbers_and_fixed_lengths_are_decoded(tmp_path):
    table = pa.table(
        {
            "small": pa.array([7, 7, 9], pa.int32()),
            "large": pa.array([1 << 40, 5, 5], pa.int64()),
            "fixed": pa.array([b"0123456789abcdef"] * 3, pa.binary(16)),
        }
    )
    path = write(tmp_path / "a.parquet", table)

    with open_pages(path) as file:
        found = {chunk.path: file.dictionary(chunk) for chunk in file.footer.chunks}

    assert found == {
        "small": [(7).to_bytes(4, "little"), (9).to_bytes(4, "little")],
        "large": [(1 << 40).to_bytes(8, "little"), (5).to_bytes(8, "little")],
        "fixed": [b"0123456789abcdef"],
    }


def test_a_chunk_without_a_dictionary_has_none(tmp_path):
    path = write(tmp_path / "a.parquet", people(), use_dictionary=False)

    with open_pages(path) as file:
        assert [file.dictionary(chunk) for chunk in file.footer.chunks] == [[], []]


def test_a_row_group_without_rows_has_no_pages(tmp_path):
    path = write(tmp_path / "a.parquet", people().slice(0, 0))

    with open_pages(path) as file:
        assert len(file.footer.chunks) == 2
        assert [page for chunk in file.footer.chunks for page in file.pages(chunk)] == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "empty"),
        (b"PAR1", "not a Parquet file"),
        (b"name,city\nx,y\n", "not a Parquet file"),
        (b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1", "does not fit"),
        (b"PAR1" + b"\x15\x02\x19" + b"\x03\x00\x00\x00" + b"PAR1", "damaged"),
    ],
)
def test_what_is_no_parquet_file_is_called_corrupt(tmp_path, content, complaint):
    path = tmp_path / "a.parquet"
    path.write_bytes(content)

    with pytest.raises(PartCorrupt, match=complaint):
        search_pages(path, b"x")


def test_an_encrypted_footer_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PARE" + b"x" * 40 + (40).to_bytes(4, "little") + b"PARE")

    with pytest.raises(NotSafelyErasable, match="decrypted copy"):
        search_pages(path, b"x")


def test_every_damaged_byte_is_refused_or_harmless(tmp_path):
    path = write(tmp_path / "a.parquet", people(), compression="zstd")
    sound = path.read_bytes()

    outcomes = {_outcome_of_damage(path, sound, at) for at in range(0, len(sound), 7)}

    assert outcomes == {"refused", "harmless"}


def _outcome_of_damage(path: Path, sound: bytes, at: int) -> str:
    path.write_bytes(sound[:at] + bytes([sound[at] ^ 0xFF]) + sound[at + 1 :])
    try:
        with open_pages(path) as file:
            for chunk in file.footer.chunks:
                file.dictionary(chunk)
                list(file.bounds(chunk))
    except (PartCorrupt, NotSafelyErasable):
        return "refused"
    return "harmless"


@pytest.mark.parametrize(
    "damage",
    [
        b"\x18",  # a text without a length
        b"\x18\x05abc",  # a text longer than the bytes
        b"\x1e\x00",  # no such type
        b"\x16" + b"\xff" * 11,  # a number without an end
        b"\x19\xf8\xff\xff\x03",  # a list longer than the bytes
        b"\x1b\xff\xff\x03\x88",  # a map longer than the bytes
        b"\x1c" * 80,  # structs in structs in structs
    ],
)
def test_damaged_thrift_is_refused(damage):
    with pytest.raises(ThriftDamaged):
        read_struct(damage)


def test_thrift_values_of_every_type_are_read():
    stored = bytes.fromhex(
        "11 12 13 80 14 03 16 04 17 000000000000f03f 18 01 61"  # bools, i8, i16, i64, double, text
        "19 21 01 02"  # a list of booleans
        "1b 01 88 01 6b 01 76"  # a map of text to text
        "1c 15 06 00"  # a struct
        "1d 000102030405060708090a0b0c0d0e0f"  # a UUID
        "00"
    )

    fields, end = read_struct(stored)

    assert end == len(stored)
    assert fields == {
        1: True,
        2: False,
        3: -128,
        4: -2,
        5: 2,
        6: 1.0,
        7: b"a",
        8: [True, False],
        9: {b"k": b"v"},
        10: {1: 3},
        11: bytes(range(16)),
    }


def test_a_damaged_page_index_is_refused(tmp_path):
    path = write(tmp_path / "a.parquet", people(), write_page_index=True)
    with open_pages(path) as file:
        offset, length = file.footer.chunks[0].column_index or (0, 0)
        assert [v for place, v in file.bounds(file.footer.chunks[0]) if place == "column index"]
    sound = path.read_bytes()
    path.write_bytes(sound[:offset] + b"\xff" * length + sound[offset + length :])

    with open_pages(path) as file, pytest.raises(PartCorrupt, match="index of row group 0"):
        list(file.bounds(file.footer.chunks[0]))


def test_a_dictionary_that_ends_too_early_is_refused(tmp_path):
    path = write(tmp_path / "a.parquet", people(), compression="none")
    length = len(ALICE).to_bytes(4, "little")
    path.write_bytes(
        path.read_bytes().replace(length + ALICE.encode(), b"\xff\xff\xff\x00" + ALICE.encode())
    )

    with open_pages(path) as file, pytest.raises(PartCorrupt, match="dictionary of row group 0"):
        file.dictionary(file.footer.chunks[0])


def test_a_file_that_is_not_there_is_unreadable(tmp_path):
    with pytest.raises(StoreUnreadable), open_pages(tmp_path / "absent.parquet"):
        pass


def test_an_arrow_schema_that_is_no_base64_is_searched_as_it_lies(tmp_path):
    path = tmp_path / "a.parquet"
    with pq.ParquetWriter(path, people().schema, store_schema=False) as writer:
        writer.add_key_value_metadata({"ARROW:schema": f"x{ELSEWHERE}"})

    assert search_pages(path, ELSEWHERE.encode()) == ["footer"]


TEXT = b"a page of text, a page of text, a page of text"
LZ4_HADOOP = 5


def framed(plain: bytes) -> bytes:
    block: bytes = pa.Codec("lz4_raw").compress(plain, asbytes=True)
    return len(plain).to_bytes(4, "big") + len(block).to_bytes(4, "big") + block


@pytest.mark.parametrize(
    "stored",
    [
        framed(TEXT),
        framed(TEXT[:10]) + framed(TEXT[10:]),
        pa.Codec("lz4_raw").compress(TEXT, asbytes=True),
    ],
    ids=["one frame", "two frames", "without frames"],
)
def test_lz4_as_hadoop_wrote_it_is_decompressed(stored):
    assert decompress(LZ4_HADOOP, stored, len(TEXT)) == TEXT


def test_a_codec_that_arrow_does_not_have_is_refused():
    lzo = 3

    with pytest.raises(ThriftDamaged, match="codec 3"):
        decompress(lzo, TEXT, len(TEXT))
