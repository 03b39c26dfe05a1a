"""Looks at the form of what was read: people, parts, columns. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from training.columns import Feature, Kind, schema_digest
from training.gates.rules import USUAL, Rules, Thresholds
from training.gates.verdicts import WHOLE, Gate, Verdict, is_beyond, percent, permille, verdict
from training.profiles import Profile, share_outside
from training.reading import People

_NAMED: Final = 3  # columns; a reason has a limited length
_FEW: Final = 20  # different texts that may all be different without being called names


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


def unexpected(
    people: People, *, before: Profile | None, now: Profile, limits: Thresholds = USUAL.limits
) -> Verdict:
    """Refuse columns that no model should learn from, or that say other things than before."""
    return verdict(
        Gate.UNEXPECTED,
        refusal=_unusable(people, limits=limits)
        or _other_values(people, before, now, limits=limits),
        content="columns say what they said before" if before else "columns can be learned from",
        measured={"columns": len(people.features), "compared": before is not None},
    )


def features(people: People, *, before: Profile | None, rules: Rules = USUAL) -> Verdict:
    """Refuse other features than those of the last good version, unless they are declared so.

    A new feature has to be filled in for the rows that were there before it. What passes with other
    features than before shares no snapshot with any older version: everybody is fitted anew.
    """
    was = _kinds(before.features) if before else _kinds(people.features)
    is_now = _kinds(people.features)
    reasons = [
        said
        for name in sorted(was.keys() | is_now.keys())
        if (said := _other_column(people, name, was=was, is_now=is_now, rules=rules))
    ]
    new, gone = len(is_now.keys() - was.keys()), len(was.keys() - is_now.keys())
    same = before is None or schema_digest(before.features) == schema_digest(people.features)
    content = "the features are those of the last good version"
    if not same:
        content = f"{new} features are new and {gone} gone, as declared: everybody is fitted anew"
    return verdict(
        Gate.FEATURES,
        refusal="; ".join(reasons[:_NAMED]),
        content=content if before else "there is no good version to compare with",
        measured={
            "schema": schema_digest(people.features),
            "schema before": schema_digest(before.features) if before else None,
            "new": new,
            "gone": gone,
        },
    )


def _other_column(
    people: People, name: str, *, was: Mapping[str, Kind], is_now: Mapping[str, Kind], rules: Rules
) -> str:
    rule = rules.columns.get(name)
    if name not in is_now:
        return "" if rule and rule.may_go else f"column {name} is gone, and is not declared to go"
    if name not in was:
        least = rule.back_filled_permille if rule else None
        if least is None:
            return (
                f"column {name} is new: a new feature needs to be filled in for older rows and "
                "declared so, and the model trained anew with it"
            )
        rows = people.table.num_rows
        filled_in = rows - people.table[name].null_count
        if is_beyond(rows - filled_in, rows, WHOLE - least):
            return (
                f"column {name} is new and filled in for {percent(permille(filled_in, rows))} of "
                f"the rows, and {percent(least)} are declared"
            )
        return ""
    if was[name] is not is_now[name]:
        return f"column {name} was a {was[name].value} and is a {is_now[name].value} now"
    return ""


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
            return f"{percent(outside)} of the rows have a {name} that was not usual before"
    for name, scale in before.scale.items():
        if name in now.scale and abs(now.scale[name] - scale) > limits.doublings:
            larger = "larger" if now.scale[name] > scale else "smaller"
            times = 2 ** abs(now.scale[name] - scale)
            return f"column {name} is about {times} times {larger} than before: another unit?"
    return ""


def _kinds(features: Sequence[Feature]) -> dict[str, Kind]:
    return {feature.name: feature.kind for feature in features}
