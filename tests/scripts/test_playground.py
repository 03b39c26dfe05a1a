import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from scripts.local_servers import ROOT
from scripts.playground import GREETING, without


def test_servers_and_keys_of_ones_own_do_not_reach_a_playground():
    ours = {"DATABASE_URL": "private", "PSEUDONYM_KEY_FILE": "private"}
    own = {
        "DATABASE_URL_FILE": "/run/secrets/production",
        "PSEUDONYM_KEY": "production",
        "DJANGO_SETTINGS_MODULE": "production",
        "APPROVE_UP_TO": "0",
        "HOME": "/anna",
    }

    assert without(ours, own) == {"APPROVE_UP_TO": "0", "HOME": "/anna"}


def test_what_it_says_to_type_first_is_what_the_tutorial_types():
    tutorial = (ROOT / "docs/tutorial/first-deletion.md").read_text()
    typed = [line.strip() for line in GREETING.splitlines() if line.startswith("    ")]

    assert len(typed) == 3
    assert [line for line in typed if line not in tutorial] == []


@pytest.mark.e2e
def test_a_killed_playground_leaves_nothing_behind():
    playground = subprocess.Popen(
        [
            *(sys.executable, "scripts/playground.py", "--"),
            *("sh", "-c", 'echo "$PLAYGROUND $LETHE_ADDRESS"; exec sleep 600'),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert playground.stdout
    folder, address = playground.stdout.readline().split()
    with urlopen(f"{address}/readyz", timeout=10) as answer:  # noqa: S310  # of our own service
        assert answer.status == 200
    assert Path(folder).is_dir()
    assert processes_in(folder)

    playground.send_signal(signal.SIGKILL)
    playground.wait()
    playground.stdout.close()

    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and (Path(folder).exists() or processes_in(folder)):
        time.sleep(0.2)
    assert not Path(folder).parent.exists()
    assert processes_in(folder) == []
    with pytest.raises((URLError, OSError)):
        urlopen(f"{address}/livez", timeout=5)  # noqa: S310  # as above


def processes_in(folder: str) -> list[str]:
    """Return the processes whose environment names the playground's folder."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if re.search(rf"PLAYGROUND={folder}\0", environment.read_text(errors="replace")):
                found.append(environment.parent.name)
        except OSError:  # gone meanwhile, or somebody else's
            continue
    return found
