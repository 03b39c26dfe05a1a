"""Every command of README.md, the tutorial and the how-to pages prints what the page shows."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from scripts.local_servers import ROOT
from tests.docs.sessions import commands_of, pages, perform, settings_of, told
from tests.docs.transcripts import Shown

PAGES = {str(page.relative_to(ROOT)): page for page in pages() if commands_of(page)}


# What these show would be different beside other pages' people.
NEED_AN_EMPTY_ONE = {"docs/tutorial/first-deletion.md", "docs/how-to/your-own-data.md"}

Wanted = tuple[tuple[str, str], ...]


def wanted_by(name: str) -> tuple[str, Wanted]:
    """Return which playground a page is run in."""
    alone = name if name in NEED_AN_EMPTY_ONE else ""
    return alone, tuple(sorted(settings_of(PAGES[name]).items()))


IN_ORDER: list[str] = sorted(PAGES, key=wanted_by)


@contextmanager
def playground(settings: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Start a playground as a reader does; what is handed out is the environment inside."""
    host = subprocess.Popen(
        [
            *(sys.executable, "scripts/playground.py", "--"),
            *("sh", "-c", "env -0; printf '\\0\\0'; exec cat >&2"),
        ],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert host.stdin
    assert host.stdout
    try:
        seen = b""
        while not seen.endswith(b"\0\0\0"):
            more = os.read(host.stdout.fileno(), 1 << 16)
            assert more, "the playground does not start"
            seen += more
        yield dict(line.split("=", 1) for line in seen.decode().split("\0") if "=" in line)
        host.stdin.close()  # ends the command
        assert host.wait(timeout=90) == 0
    finally:
        host.stdin.close()
        host.stdout.close()
        if host.poll() is None:
            host.send_signal(signal.SIGTERM)
            host.wait()


def answers(address: str) -> bool:
    try:
        with urlopen(f"{address}/livez", timeout=10):  # noqa: S310  # of our own service
            return True
    except (URLError, OSError):
        return False


class Playgrounds:
    """One playground at a time, for all pages in a row that are run in the same one."""

    def __init__(self) -> None:
        self.running = ExitStack()
        self.wanted: tuple[str, Wanted] | None = None
        self.environment: dict[str, str] = {}

    def environment_for(self, name: str) -> dict[str, str]:
        """Return the environment inside of the playground of a page."""
        wanted = wanted_by(name)
        if wanted != self.wanted:
            self.end()
            self.environment = self.running.enter_context(playground(dict(wanted[1])))
            self.wanted = wanted
            assert answers(self.environment["LETHE_ADDRESS"])
        return self.environment

    def end(self) -> None:
        """End the one that runs, and see that nothing of it is left."""
        self.running.close()
        if self.wanted is not None:
            assert not answers(self.environment["LETHE_ADDRESS"])
            assert not Path(self.environment["PLAYGROUND"]).exists()
        self.wanted = None


@pytest.fixture(scope="module")
def playgrounds() -> Iterator[Playgrounds]:
    """Return the playgrounds of all pages: to start one takes as long as half a page."""
    started = Playgrounds()
    try:
        yield started
    finally:
        started.end()


@pytest.mark.e2e
@pytest.mark.parametrize("name", IN_ORDER)
def test_a_page_shows_what_happens(playgrounds: Playgrounds, name: str):
    inside = playgrounds.environment_for(name)
    own = Path(inside["PLAYGROUND"]) / PAGES[name].stem  # the pages share a Lethe, but no file
    own.mkdir()

    done = perform(commands_of(PAGES[name]), environment={**inside, "PLAYGROUND": str(own)})

    assert told(done) == ""


def test_there_are_pages_to_run():
    assert {"docs/tutorial/first-deletion.md", "docs/how-to/your-own-data.md"} <= PAGES.keys()


def test_a_command_that_prints_something_else_is_told():
    commands = [
        Shown(command="echo one", output="one"),
        Shown(command="NAME=two", output=""),
        Shown(command='echo "$NAME"; cat', output="three"),
    ]

    done = perform(commands, environment=dict(os.environ))

    assert [each.as_promised for each in done] == [True, True, False]
    assert told(done).splitlines()[-1] == "two"


def test_a_command_that_does_not_end_is_told():
    commands = [Shown(command="sleep 60", output="…"), Shown(command="echo after", output="after")]

    done = perform(commands, environment=dict(os.environ), patience_seconds=0.5)

    assert "never came to this" in told(done)


def test_what_makes_the_playground_is_not_run_inside_it(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```console\n$ APPROVE_UP_TO=0 make playground\n…\n$ echo in\nin\n```\n")

    assert [shown.command for shown in commands_of(page)] == ["echo in"]
    assert settings_of(page) == {"APPROVE_UP_TO": "0"}
