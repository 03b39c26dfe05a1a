import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from audits.actions import seal
from audits.queries import newest_checkpoint, trail_signer
from tests.audits.builders import record_many
from tests.audits.test_api import record_request
from tests.audits.test_bundle import CERTIFIER, STRANGER, TRAIL, write
from tests.cast import MONDAY


def manage(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command as an auditor does, who has none of our settings."""
    return subprocess.run(
        [sys.executable, "manage.py", *map(str, arguments)],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_bundle_is_verified_without_database_and_settings(tmp_path):
    write(tmp_path)

    done = manage("verify_bundle", tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == (
        "verified: RequestCompleted about request/1 at 2026-01-05 00:00:00 UTC"
    )


def test_a_forged_bundle_is_refused_in_one_line_with_an_exit_code(tmp_path):
    write(tmp_path)
    (tmp_path / "leaf.json").write_bytes(b"{}")

    done = manage("verify_bundle", tmp_path)

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "CommandError: refused: the entry is not in the trail that the checkpoint describes"
    ]
    assert "verified" not in done.stdout


def test_each_check_is_told_and_unpinned_keys_are_shown(tmp_path, capsys):
    write(tmp_path)

    call_command("verify_bundle", str(tmp_path))

    told = capsys.readouterr().out
    assert told.count("ok: ") == 5
    assert f"--trail-key\n      {TRAIL.verifier_key.text}" in told
    assert f"--key\n      {CERTIFIER.verifier_key.text}" in told


def test_pinned_keys_need_no_note(tmp_path, capsys):
    write(tmp_path)

    call_command(
        "verify_bundle",
        str(tmp_path),
        trail_key=TRAIL.verifier_key.text,
        key=CERTIFIER.verifier_key.text,
    )

    assert "note:" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"key": STRANGER.verifier_key.text}, "not the one that was asked for"),
        ({"trail_key": "not a key"}, "verifier key is not"),
        ({"checkpoint": Path("kept")}, "with an exported trail only"),
    ],
)
def test_what_was_asked_for_and_is_not_so_is_refused(tmp_path, options, reason):
    write(tmp_path)

    with pytest.raises(CommandError, match=reason):
        call_command("verify_bundle", str(tmp_path), **options)


@pytest.mark.django_db
def test_an_exported_trail_is_verified_against_an_older_checkpoint(tmp_path, capsys):
    record_many(300)
    seal(now=MONDAY)
    kept = newest_checkpoint()
    assert kept
    (tmp_path / "kept").write_text(kept.note)
    record_many(300, begin=300)
    seal(now=MONDAY)

    call_command("export_trail", str(tmp_path / "trail"))
    assert "facts: 600, files: 9, in " in capsys.readouterr().out

    call_command("verify_bundle", str(tmp_path / "trail"), checkpoint=tmp_path / "kept")
    told = capsys.readouterr().out
    assert "begins with the 300 facts of the older checkpoint" in told
    assert "--trail-key" in told
    assert told.splitlines()[-1] == "verified: the trail lethe.example/trail/1, 600 facts"

    call_command(
        "verify_bundle", str(tmp_path / "trail"), trail_key=trail_signer().verifier_key.text
    )
    assert "--trail-key" not in capsys.readouterr().out


@pytest.mark.django_db
def test_a_trail_is_exported_into_an_empty_folder_only(tmp_path):
    (tmp_path / "file").touch()
    record_many(1)
    seal(now=MONDAY)

    with pytest.raises(CommandError, match="is not empty"):
        call_command("export_trail", str(tmp_path))


@pytest.mark.django_db
def test_an_unsealed_trail_is_not_exported(tmp_path):
    record_many(1)

    with pytest.raises(CommandError, match="no checkpoint yet"):
        call_command("export_trail", str(tmp_path))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("form", "begins"), [("csv", b"request_id,"), ("json", b"{"), ("pdf", b"%PDF")]
)
def test_a_report_is_written_into_a_file(tmp_path, capsys, form, begins):
    record_request("1")
    seal(now=MONDAY)
    record_request("2")

    call_command("export_report", format=form, out=tmp_path / "report", since=MONDAY.date())

    assert (tmp_path / "report").read_bytes().startswith(begins)
    assert capsys.readouterr().out.splitlines() == [
        f"requests: 1, as of checkpoint 1, in {tmp_path / 'report'}",
        "left out, since not sealed yet: 1 facts",
    ]


@pytest.mark.django_db
def test_a_report_of_nothing_is_a_report(tmp_path, capsys):
    call_command("export_report", f"--out={tmp_path / 'report'}", "--format=json")

    assert capsys.readouterr().out.startswith("requests: 0, as of checkpoint 0, in ")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--format=csv", "--out=/nowhere/report"], "cannot be written"),
        (["--format=csv", "--out=/nowhere/report", "--since=monday"], "not a day"),
        (["--format=xls", "--out=/nowhere/report"], "invalid choice"),
    ],
)
def test_a_report_that_cannot_be_written_is_an_error(arguments, reason):
    with pytest.raises(CommandError, match=reason):
        call_command("export_report", *arguments)
