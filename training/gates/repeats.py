"""Looks for rows that are there more than once, exactly or nearly. Pure.

Nearly the same: numbers agree in the declared number of significant digits, and texts once letter
case, spacing and ways to write one letter (Unicode NFKC) are set aside. It is found by comparing
rounded rows, so a pair that lies on either side of a rounding edge is not found. Labels are not
compared: a repetition with another label is one all the same.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from training.columns import Kind
from training.gates.rules import USUAL, Rules, Thresholds
from training.gates.verdicts import Gate, Verdict, is_beyond, percent, permille, verdict
from training.reading import People

Codes = npt.NDArray[np.int64]

_POWERS: Final = 1024  # more than there are powers of ten in a float64
_LEAST: Final = 1e-290  # what is smaller counts as zero: it has no full digits
_GAP: Final = np.iinfo(np.int64).min


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
    alike = _alike(people, digits=rule.digits)
    rows, kinds = len(alike), len(np.unique(alike))
    of_people = len(np.unique(_codes(people.pseudonyms) * max(kinds, 1) + alike))
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
        content=f"{same} rows nearly repeat a person's own, {other} somebody else's",
        measured={
            "of the same person, permille": permille(same, rows),
            "of other people, permille": permille(other, rows),
            "significant digits": rule.digits,
        },
    )


def _alike(people: People, *, digits: int) -> Codes:
    """Return a number for each row, the same for rows that are nearly the same."""
    columns = [
        _rounded(people.table[feature.name].to_numpy(), digits)
        if feature.kind is Kind.NUMBER
        else _codes(_spelled(people.table[feature.name].to_pylist()))
        for feature in people.features
    ]
    rows = np.ascontiguousarray(np.column_stack(columns))
    whole = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    codes: Codes = np.unique(whole, return_inverse=True)[1].ravel()
    return codes


def _rounded(numbers: Any, digits: int) -> Codes:
    """Return numbers in so many significant digits: their digits and their power of ten in one."""
    sizes = np.abs(numbers)
    known = sizes > _LEAST  # NaN is not
    powers = np.zeros(len(numbers))
    powers[known] = np.floor(np.log10(sizes[known]))
    kept = np.zeros(len(numbers))
    kept[known] = np.rint(numbers[known] / 10.0 ** (powers[known] - digits + 1))
    carried = np.abs(kept) >= 10**digits  # 9.996 in three digits is 1.00 of the next power
    kept[carried] /= 10
    powers[carried] += 1
    codes: Codes = kept.astype(np.int64) * _POWERS + (powers + _POWERS // 2).astype(np.int64)
    codes[~known] = np.where(np.isnan(numbers[~known]), _GAP, 0)
    return codes


def _spelled(texts: list[str | None]) -> list[str | None]:
    once = {
        text: None
        if text is None
        else " ".join(unicodedata.normalize("NFKC", text).casefold().split())
        for text in set(texts)
    }
    return [once[text] for text in texts]


def _codes(values: Sequence[object]) -> Codes:
    """Return a number for each value, the same for the same."""
    known: dict[object, int] = {}
    return np.array([known.setdefault(one, len(known)) for one in values], dtype=np.int64)
