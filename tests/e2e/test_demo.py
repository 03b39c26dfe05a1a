"""The demo ends well, and shows what README.md shows, but for its numbers."""

import re
import subprocess
import sys

import pytest

from scripts.local_servers import ROOT
from tests.e2e.world import bare_environment

pytestmark = pytest.mark.e2e


def without_numbers(text: str) -> list[str]:
    """Return the lines with every number, plan digest and date in one spelling."""
    plain = re.sub(r"plan [0-9a-f]+…", "plan #…", text)
    plain = re.sub(r"due \d+ \w+", "due #", plain)
    return [re.sub(r"[\d.,]*\d", "#", line.strip()) for line in plain.splitlines() if line.strip()]


def shown_in_readme() -> str:
    block = re.search(r"```\n( 1 ✓.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block
    return block[1]


def test_the_demo_ends_well_and_prints_what_the_readme_shows():
    ended = subprocess.run(
        [
            *(sys.executable, "scripts/local_servers.py", "--scratch", "--"),
            *(sys.executable, "manage.py", "demo", "--once"),
        ],
        cwd=ROOT,
        env=bare_environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    printed, _, _ = ended.stdout.partition("Done in")
    assert set(without_numbers(printed)) == set(without_numbers(shown_in_readme()))


def test_numbers_may_differ_and_words_may_not():
    assert without_numbers("plan 9846458ad295… · 3 of 8") == without_numbers("plan ab… · 2 of 16")
    assert without_numbers("2 of 8 shards") != without_numbers("2 of 8 shades")
