import io
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redis
from django.conf import settings
from django.core.management import CommandError, call_command

from tests.cast import ALICE, BOB
from tests.lineage.builders import make_namespace, write_people

pytestmark = pytest.mark.django_db


@pytest.fixture
def find(monkeypatch, capsys):
    """Look for a text; return what was printed, also if the command ends with an error."""

    def find(text: str, *paths: Path) -> list[str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{text}\n"))
        try:
            call_command("find_traces", *map(str, paths))
        except CommandError as error:
            return [*capsys.readouterr().out.splitlines(), str(error)]
        printed: str = capsys.readouterr().out
        return printed.splitlines()

    return find


@pytest.fixture
def key():
    url = settings.REDIS_URL.replace("redis+socket://", "unix://")
    with redis.Redis.from_url(url) as client:
        client.set("tests:find-traces", f"a message about {ALICE}")
        yield "tests:find-traces"
        client.delete("tests:find-traces")


def test_a_text_is_found_in_tables_redis_artefacts_and_named_files(
    find, key, tmp_path, monkeypatch
):
    make_namespace(ALICE)
    monkeypatch.setattr(settings, "ARTEFACT_DIR", tmp_path / "artefacts")
    (tmp_path / "artefacts").mkdir()
    (tmp_path / "artefacts" / "model.json").write_text(ALICE.upper())
    data = write_people(tmp_path / "data" / "a.parquet", [ALICE, BOB])
    (tmp_path / "data" / "b.csv").write_text(BOB)

    assert find(ALICE, tmp_path / "data") == [
        "table audits_outboxentry",
        "table lineage_namespace",
        f"redis key {key}",
        f"file {tmp_path / 'artefacts' / 'model.json'}",
        f"file {data}",
        "places that hold it: 5",
    ]


def test_a_text_that_is_nowhere_is_found_nowhere(find, key, tmp_path):
    make_namespace(ALICE)

    assert find(BOB, write_people(tmp_path / "a.parquet", [ALICE])) == ["found nowhere"]


def test_a_value_in_a_compressed_page_is_found(find, tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table({"note": [f"{BOB} visits", f"{BOB} and {ALICE} visit", f"{BOB} visits"]})
    pq.write_table(table, path, compression="zstd", write_statistics=False)
    assert ALICE.encode() not in path.read_bytes()

    assert find(ALICE, path) == [f"file {path}", "places that hold it: 1"]


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_text_would_be_everywhere_so_it_is_refused(find, text):
    assert find(text) == ["no text on standard input"]


def test_a_file_that_is_not_there_is_not_a_file_without_the_text(find, tmp_path):
    assert find(ALICE, tmp_path / "gone") == [f"{tmp_path / 'gone'} is not there"]


def test_a_file_that_cannot_be_decoded_is_refused(find, tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1, and then nothing")

    (said,) = find(ALICE, tmp_path)
    assert said.startswith("PartCorrupt")


def test_more_than_one_text_is_refused_before_anything_is_searched(find):
    assert find(f"{ALICE}\n{BOB}") == ["more than one line on standard input: one text at a time"]
