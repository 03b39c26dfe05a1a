"""Every command of README.md, the tutorial and the how-to pages prints what the page shows."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from _pytest.mark.structures import ParameterSet

from scripts.local_servers import ROOT
from tests.docs.sessions import commands_of, pages, perform, settings_of, told
from tests.docs.transcripts import Shown

PAGES = {str(page.relative_to(ROOT)): page for page in pages() if commands_of(page)}


def by_settings() -> Iterator[ParameterSet]:
    """Yield the pages, those with the same settings together and with one and the same object.

    Pytest keeps a fixture from test to test as long as its parameter stays the very same object.
    """
    wanted = {name: tuple(sorted(settings_of(page).items())) for name, page in PAGES.items()}
    objects = {settings: settings for settings in wanted.values()}
    for settings in sorted(objects):
        for name, page in PAGES.items():
            if wanted[name] == settings:
                yield pytest.param(objects[settings], page, id=name)


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


@pytest.fixture(scope="module")
def inside(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Return the environment in one playground for all pages that want the same settings."""
    with playground(dict(request.param)) as environment:
        assert answers(environment["LETHE_ADDRESS"])
        yield environment
    assert not answers(environment["LETHE_ADDRESS"])
    assert not Path(environment["PLAYGROUND"]).exists()


@pytest.mark.e2e
@pytest.mark.parametrize(("inside", "page"), [*by_settings()], indirect=["inside"])
def test_a_page_shows_what_happens(inside: dict[str, str], page: Path):
    own = Path(inside["PLAYGROUND"]) / page.stem  # the pages share a Lethe, but no file
    own.mkdir()

    done = perform(commands_of(page), environment={**inside, "PLAYGROUND": str(own)})

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
