import gzip
import io
import json
import stat
import sys

import pytest
from django.core.management import CommandError, call_command

from deletion.models import DeletionRequest, Import, RequestIdentifier
from tests.cast import ALICE, BOB
from tests.deletion.builders import events
from tests.lineage.builders import PATIENT_ID, make_namespace, pseudonym

pytestmark = pytest.mark.django_db

HEADER = f"regime,verification,value:{PATIENT_ID}\n"


@pytest.fixture(autouse=True)
def patients():
    make_namespace(PATIENT_ID)


@pytest.fixture
def run(tmp_path):
    """Run the command on a file; return its answers, what it told, and its exit code."""

    def call(file, *words, key="monday"):
        results, told = tmp_path / "answers.ndjson", io.StringIO()
        code = 0
        try:
            call_command(
                "import_requests",
                str(file),
                f"--key={key}",
                f"--results={results}",
                *words,
                stderr=told,
            )
        except CommandError as refusal:
            code = refusal.returncode
            told.write(str(refusal))
        answers = results.read_text().splitlines() if results.exists() else []
        return [json.loads(one) for one in answers], told.getvalue(), code

    return call


@pytest.fixture
def people(tmp_path):
    """Write a file of people."""

    def write(*values, name="people.csv"):
        text = HEADER + "".join(f"gdpr,operator-attested,{value}\n" for value in values)
        file = tmp_path / name
        file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return file

    return write


def test_a_file_opens_a_request_a_line_and_again_opens_nothing(run, people):
    file = people(ALICE, BOB, name="people.csv.gz")

    answers, told, code = run(file)
    again, told_again, code_again = run(file)

    assert [one["result"] for one in answers] == ["accepted", "accepted", "finished"]
    assert [one["result"] for one in again] == ["known", "known", "finished"]
    assert again[0]["id"] == answers[0]["id"]
    assert (code, code_again) == (0, 0)
    assert "2 lines: 2 accepted, 0 known, 0 refused" in told
    assert "2 lines: 0 accepted, 2 known, 0 refused" in told_again
    assert Import.objects.filter(source="command", started_by="command:import_requests")
    assert ALICE not in told


def test_only_the_operator_may_read_the_receipts(run, people, tmp_path):
    run(people(ALICE))

    assert stat.S_IMODE((tmp_path / "answers.ndjson").stat().st_mode) == 0o600


def test_refused_lines_and_broken_files_end_with_codes_of_their_own(run, people, tmp_path):
    broken = tmp_path / "broken.csv"
    broken.write_bytes(people(ALICE).read_bytes() + b"\xff\n")

    _, told, refused_code = run(people("  ", BOB))
    answers, why, broken_code = run(broken, key="broken")

    assert (refused_code, broken_code) == (3, 4)
    assert "1 refused" in told
    assert "line 3: not UTF-8" in why
    assert [one["result"] for one in answers] == ["accepted", "broken-off"]
    assert RequestIdentifier.objects.filter(pseudonym=pseudonym(ALICE)).exists()


def test_a_check_says_what_would_be_refused_and_opens_nothing(run, people):
    answers, told, code = run(people(ALICE, ALICE, "  "), "--dry-run")

    assert [one["result"] for one in answers] == ["acceptable", "acceptable", "refused", "finished"]
    assert code == 3
    assert "nothing was opened" in told
    assert not DeletionRequest.objects.exists()
    assert events() == ["NamespaceDeclared"]


def test_a_person_named_again_chunks_later_is_merged(run, people):
    answers, _, _ = run(people(ALICE, *(f"p-{n}" for n in range(2500)), ALICE))

    assert {one["result"] for one in answers[:-1]} == {"accepted"}
    merged = DeletionRequest.objects.get(state="merged")
    assert str(merged.pk) == answers[2501]["id"]
    assert str(merged.behind_id) == answers[0]["id"]


def test_lines_come_from_standard_input_too(run, people, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(people(ALICE).read_bytes())))

    answers, _, code = run("-", "--format=csv")

    assert answers[0]["result"] == "accepted"
    assert code == 0


@pytest.mark.parametrize(
    ("file", "words", "why"),
    [
        ("absent.csv", [], "No such file"),
        ("people.txt", [], "--format"),
        ("people.csv", ["--key=two words"], "visible ASCII"),
    ],
)
def test_what_cannot_begin_is_said_in_one_line(run, file, words, why):
    answers, told, code = run(file, *words)

    assert (answers, code) == ([], 1)
    assert why in told
    assert not Import.objects.exists()
