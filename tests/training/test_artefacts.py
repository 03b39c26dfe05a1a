import os
import stat
from hashlib import sha256
from pathlib import Path

import pytest

from training import artefacts
from training.errors import ArtefactMismatch


def test_what_is_kept_is_read_again(tmp_path):
    digest = artefacts.keep(tmp_path, "7/snapshots/a.json", b"data")

    assert digest == sha256(b"data").hexdigest()
    assert artefacts.load(tmp_path, "7/snapshots/a.json", digest=digest) == b"data"


def test_nobody_else_may_read_it(tmp_path):
    artefacts.keep(tmp_path, "7/a.json", b"data")

    assert stat.S_IMODE((tmp_path / "7").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "7" / "a.json").stat().st_mode) == 0o600


def test_a_changed_byte_is_found_out(tmp_path):
    digest = artefacts.keep(tmp_path, "a.json", b"data")
    (tmp_path / "a.json").write_bytes(b"dada")

    with pytest.raises(ArtefactMismatch, match="not as it was written"):
        artefacts.load(tmp_path, "a.json", digest=digest)


def test_a_file_that_is_gone_cannot_be_read(tmp_path):
    with pytest.raises(ArtefactMismatch, match="No such file"):
        artefacts.load(tmp_path, "a.json", digest="")


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(OSError, match="No space"):
        artefacts.keep(tmp_path, "7/a.json", b"data")

    assert list((tmp_path / "7").iterdir()) == []


def test_destroying_removes_and_looks_again(tmp_path):
    artefacts.keep(tmp_path, "7/a.json", b"data")
    artefacts.keep(tmp_path, "7/b.json", b"data")

    assert artefacts.destroy(tmp_path, "7/a.json") is True
    assert artefacts.destroy(tmp_path, "7/a.json") is False
    assert artefacts.destroy(tmp_path, "8/a.json") is False
    assert [path.name for path in (tmp_path / "7").iterdir()] == ["b.json"]


def test_a_file_that_stays_is_not_called_destroyed(tmp_path, monkeypatch):
    artefacts.keep(tmp_path, "a.json", b"data")
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)

    with pytest.raises(ArtefactMismatch, match="still there"):
        artefacts.destroy(tmp_path, "a.json")


def test_files_that_no_row_names_are_listed(tmp_path):
    for name in ("7/snapshots/a.json", "7/versions/b.json", "8/c.json"):
        artefacts.keep(tmp_path, name, b"data")
    (tmp_path / "7" / "snapshots" / ".lethe-staging-x").write_bytes(b"left behind")

    found = artefacts.strays(tmp_path, "7", known={"7/snapshots/a.json"})

    assert found == ["7/snapshots/.lethe-staging-x", "7/versions/b.json"]


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../a", "7/../../a"])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    with pytest.raises(ArtefactMismatch, match="leads out"):
        artefacts.load(tmp_path, name, digest="")
