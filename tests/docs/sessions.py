"""Does what a page of the documentation shows, in a playground, as its reader would."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.local_servers import ROOT
from tests.docs.transcripts import Shown, agrees, shown_in

LONGEST_SECONDS: Final = 180
END: Final = "=== end of one command ==="
MAKE: Final = re.compile(r"(?P<settings>(?:[A-Z_]+=\S+ )*)make (?P<target>\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One command of a page, and what it really printed."""

    shown: Shown
    printed: str

    @property
    def as_promised(self) -> bool:
        return agrees(self.shown.output, self.printed)


def pages() -> list[Path]:
    """Return the pages whose commands are run."""
    folders = [ROOT / "docs" / "tutorial", ROOT / "docs" / "how-to"]
    return [ROOT / "README.md", *sorted(page for folder in folders for page in folder.glob("*.md"))]


def commands_of(page: Path) -> list[Shown]:
    """Return the commands of a page that run inside a playground.

    Those of `make` do not: they make the playground, or install what is running this test.
    """
    return [shown for shown in shown_in(page) if not MAKE.match(shown.command)]


def settings_of(page: Path) -> dict[str, str]:
    """Return the settings with which a page starts its playground."""
    made = [MAKE.match(shown.command) for shown in shown_in(page)]
    settings = [found["settings"] for found in made if found and found["target"] == "playground"]
    return dict(each.split("=", 1) for written in settings for each in written.split())


def perform(
    commands: Sequence[Shown],
    *,
    environment: Mapping[str, str],
    patience_seconds: float = LONGEST_SECONDS,
) -> list[Done]:
    """Run commands one after the other in one shell; who takes too long ends the session."""
    script = "".join(
        f"{{\n{shown.command}\n}} </dev/null 2>&1\nprintf '\\n{END}\\n'\n" for shown in commands
    )
    try:
        printed = subprocess.run(
            ["bash", "-c", script],
            cwd=ROOT,
            # A reader's shell has no such variable; it would hide output that is out of order.
            env={name: environment[name] for name in environment.keys() - {"PYTHONUNBUFFERED"}},
            stdout=subprocess.PIPE,
            text=True,
            timeout=patience_seconds,
            check=False,
        ).stdout
    except subprocess.TimeoutExpired as late:
        so_far = (late.stdout or b"").decode(errors="replace")
        printed = f"{so_far}\nno end after {patience_seconds:.0f} s\n"
    outputs = printed.split(f"\n{END}\n")
    return [
        Done(shown=shown, printed=outputs[place] if place < len(outputs) else "never came to this")
        for place, shown in enumerate(commands)
    ]


def told(done: Sequence[Done]) -> str:
    """Return the first command that does not do what its page promises; empty if all do."""
    for each in done:
        if not each.as_promised:
            return (
                f"$ {each.shown.command}\n--- the page promises\n{each.shown.output}\n"
                f"--- this was printed\n{each.printed.strip()}\n"
            )
    return ""
