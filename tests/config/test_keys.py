import io
import stat

import pytest
from django.core.management import CommandError, call_command

from config.environment import key
from config.keys import KEYS, KeyExists, generate


def test_every_key_is_fresh_and_only_its_owner_can_read_it(tmp_path):
    files = generate(tmp_path / "keys")

    written = [path.read_text().strip() for path in files.values()]
    assert set(files) == {*KEYS, "SECRET_KEY"}
    assert len(set(written)) == len(files)
    assert all(len(key(text)) == 32 for text in written)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_keys_that_are_there_are_never_overwritten(tmp_path):
    kept = generate(tmp_path)["SHARD_KEY"].read_text()

    with pytest.raises(KeyExists):
        generate(tmp_path)

    assert (tmp_path / "shard_key").read_text() == kept


def test_the_command_prints_the_settings_that_name_the_files(tmp_path):
    out = io.StringIO()

    call_command("generate_keys", str(tmp_path / "keys"), stdout=out)

    lines = dict(line.split("=") for line in out.getvalue().splitlines())
    assert set(lines) == {f"{name}_FILE" for name in (*KEYS, "SECRET_KEY")}
    assert lines["SHARD_KEY_FILE"] == str(tmp_path / "keys" / "shard_key")


def test_a_second_run_is_refused_in_one_line(tmp_path):
    call_command("generate_keys", str(tmp_path), stdout=io.StringIO())

    with pytest.raises(CommandError, match="holds keys already"):
        call_command("generate_keys", str(tmp_path))


def test_a_folder_that_cannot_be_written_is_refused_in_one_line(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(CommandError, match="cannot write there"):
        call_command("generate_keys", str(tmp_path / "file" / "keys"))
