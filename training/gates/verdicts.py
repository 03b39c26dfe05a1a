"""What a gate says, and the words that all gates share. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Gate(StrEnum):
    """What is looked at."""

    SOURCE = "source"  # is it what was registered, and may it be used
    SOURCE_MISSING = "source missing"
    FEATURES = "features"  # are they those of the last good version
    UNEXPECTED = "unexpected input"
    DUPLICATES = "duplicates"
    MISSING_VALUES = "missing values"
    # Only asked where they are declared:
    NEAR_DUPLICATES = "near duplicates"
    VALUES = "values"  # types, ranges and categories
    DAYS = "days"
    SOURCES = "sources"  # which of them the rows name, and their shares
    DRIFT = "drift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a gate says. No value of a record stands in it, and no file's name: it is recorded."""

    gate: Gate
    passed: bool
    reason: str
    measured: dict[str, object] = field(default_factory=dict)


WHOLE: Final = 1000  # per mille


def refused(gate: Gate, reason: str) -> Verdict:
    """Return the verdict of a gate that could not even measure."""
    return Verdict(gate=gate, passed=False, reason=reason)


def verdict(gate: Gate, *, refusal: str, content: str, measured: dict[str, object]) -> Verdict:
    """Return a verdict with the first reason to refuse, or else with why the gate is content."""
    return Verdict(gate=gate, passed=not refusal, reason=refusal or content, measured=measured)


def permille(part: int, whole: int) -> float:
    """Return a share as it is shown; `is_beyond` compares the counts themselves."""
    return round(WHOLE * part / max(whole, 1), 1)


def is_beyond(part: int, whole: int, limit_permille: float) -> bool:
    """Say whether a share is larger than a limit, however small it is."""
    return part * WHOLE > limit_permille * whole


def percent(share: float) -> str:
    """Return a share in per mille as people read it."""
    return f"{share / 10:.1f} %"
