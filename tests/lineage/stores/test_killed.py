"""A process killed at any moment leaves the old file or the new one, and the next run finishes."""

import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from lineage.stores.protocol import Step
from tests.cast import ALICE
from tests.lineage.stores.builders import Steps, csv, leftovers, parquet, people, write
from tests.lineage.stores.marks import wanted
from tests.lineage.stores.victim import WHILE_WRITING

OLD = [Step.FOUND, WHILE_WRITING, Step.STAGED, Step.VERIFIED]
NEW = [Step.SWAPPED, Step.PURGED]


def make(folder: Path, suffix: str) -> Path:
    """Write a file that is larger than the limit under which the victim writes."""
    folder.mkdir(parents=True)
    if suffix == ".parquet":
        return write(folder / "a.parquet", people(n=pa.array(range(5))))
    path = folder / "a.csv"
    rows = "".join(f"{row['user']},{row['city']}\n" for row in people().to_pylist())
    path.write_text(f"user,city\n{rows}")
    return path


def erase(path: Path) -> None:
    store = parquet(path) if path.suffix == ".parquet" else csv(path)
    store.erase(path.name, wanted(ALICE), progress=Steps())
    assert store.prove_absent(path.name, wanted(ALICE))


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
@pytest.mark.parametrize("moment", [*OLD, *NEW])
def test_killed_at_any_step_the_file_is_old_or_new_and_the_next_run_converges(
    tmp_path, suffix, moment
):
    expected = make(tmp_path / "expected", suffix)
    path = make(tmp_path / "data", suffix)
    old = path.read_bytes()
    erase(expected)
    new = expected.read_bytes()
    assert old != new

    victim = subprocess.run(  # our own module
        [sys.executable, "-m", "tests.lineage.stores.victim", str(path), moment, ALICE],
        check=False,
    )

    killed_by = signal.SIGXFSZ if moment == WHILE_WRITING else signal.SIGKILL
    assert victim.returncode == -killed_by
    assert path.read_bytes() == (old if moment in OLD else new)
    has_leftover = moment in {WHILE_WRITING, Step.STAGED, Step.VERIFIED}
    assert len(leftovers(tmp_path)) == has_leftover

    erase(path)

    assert path.read_bytes() == new
    assert leftovers(tmp_path) == []
