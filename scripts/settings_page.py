"""Turns .env.example into docs/reference/settings.md. Standard library only.

python scripts/settings_page.py > docs/reference/settings.md
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

EXAMPLE: Final = Path(__file__).resolve().parent.parent / ".env.example"
LINE: Final = re.compile(r"(?P<optional>#)?(?P<name>[A-Z][A-Z_]*)=(?P<value>.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Documented:
    """One setting as .env.example shows it."""

    section: str
    written: str  # the name, or NAME_FILE
    value: str  # for production; the default if the setting is optional
    optional: bool
    about: str

    @property
    def name(self) -> str:
        """Return what the setting is called in the code."""
        return self.written.removesuffix("_FILE")


def settings_in(example: str) -> Iterator[Documented]:
    """Read the settings: a heading `## …`, then paragraphs of comment that end in `NAME=value`."""
    section = ""
    about: list[str] = []
    for line in example.splitlines():
        if shown := LINE.fullmatch(line):
            yield Documented(
                section=section,
                written=shown["name"],
                value=shown["value"],
                optional=bool(shown["optional"]),
                about=" ".join(about),
            )
            about = []
        elif line.startswith("## "):
            section, about = line.removeprefix("## "), []
        elif line.startswith("# "):
            about.append(line.removeprefix("# "))
        else:
            about = []


def page_of(settings: list[Documented]) -> str:
    """Return the reference page."""
    lines = [
        "# Settings",
        "",
        "Every setting is an environment variable. `NAME_FILE` may name a file that holds the",
        "value of `NAME`; the newline at its end does not count. All mistakes are reported at",
        "once, without any value. This page is made from [.env.example](../../.env.example),",
        "which shows values as for production.",
    ]
    for section, each in groupby(settings, key=lambda setting: setting.section):
        lines += ["", f"## {section}", "", "| name | value | meaning |", "|---|---|---|"]
        for setting in each:
            shown = f"`{setting.value}`" if setting.value else "empty"
            kind = "default" if setting.optional else "for example"
            lines.append(f"| `{setting.written}` | {kind} {shown} | {setting.about} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page_of([*settings_in(EXAMPLE.read_text())]))
