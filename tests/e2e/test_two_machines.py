"""Two worker machines drain together, and one that is cut off changes nothing about the result."""

import json
import subprocess
import sys

import pytest

from benchmarks.survival.machines import refusal
from scripts.local_servers import ROOT
from tests.e2e.world import bare_environment

WHY_NOT = refusal()
pytestmark = [pytest.mark.e2e, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]


def test_a_machine_that_is_cut_off_in_the_middle_loses_and_doubles_nothing():
    ended = subprocess.run(
        [sys.executable, "benchmarks/two_machines.py", "--small", "--json"],
        cwd=ROOT,
        env=bare_environment() | {"PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    figures = {row["name"]: row for row in map(json.loads, ended.stdout.splitlines())}
    missed = {name for name, row in figures.items() if row["met"] is False}
    assert (ended.returncode, missed) == (0, set()), ended.stderr[-4000:]
    assert figures["parts done by worker-a"]["met"]
    assert figures["late results refused or never delivered"]["met"]
