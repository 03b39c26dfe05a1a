"""What is declared about the data of one dataset family: limits, and rules for columns. Pure.

Who declares nothing has `USUAL`. The whole declaration is stored, defaults included: what was
declared once stays what it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Final

from training.filling import Fill

EVERY_DAY: Final = (1, 2, 3, 4, 5, 6, 7)  # ISO: Monday is 1


class Holds(StrEnum):
    """What a column is declared to hold."""

    NUMBER = "number"
    WHOLE_NUMBER = "whole number"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """How much of each fault is borne, whatever else is declared."""

    duplicates_permille: int = 10
    missing_permille: int = 200  # of any feature; a label is never missing
    new_categories_permille: int = 100  # rows with a category that was not common before
    doublings: int = 2  # by which the usual size of a number may change: catches another unit
    most_classes: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRule:
    """Which column says on what day a row came about, and what its days must be."""

    column: str
    weekdays: tuple[int, ...] = EVERY_DAY  # on which rows are expected
    missing: int = 0  # days between the first and the last that may have no row
    deviations: float = 5.0  # robust standard deviations by which a day's rows may differ
    by_weekday: bool = False  # compare Mondays with Mondays
    days_old: int | None = None  # how old the newest day may be when the version is registered


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRule:
    """Which column names where a row came from, and what its sources must be."""

    column: str
    expected: tuple[str, ...] = ()  # empty: those of the last good version
    most_permille: int = 1000  # of the rows that one source may have
    change_permille: int | None = None  # by which a source's share may change


@dataclass(frozen=True, slots=True, kw_only=True)
class NearRule:
    """When two rows count as nearly the same, and how many may."""

    digits: int = 3  # significant digits in which numbers must agree
    same_person_permille: int = 10
    other_people_permille: int = 10
    drop: bool = False  # leave out what nearly repeats a person's row, with the same label


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRule:
    """How far a column may drift from the last good version."""

    most: float = 0.25  # population stability index; above it, usage speaks of a major shift


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnRule:
    """What one column must be, and what stands in for what is missing."""

    holds: Holds | None = None
    least: float | None = None
    most: float | None = None
    allowed: tuple[str, ...] = ()  # empty: any
    outside_permille: int = 0  # rows that may be out of range or not allowed
    missing_permille: int | None = None
    fill: Fill | None = None
    back_filled_permille: int | None = None  # as a new feature it is filled in so many rows
    may_go: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything that is declared about a family."""

    limits: Thresholds = field(default_factory=Thresholds)
    day: DayRule | None = None
    source: SourceRule | None = None
    near_duplicates: NearRule | None = None
    drift: DriftRule | None = None
    drop_repeats: bool = False  # leave out what repeats a row of the same person
    columns: Mapping[str, ColumnRule] = field(default_factory=dict)

    @property
    def fills(self) -> tuple[Fill, ...]:
        """Return what stands in for missing values, by column name."""
        return tuple(rule.fill for _, rule in sorted(self.columns.items()) if rule.fill is not None)

    @property
    def once(self) -> int | None:
        """Return in how many digits a person's rows must differ to be kept; 0: anywhere at all.

        None: every row is kept.
        """
        if self.near_duplicates is not None and self.near_duplicates.drop:
            return self.near_duplicates.digits
        return 0 if self.drop_repeats else None

    def missing_limit(self, column: str) -> int:
        """Return how many rows in a thousand may have nothing in a column."""
        rule = self.columns.get(column)
        if rule is None or rule.missing_permille is None:
            return self.limits.missing_permille
        return rule.missing_permille

    def as_json(self) -> dict[str, Any]:
        """Return the form that is declared and stored, defaults included."""
        said = {
            name: _plain(part)
            for name in ("limits", "day", "source", "near_duplicates", "drift")
            if (part := getattr(self, name)) is not None
        }
        return said | {
            "drop_repeats": self.drop_repeats,
            "columns": {name: _plain(rule) for name, rule in sorted(self.columns.items())},
        }


USUAL: Final = Rules()


def _plain(part: Any) -> dict[str, Any]:
    """Return what one part says; what says nothing is left out."""
    said = {field.name: getattr(part, field.name) for field in fields(part)}
    return {name: _said(value) for name, value in said.items() if value is not None and value != ()}


def _said(value: Any) -> Any:
    if isinstance(value, Fill):
        return value.as_json()
    return list(value) if isinstance(value, tuple) else value
