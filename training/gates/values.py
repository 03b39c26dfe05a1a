"""Looks at what stands in columns: gaps, types, ranges, categories. Pure."""

from typing import Any

import numpy as np

from training.columns import Kind
from training.gates.rules import USUAL, ColumnRule, Holds, Rules
from training.gates.verdicts import Gate, Verdict, is_beyond, percent, permille, verdict
from training.reading import People


def missing_values(people: People, *, rules: Rules = USUAL) -> Verdict:
    """Refuse a label that is missing anywhere, and a feature that is missing too often.

    What stands in for a gap does not close it: a rule for it is recorded, and the limit holds.
    """
    rows = people.table.num_rows
    gaps = {
        name: people.table[name].null_count
        for name in people.table.column_names
        if people.table[name].null_count
    }
    unlabelled = gaps.get(people.label, 0)
    beyond = [
        name
        for name in gaps
        if name != people.label and is_beyond(gaps[name], rows, rules.missing_limit(name))
    ]
    reason = ""
    if unlabelled:
        reason = f"{unlabelled} rows have no {people.label}, which is the label"
    elif beyond:
        worst = max(beyond, key=lambda name: gaps[name])
        reason = (
            f"column {worst} is empty in {percent(permille(gaps[worst], rows))} of the rows, "
            f"at most {percent(rules.missing_limit(worst))} are borne"
        )
    named = {feature.name for feature in people.features}
    measured: dict[str, object] = {
        "permille by column": {name: permille(count, rows) for name, count in gaps.items()},
        "limit": rules.limits.missing_permille,
    }
    if imputed := {fill.column: fill.rule.value for fill in rules.fills if fill.column in named}:
        measured["imputed by"] = imputed
    return verdict(
        Gate.MISSING_VALUES,
        refusal=reason,
        content=f"{len(gaps)} columns have gaps, none too many",
        measured=measured,
    )


def values(people: People, *, rules: Rules, every_column: bool) -> Verdict | None:
    """Refuse columns that are not as declared; None: nothing is declared of any.

    `every_column`: the model learns from all there are, so one that is declared must be there.
    """
    declared = {
        name: rule for name, rule in rules.columns.items() if name in people.table.column_names
    }
    absent = [
        name
        for name, rule in rules.columns.items()
        if name not in declared
        and every_column
        and not rule.may_go
        and rule.back_filled_permille is None  # may come later
    ]
    if not declared and not absent:
        return None
    outside = {name: _outside(people, name, rule) for name, rule in declared.items()}
    reasons = [f"column {name} is declared, and is not there" for name in absent]
    for name, rule in declared.items():
        if said := _wrong_kind(people, name, rule) or _too_many(
            name, outside[name], people.table.num_rows, rule
        ):
            reasons.append(said)
    return verdict(
        Gate.VALUES,
        refusal=reasons[0] + (f"; {len(reasons) - 1} more columns" if len(reasons) > 1 else "")
        if reasons
        else "",
        content=f"{len(declared)} columns are as declared",
        measured={
            "columns": len(declared),
            "not as declared": len(reasons),
            "permille outside by column": {
                name: permille(count, people.table.num_rows)
                for name, count in outside.items()
                if count
            },
        },
    )


def _wrong_kind(people: People, name: str, rule: ColumnRule) -> str:
    is_text = _is_text(people, name)
    said = "texts" if is_text else "numbers"
    wants_text = rule.holds is Holds.TEXT or bool(rule.allowed)
    wants_number = (
        rule.holds in {Holds.NUMBER, Holds.WHOLE_NUMBER}
        or rule.least is not None
        or rule.most is not None
    )
    if (wants_text and not is_text) or (wants_number and is_text):
        return f"column {name} holds {said}, which is not as declared"
    if rule.fill is not None and not rule.fill.suits(Kind.TEXT if is_text else Kind.NUMBER):
        return f"column {name} holds {said}, which its rule for gaps does not suit"
    return ""


def _too_many(name: str, outside: int, rows: int, rule: ColumnRule) -> str:
    if not is_beyond(outside, rows, rule.outside_permille):
        return ""
    return (
        f"column {name} is not as declared in {outside} rows ({percent(permille(outside, rows))})"
        f", at most {percent(rule.outside_permille)} are borne"
    )


def _outside(people: People, name: str, rule: ColumnRule) -> int:
    """Count the rows whose value is out of range, not whole, or not allowed."""
    column: Any = people.table[name].drop_null()
    if _is_text(people, name):
        if not rule.allowed:
            return 0
        allowed = set(rule.allowed)
        return sum(one not in allowed for one in column.to_pylist())
    if rule.allowed or rule.holds is Holds.TEXT:
        return 0  # the kind is refused
    numbers = column.to_numpy()
    wrong = np.zeros(len(numbers), dtype=bool)
    if rule.least is not None:
        wrong |= numbers < rule.least
    if rule.most is not None:
        wrong |= numbers > rule.most
    if rule.holds is Holds.WHOLE_NUMBER:
        wrong |= numbers != np.floor(numbers)
    return int(wrong.sum())


def _is_text(people: People, name: str) -> bool:
    kinds = {feature.name: feature.kind for feature in people.features}
    return kinds.get(name, Kind.TEXT) is Kind.TEXT  # a label is a text
