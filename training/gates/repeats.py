"""Looks for rows that are there more than once, exactly or nearly. Pure.

What is nearly the same is said in `training.alike`. Labels are not compared: a repetition with
another label is one all the same.
"""

from collections.abc import Mapping

import numpy as np

from training.alike import alike_rows, codes_of
from training.gates.rules import USUAL, Rules
from training.gates.verdicts import Gate, Verdict, is_beyond, percent, permille, verdict
from training.reading import People


def duplicates(people: People, *, digests: Mapping[str, str], rules: Rules = USUAL) -> Verdict:
    """Refuse a part that is there twice, and too many rows that repeat a person's row."""
    limits = rules.limits
    rows = len(people.pseudonyms)
    repeated = rows - people.distinct_rows()
    twice = len(digests) - len(set(digests.values()))
    reason = ""
    if twice:
        reason = f"{twice} parts are copies of another part, byte for byte"
    elif is_beyond(repeated, rows, limits.duplicates_permille):
        reason = (
            f"{repeated} rows repeat a row of the same person: {percent(permille(repeated, rows))}"
            f", at most {percent(limits.duplicates_permille)} are borne"
        )
    return verdict(
        Gate.DUPLICATES,
        refusal=reason,
        content=f"{repeated} rows repeat another"
        + _left_out(repeated if rules.drop_repeats else 0),
        measured={
            "repeated rows": repeated,
            "permille": permille(repeated, rows),
            "limit": limits.duplicates_permille,
            "repeated parts": twice,
        },
    )


def near_duplicates(people: People, *, rules: Rules) -> Verdict | None:
    """Refuse too many rows that nearly repeat another one; None: not declared."""
    rule = rules.near_duplicates
    if rule is None:
        return None
    alike = alike_rows(people.table, people.features, digits=rule.digits)
    rows, kinds = len(alike), len(np.unique(alike))
    of_people = len(np.unique(codes_of(people.pseudonyms) * max(kinds, 1) + alike))
    same, other = rows - of_people, of_people - kinds
    reason = ""
    if is_beyond(same, rows, rule.same_person_permille):
        reason = (
            f"{same} rows nearly repeat a row of the same person: {percent(permille(same, rows))}"
            f", at most {percent(rule.same_person_permille)} are borne"
        )
    elif is_beyond(other, rows, rule.other_people_permille):
        reason = (
            f"{other} rows nearly repeat a row of somebody else: {percent(permille(other, rows))}"
            f", at most {percent(rule.other_people_permille)} are borne"
        )
    return verdict(
        Gate.NEAR_DUPLICATES,
        refusal=reason,
        content=f"{same} rows nearly repeat a person's own, {other} somebody else's"
        + _left_out(same if rule.drop else 0),
        measured={
            "of the same person, permille": permille(same, rows),
            "of other people, permille": permille(other, rows),
            "significant digits": rule.digits,
        },
    )


def _left_out(rows: int) -> str:
    return "; a person's repetitions are left out" if rows else ""
