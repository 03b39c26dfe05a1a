"""What the pages name exists: commands, targets of make, addresses of the API."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands

from scripts.local_servers import ROOT
from scripts.reference import addresses

CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"manage\.py ([a-z_]+)")
TARGET = re.compile(r"(?<![\w./-])make ([a-z]+)")
ADDRESS = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) \"?(/[^\s`?\"]*)")
NUMBER = re.compile(r"\{\w+\}|\$\w+|(?<=/)\d+(?=/|$)")
WITHOUT_ACCOUNT = {("GET", "/livez"), ("GET", "/readyz")}


def written() -> Iterator[Path]:
    yield from ROOT.glob("*.md")
    yield from (ROOT / "docs").rglob("*.md")


def named(pattern: re.Pattern[str], text: str) -> set[Any]:
    """Return what the code in a text names; prose may say anything."""
    return {found for code in CODE.findall(text) for found in pattern.findall(code)}


def missing(pattern: re.Pattern[str], known: Collection[str]) -> dict[str, set[str]]:
    """Return for each page what it names and what is not there."""
    found = {
        str(page.relative_to(ROOT)): named(pattern, page.read_text()) - set(known)
        for page in written()
    }
    return {page: names for page, names in found.items() if names}


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def known_addresses() -> set[tuple[str, str]]:
    """Return every address; a number, or what stands for one, may be any."""
    return {(method, NUMBER.sub("{}", path)) for method, path in addresses()}


def test_every_command_that_a_page_names_exists():
    assert missing(COMMAND, get_commands()) == {}


def test_every_target_that_a_page_names_exists():
    assert missing(TARGET, targets()) == {}


def test_every_address_that_a_page_names_exists():
    known = known_addresses() | WITHOUT_ACCOUNT
    found = {
        (str(page.relative_to(ROOT)), method, path)
        for page in written()
        for method, path in named(ADDRESS, page.read_text())
        if (method, NUMBER.sub("{}", path)) not in known
    }

    assert found == set()


@pytest.mark.parametrize(
    ("text", "pattern", "names"),
    [
        ("Run `manage.py fly_away`.", COMMAND, {"fly_away"}),
        ("```console\n$ python manage.py no_such x\n```\n", COMMAND, {"no_such"}),
        ("We make nothing up, but `make nothing` is code.", TARGET, {"nothing"}),
        ("`POST /api/v1/no-such`", ADDRESS, {("POST", "/api/v1/no-such")}),
        ("A page without code says make and manage.py here", TARGET, set()),
    ],
)
def test_names_are_found_in_code_only(text, pattern, names):
    assert named(pattern, text) == names


def test_what_does_not_exist_is_noticed():
    assert "docs/how-to/verify-a-certificate.md" in missing(COMMAND, [])
    assert "README.md" in missing(TARGET, ["test"])
