"""Which version this is: what the changelog's newest released section says."""

import re
from pathlib import Path
from typing import Final

CHANGELOG: Final = Path(__file__).resolve().parent.parent / "CHANGELOG.md"


def version_in(changelog: str) -> str:
    """Return the first version that a Keep-a-Changelog text names."""
    found = re.search(r"^## \[(\d+\.\d+\.\d+)\]", changelog, re.MULTILINE)
    if found is None:
        raise ValueError("the changelog names no version")
    return found[1]


VERSION: Final = version_in(CHANGELOG.read_text())
