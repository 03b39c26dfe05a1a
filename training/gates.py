"""Looks at training data before anything is fitted, and says no with a reason.

Pure. Each gate returns a verdict, also when it is content, so that a run shows what was looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from training.columns import Feature, Kind
from training.profiles import Profile, share_outside
from training.reading import People


class Gate(StrEnum):
    """What is looked at."""

    SOURCE = "source"  # is it what was registered, and may it be used
    SOURCE_MISSING = "source missing"
    UNEXPECTED = "unexpected input"
    DUPLICATES = "duplicates"
    MISSING_VALUES = "missing values"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """How much of each fault is borne."""

    duplicates_permille: int = 10
    missing_permille: int = 200  # of any feature; a label is never missing
    new_categories_permille: int = 100  # rows with a category that was not common before
    doublings: int = 2  # by which the usual size of a number may change: catches another unit
    most_classes: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a gate says. No value of a record stands in it, and no file's name: it is recorded."""

    gate: Gate
    passed: bool
    reason: str
    measured: dict[str, object] = field(default_factory=dict)


USUAL: Final = Thresholds()

_WHOLE: Final = 1000  # per mille
_FEW: Final = 20  # different texts that may all be different without being called names


def refused(gate: Gate, reason: str) -> Verdict:
    """Return the verdict of a gate that could not even measure."""
    return Verdict(gate=gate, passed=False, reason=reason)


def judge_people(  # noqa: PLR0913  # keyword-only: everything that some gate compares with
    people: People,
    *,
    digests: Mapping[str, str],
    expected_parts: int,
    emptied: bool,
    before: Profile | None,
    now: Profile,
) -> list[Verdict]:
    """Ask every gate. `emptied`: after a deletion a part may have lost everybody."""
    return [
        source(people),
        source_missing(people.part_rows, expected_parts=expected_parts, emptied=emptied),
        unexpected(people, before=before, now=now),
        duplicates(people, digests=digests),
        missing_values(people),
    ]


def source(people: People) -> Verdict:
    """Refuse rows of somebody whom the index does not know, or puts elsewhere."""
    measured: dict[str, object] = {
        "people": len(set(people.pseudonyms)),
        "not in the index": people.strangers,
        "in another shard than the key says": people.misplaced,
    }
    passed = not people.strangers and not people.misplaced
    reason = (
        "everybody in the files is a registered member"
        if passed
        else f"{people.strangers + people.misplaced} people in the files are not registered "
        "members of this version: register the data set again"
    )
    return Verdict(gate=Gate.SOURCE, passed=passed, reason=reason, measured=measured)


def source_missing(part_rows: Mapping[str, int], *, expected_parts: int, emptied: bool) -> Verdict:
    """Refuse a version with fewer parts than there were before, or with a part without rows."""
    empty = sorted(part for part, rows in part_rows.items() if not rows)
    measured: dict[str, object] = {
        "parts": len(part_rows),
        "expected": expected_parts,
        "empty": len(empty),
        "rows": sum(part_rows.values()),
    }
    reason = ""
    if len(part_rows) < expected_parts:
        reason = f"{len(part_rows)} parts are there, but {expected_parts} were there before"
    elif not sum(part_rows.values()):
        reason = "there is no row at all"
    elif empty and not emptied:
        reason = f"{len(empty)} of {len(part_rows)} parts have no rows"
    return Verdict(
        gate=Gate.SOURCE_MISSING,
        passed=not reason,
        reason=reason or f"all {len(part_rows)} parts are there",
        measured=measured,
    )


def duplicates(
    people: People, *, digests: Mapping[str, str], limits: Thresholds = USUAL
) -> Verdict:
    """Refuse a part that is there twice, and too many rows that repeat a person's row."""
    repeated = len(people.pseudonyms) - people.distinct_rows()
    twice = len(digests) - len(set(digests.values()))
    permille = _permille(repeated, len(people.pseudonyms))
    reason = ""
    if twice:
        reason = f"{twice} parts are copies of another part, byte for byte"
    elif permille > limits.duplicates_permille:
        reason = (
            f"{repeated} rows repeat a row of the same person: {_percent(permille)}, "
            f"at most {_percent(limits.duplicates_permille)} are borne"
        )
    return Verdict(
        gate=Gate.DUPLICATES,
        passed=not reason,
        reason=reason or f"{repeated} rows repeat another",
        measured={
            "repeated rows": repeated,
            "permille": permille,
            "limit": limits.duplicates_permille,
            "repeated parts": twice,
        },
    )


def missing_values(people: People, *, limits: Thresholds = USUAL) -> Verdict:
    """Refuse a label that is missing anywhere, and a feature that is missing too often."""
    rows = people.table.num_rows
    empty = {
        name: _permille(people.table[name].null_count, rows)
        for name in people.table.column_names
        if people.table[name].null_count
    }
    unlabelled = people.table[people.label].null_count
    worst = max(
        (name for name in empty if name != people.label), key=lambda n: empty[n], default=""
    )
    reason = ""
    if unlabelled:
        reason = f"{unlabelled} rows have no {people.label}, which is the label"
    elif worst and empty[worst] > limits.missing_permille:
        reason = (
            f"column {worst} is empty in {_percent(empty[worst])} of the rows, "
            f"at most {_percent(limits.missing_permille)} are borne"
        )
    return Verdict(
        gate=Gate.MISSING_VALUES,
        passed=not reason,
        reason=reason or f"{len(empty)} columns have gaps, none too many",
        measured={"permille by column": empty, "limit": limits.missing_permille},
    )


def unexpected(
    people: People, *, before: Profile | None, now: Profile, limits: Thresholds = USUAL
) -> Verdict:
    """Refuse columns that no model should learn from, or that are not as they were before."""
    reason = (
        _unusable(people, limits=limits)
        or _other_columns(before, now)
        or _other_values(people, before, now, limits=limits)
    )
    return Verdict(
        gate=Gate.UNEXPECTED,
        passed=not reason,
        reason=reason
        or ("columns are as they were before" if before else "columns can be learned from"),
        measured={"columns": len(people.features), "compared": before is not None},
    )


def _unusable(people: People, *, limits: Thresholds) -> str:
    classes = len(set(people.table[people.label].drop_null().to_pylist()))
    if classes < 2 <= people.table.num_rows:  # noqa: PLR2004  # a question has two answers
        return f"the label {people.label} is the same in every row, so there is nothing to learn"
    if classes > limits.most_classes:
        return f"the label {people.label} has {classes} values, at most {limits.most_classes}"
    for feature in people.features:
        if feature.kind is Kind.TEXT:
            said = people.table[feature.name].drop_null().to_pylist()
            if len(set(said)) > max(_FEW, len(said) // 2):
                return (
                    f"column {feature.name} says something else in almost every row: it names "
                    "people rather than describing them; declare the features without it"
                )
    return ""


def _other_columns(before: Profile | None, now: Profile) -> str:
    if before is None:
        return ""
    was, is_now = _kinds(before.features), _kinds(now.features)
    for name in sorted(was.keys() | is_now.keys()):
        if name not in is_now:
            return f"column {name} is gone"
        if name not in was:
            return f"column {name} is new"
        if was[name] is not is_now[name]:
            return f"column {name} was a {was[name].value} and is a {is_now[name].value} now"
    return ""


def _other_values(
    people: People, before: Profile | None, now: Profile, *, limits: Thresholds
) -> str:
    if before is None:
        return ""
    for name, common in before.common.items():
        if not common or name not in people.table.column_names:  # too few people to compare
            continue
        outside = share_outside(people.table[name].to_pylist(), common)
        if outside > before.outside[name] + limits.new_categories_permille:
            return f"{_percent(outside)} of the rows have a {name} that was not usual before"
    for name, scale in before.scale.items():
        if name in now.scale and abs(now.scale[name] - scale) > limits.doublings:
            larger = "larger" if now.scale[name] > scale else "smaller"
            times = 2 ** abs(now.scale[name] - scale)
            return f"column {name} is about {times} times {larger} than before: another unit?"
    return ""


def _kinds(features: Sequence[Feature]) -> dict[str, Kind]:
    return {feature.name: feature.kind for feature in features}


def _permille(part: int, whole: int) -> float:
    return round(_WHOLE * part / max(whole, 1), 1)


def _percent(permille: float) -> str:
    return f"{permille / 10:.1f} %"
