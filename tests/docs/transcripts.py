"""Reads `console` blocks out of documentation pages and compares what they show with what happens.

A block holds commands (`$ ` begins one, `> ` continues it) and the output they print. In the output
`…` stands for any text within a line, and a line that is only `…` for any number of lines.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One command of a page and the output that the page promises."""

    command: str
    output: str


def shown_in(page: Path) -> list[Shown]:
    """Return the commands of a page in order."""
    return [shown for block in BLOCK.findall(page.read_text()) for shown in _commands(block)]


def _commands(block: str) -> Iterator[Shown]:
    command: list[str] = []
    output: list[str] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            if command:
                yield Shown(command="\n".join(command), output="\n".join(output))
            command, output = [line.removeprefix("$ ")], []
        elif line.startswith("> ") and not output:
            command.append(line.removeprefix("> "))
        else:
            output.append(line)
    if command:
        yield Shown(command="\n".join(command), output="\n".join(output))


def agrees(expected: str, actual: str) -> bool:
    """Say whether an output is what a page promises, with `…` standing for anything."""
    pattern = ""
    for line in expected.strip("\n").splitlines():
        if line.strip() == "…":
            pattern += r"(?:.*\n)*"
        else:
            pattern += ".*".join(re.escape(part) for part in line.rstrip().split("…")) + r"[ \t]*\n"
    return (
        re.fullmatch(pattern, actual.strip("\n") + "\n" if actual.strip("\n") else "") is not None
    )
