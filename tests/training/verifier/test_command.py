import json
import subprocess
import sys
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from audits.statements import sign
from tests.training.builders import right_now
from tests.training.test_manifests import SERVED
from tests.training.verifier.test_checking import ARTEFACT, INPUTS, SIGNER, key_of, released
from training.manifests import stop_statement, withdrawals_statement
from training.verifier.__main__ import main

ROOT = Path(__file__).parents[3]


@pytest.fixture
def asked(tmp_path):
    """Return what the command is called with, and the files that it reads."""
    now = right_now()
    current = released(as_of=now - timedelta(hours=1), qualified_until=now + timedelta(days=1))
    (tmp_path / "statement").write_text(json.dumps(current))
    (tmp_path / "artefact").write_bytes(ARTEFACT)
    (tmp_path / "inputs").write_text(json.dumps(INPUTS))
    words = ["--model", "triage", "--use", "bed-planning", "--key", key_of(SIGNER).text]
    for name in ("statement", "artefact", "inputs", "state"):
        words += [f"--{name}", str(tmp_path / name)]
    return words


def test_the_command_runs_where_django_is_not_installed(asked):
    without = (
        "import sys; sys.modules['django'] = None; sys.modules['rest_framework'] = None;"
        "from training.verifier.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )

    ended = subprocess.run(
        [sys.executable, "-c", without, *asked],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("allowed: triage version 3, until ")


def test_a_refusal_has_a_name_and_says_what_answers_instead(asked, tmp_path, capsys):
    (tmp_path / "artefact").write_bytes(b"other weights")

    assert main(asked) == 1

    said = capsys.readouterr().out.splitlines()
    assert said == [
        "refused, tampered artefact: it is not the artefact of version 3",
        'fallback: {"label": "well"}',
    ]


def test_a_stop_that_was_seen_is_not_forgotten(asked, tmp_path, capsys):
    before = (tmp_path / "statement").read_text()
    assert main(asked) == 0
    now = right_now()
    stop = sign(stop_statement(SERVED, why="it harms", since=now, as_of=now), signer=SIGNER)
    (tmp_path / "statement").write_text(json.dumps(stop))
    assert main(asked) == 1

    (tmp_path / "statement").write_text(before)

    assert main(asked) == 1
    assert main([*asked, "--unreachable"]) == 1
    said = [line for line in capsys.readouterr().out.splitlines() if "refused" in line]
    assert [line.split(":")[0] for line in said] == [
        "refused, withdrawn",
        "refused, rolled back",
        "refused, rolled back",
    ]


def test_without_a_word_from_lethe_the_kept_statement_counts_for_a_while(asked, tmp_path, capsys):
    unreachable = [*asked, "--unreachable"]
    assert main(unreachable) == 1
    assert "no statement about the model was ever confirmed here" in capsys.readouterr().out
    assert main(asked) == 0
    assert main(unreachable) == 0

    known = json.loads((tmp_path / "state").read_text())
    known["triage"]["confirmed_at"] = (right_now() - timedelta(hours=2)).isoformat()
    (tmp_path / "state").write_text(json.dumps(known))

    assert main(unreachable) == 1
    assert "refused, unconfirmed" in capsys.readouterr().out


def test_a_list_of_withdrawals_is_held_against_the_artefact(asked, tmp_path, capsys):
    now = right_now()
    gone = withdrawals_statement(SERVED, {3: sha256(ARTEFACT).hexdigest()}, as_of=now)
    (tmp_path / "gone").write_text(json.dumps(sign(gone, signer=SIGNER)))

    assert main([*asked, "--withdrawals", str(tmp_path / "gone")]) == 1
    assert "refused, withdrawn: version 3 is on the list" in capsys.readouterr().out
    (tmp_path / "gone").write_text("{")
    assert main([*asked, "--withdrawals", str(tmp_path / "gone")]) == 1
    assert "refused, tampered statement: gone cannot be read" in capsys.readouterr().out


@pytest.mark.parametrize("broken", ["artefact", "inputs", "key"])
def test_what_cannot_be_read_is_one_clear_line(asked, tmp_path, capsys, broken):
    words = list(asked)
    if broken == "key":
        words[words.index("--key") + 1] = "nonsense"
    else:
        (tmp_path / broken).unlink()

    with pytest.raises(SystemExit) as ended:
        main(words)

    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err
