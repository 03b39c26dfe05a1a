import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.lineage.builders import recorded
from tests.training.builders import make_patients
from training.models import GateDeclaration

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path):
    make_patients(tmp_path / "patients")
    return tmp_path / "rules.json"


def run(capsys, *words):
    call_command("declare_gates", "patients", *map(str, words))
    printed: str = capsys.readouterr().out
    return printed


def test_gates_are_declared_from_a_file_or_the_input_and_shown(file, capsys, monkeypatch):
    rules = {"columns": {"age": {"least": 0}}}
    file.write_text(json.dumps(rules))
    monkeypatch.setattr("sys.stdin", StringIO(json.dumps(rules)))

    first = run(capsys, file)
    again = run(capsys, "-")
    shown = run(capsys, "--show")

    assert first == again == "gates of patients: declaration 1, 1 columns\n"
    assert json.loads(shown)["columns"] == {
        "age": {"least": 0.0, "outside_permille": 0, "may_go": False}
    }
    assert recorded("GatesDeclared")[0]["actor"] == "command:declare_gates"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not a readable JSON file"),
        ("[" * 100_000, "not a readable JSON file"),
        ("[]", "not a JSON object"),
        ('{"drift": {"most": 0}}', r"GatesInvalid: .*\(drift\.most: a number from 0\.01 to 100\)"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_one_line(file, capsys, text, reason):
    file.write_text(text)

    with pytest.raises(CommandError, match=reason) as refused:
        run(capsys, file)

    assert "\n" not in str(refused.value)
    assert not GateDeclaration.objects.exists()


def test_a_file_that_is_not_there_is_refused(file, capsys):
    with pytest.raises(CommandError, match="not a readable JSON file"):
        run(capsys, file)
