"""Looks at the days that rows came about on: is one missing, is one unlike the others. Pure.

A day is unlike the others if its number of rows lies further from their median than the declared
number of robust standard deviations. One of these is 1.4826 x the median absolute deviation, which
a few wild days do not move (Iglewicz and Hoaglin, 1993), and never less than the square root of the
median: so much do counts vary by chance alone.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from training.gates.rules import DayRule, Rules
from training.gates.verdicts import Gate, Verdict, is_beyond, refused, verdict
from training.profiles import COMMON
from training.reading import People

Days = npt.NDArray[np.int64]

_NORMAL: Final = 1.4826  # the standard deviation over the MAD of a normal distribution
_ENOUGH: Final = 7  # days, before one can be unlike the others
_LONGEST: Final = 36_525  # days between the first and the last: a century
_THURSDAY: Final = 3  # the weekday of day 0, if Monday is 0
_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    missing: Days
    unlike: Days
    usual: int  # rows of a day
    newest: int
    shared: tuple[int, int] | None  # the first and the last day of many people


def days(people: People, *, rules: Rules, emptied: bool, registered: date | None) -> Verdict | None:
    """Refuse data that lacks a day, or has one that is not like the others; None: not declared.

    `emptied`: people have left, so a day that had few rows may have lost all of them.
    """
    rule = rules.day
    if rule is None:
        return None
    if people.days is None:
        return refused(Gate.DAYS, f"column {rule.column} holds no days")
    dated = people.days[~np.isnan(people.days)].astype(np.int64)
    undated = len(people.days) - len(dated)
    if is_beyond(undated, len(people.days), rules.missing_limit(rule.column)):
        return refused(Gate.DAYS, f"{undated} rows have no day in column {rule.column}")
    if not len(dated):
        return refused(Gate.DAYS, "no row has a day")
    present, rows = np.unique(dated, return_counts=True)
    if present[-1] - present[0] > _LONGEST:
        return refused(Gate.DAYS, f"the days of column {rule.column} span more than a century")
    found = _Found(
        missing=_missing(present, rule.weekdays),
        unlike=_unlike(present, rows, deviations=rule.deviations, by_weekday=rule.by_weekday),
        usual=round(float(np.median(rows))),
        newest=int(present[-1]),
        shared=_shared(people),
    )
    borne = emptied and found.usual < 2 * COMMON
    content = (
        f"{len(found.missing)} missing, which is borne" if len(found.missing) else "none missing"
    )
    return verdict(
        Gate.DAYS,
        refusal=("" if borne else _gaps(found, rule))
        or _strange(found, rule)
        or _outdated(found, rule, registered),
        content=f"{len(present)} days, {content}, and none unlike the others",
        measured={
            "days": len(present),
            "missing": len(found.missing),
            "unlike": len(found.unlike),
            "rows of a usual day": found.usual,
            "without a day": undated,
        },
    )


def _gaps(found: _Found, rule: DayRule) -> str:
    if len(found.missing) <= rule.missing:
        return ""
    return f"{_named(found.missing, found.shared)} no row, and {rule.missing} may have none"


def _strange(found: _Found, rule: DayRule) -> str:
    if not len(found.unlike):
        return ""
    return (
        f"{_named(found.unlike, found.shared)} more or fewer rows than the other days, "
        f"by more than {rule.deviations:g} robust standard deviations"
    )


def _outdated(found: _Found, rule: DayRule, registered: date | None) -> str:
    if rule.days_old is None or registered is None:
        return ""
    old = (registered - _EPOCH).days - found.newest
    # How far off it is would tell the day, which may be that of one person.
    is_told = found.shared is not None and found.newest == found.shared[1]
    if old > rule.days_old:
        if is_told:
            return f"the newest day is {old} days old, at most {rule.days_old} are borne"
        return f"the newest day is more than {rule.days_old} days old"
    ahead = f"{-old} days ahead" if is_told else "ahead"
    return f"the newest day lies {ahead} of the registration" if old < 0 else ""


def _missing(present: Days, weekdays: tuple[int, ...]) -> Days:
    between = np.setdiff1d(np.arange(present[0], present[-1] + 1), present)
    return between[np.isin(_weekday(between) + 1, weekdays)]


def _unlike(present: Days, rows: Days, *, deviations: float, by_weekday: bool) -> Days:
    groups = _weekday(present) if by_weekday else np.zeros_like(present)
    found = []
    for group in np.unique(groups):
        some, counts = present[groups == group], rows[groups == group]
        if len(some) < _ENOUGH:
            continue
        middle = np.median(counts)
        apart = np.abs(counts - middle)
        spread = max(_NORMAL * float(np.median(apart)), float(np.sqrt(middle)))
        found.append(some[apart > deviations * spread])
    return np.sort(np.concatenate(found)) if found else present[:0]


def _weekday(numbers: Days) -> Days:
    return (numbers + _THURSDAY) % 7


def _shared(people: People) -> tuple[int, int] | None:
    """Return the first and the last day that many people share."""
    told = zip(people.days if people.days is not None else (), people.pseudonyms, strict=True)
    pairs = {(int(day), who) for day, who in told if not np.isnan(day)}
    each, counts = np.unique([day for day, _ in pairs], return_counts=True)
    common = each[counts >= COMMON]
    return (int(common[0]), int(common[-1])) if len(common) else None


def _named(found: Days, shared: tuple[int, int] | None) -> str:
    """Name the first of some days, unless that could tell the day of somebody."""
    rest = f"{len(found)} day{'s' if len(found) > 1 else ''}"
    has = "have" if len(found) > 1 else "has"
    if shared is None or not shared[0] < int(found[0]) < shared[1]:
        return f"{rest} {has}"
    first = (_EPOCH + timedelta(days=int(found[0]))).isoformat()
    return f"{rest} ({'the first is ' if len(found) > 1 else ''}{first}) {has}"
