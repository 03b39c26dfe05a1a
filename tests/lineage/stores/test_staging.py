import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lineage.stores.errors import ChangedMeanwhile, NotSafelyErasable, StoreUnreadable
from lineage.stores.local import PREFIX, Identity, identity_of
from lineage.stores.protocol import Step
from lineage.stores.staging import purge, staging
from tests.cast import ALICE, BOB
from tests.lineage.stores.builders import CLARA, Steps, csv, leftovers, parquet, people, write
from tests.lineage.stores.marks import wanted

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file grow beyond a size, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_full_disk_is_said_and_the_file_left_alone(tmp_path, suffix):
    path = write(tmp_path / f"a{suffix}", people())
    if suffix == ".csv":
        path.write_text(f"user\n{ALICE}\n" + "bystander\n" * 10_000)
    store = parquet(path) if suffix == ".parquet" else csv(path)
    before = path.read_bytes()

    with room_for(100), pytest.raises(StoreUnreadable, match="File too large"):
        store.erase(path.name, wanted(ALICE), progress=Steps())

    assert path.read_bytes() == before
    assert leftovers(tmp_path) == []


def test_a_staging_file_that_vanishes_is_another_workers_doing(tmp_path):
    path = write(tmp_path / "a.parquet", people())
    before = path.read_bytes()

    def vanish() -> None:
        (name,) = leftovers(tmp_path)
        (tmp_path / name).unlink()

    with pytest.raises(ChangedMeanwhile, match="another worker"):
        parquet(path).erase("a.parquet", wanted(ALICE), progress=Steps(act={Step.VERIFIED: vanish}))

    assert path.read_bytes() == before


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_worker_that_was_overtaken_cannot_bring_an_old_state_back(tmp_path, monkeypatch, suffix):
    path = write(tmp_path / f"a{suffix}", people())
    if suffix == ".csv":
        path.write_text(f"user\n{ALICE}\n{BOB}\n{CLARA}\n")
    open_it = parquet if suffix == ".parquet" else csv
    assert {ALICE, BOB, CLARA} <= set(open_it(path).read(path.name)["user"].to_pylist())

    def overtaken(target: Path) -> Identity:
        """Answer the slow worker's last look, and let others do all their work before its swap."""
        seen = identity_of(target)
        monkeypatch.undo()
        open_it(path).erase(path.name, wanted(ALICE), progress=Steps())
        open_it(path).erase(path.name, wanted(CLARA), progress=Steps())
        return seen

    monkeypatch.setattr("lineage.stores.staging.identity_of", overtaken)
    with pytest.raises(ChangedMeanwhile, match="another worker"):
        open_it(path).erase(path.name, wanted(ALICE), progress=Steps())

    assert set(open_it(path).read(path.name)["user"].to_pylist()) == {BOB}
    assert leftovers(tmp_path) == []


@as_root
def test_the_owner_of_the_file_is_kept(tmp_path):
    path = write(tmp_path / "a.parquet", people())
    os.chown(path, NOBODY, NOBODY)

    parquet(path).erase("a.parquet", wanted(ALICE), progress=Steps())

    assert (path.stat().st_uid, path.stat().st_gid) == (NOBODY, NOBODY)


@as_root
def test_a_worker_that_cannot_keep_the_owner_refuses(tmp_path):
    path = write(tmp_path / "data" / "a.parquet", people())
    path.parent.chmod(0o777)
    for parent in [*path.parents][1:4]:
        parent.chmod(0o755)
    before = path.read_bytes()

    os.seteuid(NOBODY)
    try:
        with pytest.raises(NotSafelyErasable, match="run the worker as the owner"):
            parquet(path).erase("a.parquet", wanted(ALICE), progress=Steps())
    finally:
        os.seteuid(0)

    assert path.read_bytes() == before
    assert leftovers(tmp_path) == []


def test_only_our_own_stale_files_are_purged(tmp_path):
    (tmp_path / f"{PREFIX}stale").touch()
    (tmp_path / ".somebody-elses").touch()
    target = tmp_path / "a"
    target.touch()

    with staging(target):
        assert purge(tmp_path) == 1
        assert len(leftovers(tmp_path)) == 1

    assert purge(tmp_path) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [".somebody-elses", "a"]


def test_a_stale_file_that_cannot_be_removed_is_said(tmp_path):
    (tmp_path / f"{PREFIX}folder").mkdir()

    with pytest.raises(StoreUnreadable, match="stale staging file"):
        purge(tmp_path)
