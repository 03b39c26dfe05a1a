"""Looks for rows that are there more than once, exactly or nearly. Pure.

Nearly the same: numbers agree in the declared number of significant digits, and texts once letter
case, spacing and ways to write one letter (Unicode NFKC) are set aside. It is found by comparing
rounded rows, so a pair that lies on either side of a rounding edge is not found. Labels are not
compared: a repetition with another label is one all the same.
"""

import math
import unicodedata
from collections.abc import Mapping
from typing import Any

from training.columns import Kind
from training.gates.rules import USUAL, Rules, Thresholds
from training.gates.verdicts import Gate, Verdict, is_beyond, percent, permille, verdict
from training.reading import People


def duplicates(
    people: People, *, digests: Mapping[str, str], limits: Thresholds = USUAL.limits
) -> Verdict:
    """Refuse a part that is there twice, and too many rows that repeat a person's row."""
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
        content=f"{repeated} rows repeat another",
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
    alike = _normal_rows(people, digits=rule.digits)
    of_people = set(zip(people.pseudonyms, alike, strict=True))
    rows = len(alike)
    same, other = rows - len(of_people), len(of_people) - len(set(alike))
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
        content=f"{same} rows nearly repeat a person's own, {other} somebody else's",
        measured={
            "of the same person, permille": permille(same, rows),
            "of other people, permille": permille(other, rows),
            "significant digits": rule.digits,
        },
    )


def _normal_rows(people: People, *, digits: int) -> list[tuple[object, ...]]:
    columns = [
        _rounded(people.table[feature.name].to_numpy(), digits)
        if feature.kind is Kind.NUMBER
        else _spelled(people.table[feature.name].to_pylist())
        for feature in people.features
    ]
    return list(zip(*columns, strict=True))


def _rounded(numbers: Any, digits: int) -> list[object]:
    """Return numbers in so many significant digits; a gap is one value, equal to itself."""
    # Adding 0.0 makes one zero of two.
    return [
        "" if math.isnan(number) else f"{number + 0.0:.{digits - 1}e}"
        for number in numbers.tolist()
    ]


def _spelled(texts: list[str | None]) -> list[object]:
    once: dict[str | None, object] = {
        text: None
        if text is None
        else " ".join(unicodedata.normalize("NFKC", text).casefold().split())
        for text in set(texts)
    }
    return [once[text] for text in texts]
