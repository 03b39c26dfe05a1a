"""Reads a declaration, and says what is wrong with it. Pure.

Nothing is passed over: a limit whose name is misspelt would never be asked. A refusal names the
place and what may stand there, and does not repeat what was said.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, TypeVar

from training.errors import GatesInvalid
from training.filling import Fill, FillRule, fill_of
from training.gates.rules import (
    EVERY_DAY,
    ColumnRule,
    DayRule,
    DriftRule,
    Holds,
    NearRule,
    Rules,
    SourceRule,
    Thresholds,
)

LONGEST_NAME: Final = 200  # letters of a column's name or of a category
MOST_LISTED: Final = 500  # columns, categories or sources
_LARGEST: Final = 1e300
_PERMILLE: Final = 1000
_DAYS: Final = 3650
_DIGITS: Final = 15  # significant digits of a float64
_MISSING_NEVER: Final = "refuse"
_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """One object of a declaration, and where it stands."""

    place: str
    parts: Mapping[str, object]

    def get(self, name: str, read: Callable[[str, object], _Read], *, usual: _Read) -> _Read:
        """Return one part, or what is usual if it is not said; null says nothing."""
        value = self.parts.get(name)
        return usual if value is None else read(f"{self.place}{name}", value)


def parse(said: object) -> Rules:
    """Return the rules that a JSON object declares; raise `GatesInvalid` and say where."""
    top = _object("", said, known={field.name for field in fields(Rules)})
    nothing: Mapping[str, object] = {}
    columns = top.get("columns", _named, usual=nothing)
    return Rules(
        limits=top.get("limits", _limits, usual=Thresholds()),
        day=top.get("day", _day, usual=None),
        source=top.get("source", _source, usual=None),
        near_duplicates=top.get("near_duplicates", _near, usual=None),
        drift=top.get("drift", _drift, usual=None),
        drop_repeats=top.get("drop_repeats", _truth, usual=False),
        columns={name: _column(name, rule) for name, rule in sorted(columns.items())},
    )


def _limits(place: str, value: object) -> Thresholds:
    usual = asdict(Thresholds())
    said = _object(place, value, known=usual.keys())
    bounds = {"doublings": (1, 64), "most_classes": (2, 10_000)}
    read = {
        name: said.get(name, _whole(*bounds.get(name, (0, _PERMILLE))), usual=limit)
        for name, limit in usual.items()
    }
    return Thresholds(**read)


def _day(place: str, value: object) -> DayRule:
    said = _object(place, value, known={field.name for field in fields(DayRule)})
    return DayRule(
        column=_column_name(said),
        weekdays=said.get("weekdays", _weekdays, usual=EVERY_DAY),
        missing=said.get("missing", _whole(0, _DAYS), usual=0),
        deviations=said.get("deviations", _number(1, 1000), usual=5.0),
        by_weekday=said.get("by_weekday", _truth, usual=False),
        days_old=said.get("days_old", _whole(0, _DAYS), usual=None),
    )


def _source(place: str, value: object) -> SourceRule:
    said = _object(place, value, known={field.name for field in fields(SourceRule)})
    return SourceRule(
        column=_column_name(said),
        expected=said.get("expected", _texts, usual=()),
        most_permille=said.get("most_permille", _whole(1, _PERMILLE), usual=_PERMILLE),
        change_permille=said.get("change_permille", _whole(10, _PERMILLE), usual=None),
    )


def _near(place: str, value: object) -> NearRule:
    said = _object(place, value, known={field.name for field in fields(NearRule)})
    return NearRule(
        digits=said.get("digits", _whole(1, _DIGITS), usual=3),
        same_person_permille=said.get("same_person_permille", _whole(0, _PERMILLE), usual=10),
        other_people_permille=said.get("other_people_permille", _whole(0, _PERMILLE), usual=10),
        drop=said.get("drop", _truth, usual=False),
    )


def _drift(place: str, value: object) -> DriftRule:
    said = _object(place, value, known={"most"})
    return DriftRule(most=said.get("most", _number(0.01, 100), usual=0.25))


def _column(name: str, value: object) -> ColumnRule:
    place = f"columns.{name}"
    said = _object(place, value, known={field.name for field in fields(ColumnRule)})
    missing = said.get("missing_permille", _whole(0, _PERMILLE), usual=None)
    never = said.parts.get("fill") == _MISSING_NEVER
    if never and missing:
        raise GatesInvalid(f"{place}: fill refuses what missing_permille lets pass")
    rule = ColumnRule(
        holds=said.get("holds", _holds, usual=None),
        least=said.get("least", _number(-_LARGEST, _LARGEST), usual=None),
        most=said.get("most", _number(-_LARGEST, _LARGEST), usual=None),
        allowed=said.get("allowed", _texts, usual=()),
        outside_permille=said.get("outside_permille", _whole(0, _PERMILLE), usual=0),
        missing_permille=0 if never else missing,
        fill=None if never else said.get("fill", lambda at, one: _fill(at, one, name), usual=None),
        back_filled_permille=said.get("back_filled_permille", _whole(1, _PERMILLE), usual=None),
        may_go=said.get("may_go", _truth, usual=False),
    )
    if refusal := _contradiction(rule):
        raise GatesInvalid(f"{place}: {refusal}")
    return rule


def _contradiction(rule: ColumnRule) -> str:
    """Say what in a rule for one column cannot be true at once."""
    least = -math.inf if rule.least is None else rule.least
    most = math.inf if rule.most is None else rule.most
    bounded = rule.least is not None or rule.most is not None
    is_text = rule.holds is Holds.TEXT or bool(rule.allowed)
    is_number = bounded or rule.holds in {Holds.NUMBER, Holds.WHOLE_NUMBER}
    constant = rule.fill.constant if rule.fill else None
    found = {
        "least is more than most": least > most,
        "holds, allowed, least and most speak of texts and of numbers": is_text and is_number,
        "texts have no median": (
            rule.fill is not None and rule.fill.rule is FillRule.MEDIAN and is_text
        ),
        "the constant is not what the column holds": (
            (is_text and isinstance(constant, float)) or (is_number and isinstance(constant, str))
        ),
        "the constant is not allowed": (
            isinstance(constant, str) and bool(rule.allowed) and constant not in rule.allowed
        ),
        "the constant is out of range": (
            isinstance(constant, float) and not least <= constant <= most
        ),
    }
    return next((reason for reason, is_so in found.items() if is_so), "")


def _object(place: str, value: object, *, known: Any) -> _Said:
    if not isinstance(value, Mapping):
        raise GatesInvalid(f"{place or 'rules'}: not an object")
    if value.keys() - set(known):
        raise GatesInvalid(f"{place or 'rules'}: only {', '.join(sorted(known))} may stand here")
    return _Said(place=f"{place}." if place else "", parts=value)


def _named(place: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping) or len(value) > MOST_LISTED:
        raise GatesInvalid(f"{place}: an object of at most {MOST_LISTED} columns, by name")
    for name in value:
        _text(f"{place}, a name", name)
    return value


def _column_name(said: _Said) -> str:
    return _text(f"{said.place}column", said.parts.get("column"))


def _text(place: str, value: object) -> str:
    # Printable: PostgreSQL keeps no zero character, and nothing keeps half a surrogate.
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_NAME or not value.isprintable():
        raise GatesInvalid(f"{place}: a text of 1 to {LONGEST_NAME} printable characters")
    return value


def _texts(place: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not value or len(value) > MOST_LISTED:
        raise GatesInvalid(f"{place}: a list of 1 to {MOST_LISTED} texts")
    texts = tuple(sorted(_text(f"{place}, an item", one) for one in value))
    if len(set(texts)) < len(texts):
        raise GatesInvalid(f"{place}: an item stands twice")
    return texts


def _weekdays(place: str, value: object) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise GatesInvalid(f"{place}: a list of weekdays, 1 for Monday to 7 for Sunday")
    return tuple(sorted({_whole(1, 7)(f"{place}, an item", one) for one in value}))


def _truth(place: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise GatesInvalid(f"{place}: true or false")
    return value


def _whole(least: int, most: int) -> Callable[[str, object], int]:
    def read(place: str, value: object) -> int:
        number = int(value) if isinstance(value, float) and value.is_integer() else value
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
            raise GatesInvalid(f"{place}: a whole number from {least} to {most}")
        return number

    return read


def _number(least: float, most: float) -> Callable[[str, object], float]:
    def read(place: str, value: object) -> float:
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not least <= value <= most
        ):
            raise GatesInvalid(f"{place}: a number from {least:g} to {most:g}")
        return float(value)

    return read


def _holds(place: str, value: object) -> Holds:
    if value not in [*Holds]:
        raise GatesInvalid(f"{place}: one of {', '.join(Holds)}")
    return Holds(str(value))


def _fill(place: str, value: object, column: str) -> Fill:
    try:
        fill = fill_of(column, value)
    except OverflowError:  # a whole number that no float holds
        fill = None
    if fill is None:
        raise GatesInvalid(f'{place}: "median", "mode", "refuse" or {{"constant": a value}}')
    if isinstance(fill.constant, str):
        _text(f"{place}.constant", fill.constant)
    if isinstance(fill.constant, float) and not math.isfinite(fill.constant):
        raise GatesInvalid(f"{place}.constant: a finite number")
    return fill
