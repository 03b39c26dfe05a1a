"""Reads .env.example: what it documents is what the tests try."""

import re
from dataclasses import dataclass
from hashlib import sha256

from config.keys import KEYS
from config.settings import BASE_DIR

EXAMPLE = BASE_DIR / ".env.example"
LINE = re.compile(r"(?P<optional>#)?(?P<name>[A-Z][A-Z_]*)=(?P<value>.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Documented:
    """One setting as .env.example shows it."""

    section: str
    name: str
    value: str
    optional: bool
    about: str


def example_settings() -> list[Documented]:
    """Return the settings of .env.example: a paragraph of comment, then `NAME=value`."""
    found = []
    section = ""
    about: list[str] = []
    for line in EXAMPLE.read_text().splitlines():
        if shown := LINE.fullmatch(line):
            found.append(
                Documented(
                    section=section,
                    name=shown["name"].removesuffix("_FILE"),
                    value=shown["value"],
                    optional=bool(shown["optional"]),
                    about=" ".join(about),
                )
            )
            about = []
        elif line.startswith("## "):
            section, about = line.removeprefix("## "), []
        elif line.startswith("# "):
            about.append(line.removeprefix("# "))
        else:
            about = []
    return found


def production_environment() -> dict[str, str]:
    """Return what .env.example documents, with made-up secrets instead of files."""
    secrets = {name: sha256(name.encode()).hexdigest() for name in (*KEYS, "SECRET_KEY")}
    documented = {setting.name: setting.value for setting in example_settings()}
    return {**documented, **secrets}
