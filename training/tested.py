"""The inputs on which a version was measured, coarsely enough to be told to others. Pure.

What is said here outlives the held-out people, so it must not tell about one of them: a range has
many people at or beyond each of its ends, which are rounded outwards, and a category is named only
if many people share it.
"""

import math
import sys
from collections import Counter
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final

from training.columns import Feature, Kind
from training.reading import ShardRows

COMMON: Final = 10  # people at or beyond each end of a range, or with a category
_DIGITS: Final = 2  # significant ones; the rest of the tenth person's number stays untold


def inputs_tested(rows: ShardRows) -> dict[str, dict[str, object]]:
    """Return the range or the categories of each feature that enough people show."""
    found = {feature.name: _tested(rows, feature) for feature in rows.data.features}
    return {name: said for name, said in found.items() if said}


def _tested(rows: ShardRows, feature: Feature) -> dict[str, object]:
    values = rows.data.table[feature.name].to_pylist()
    match feature.kind:
        case Kind.NUMBER:
            return _range(values, rows.pseudonyms)
        case Kind.TEXT:
            said = set(zip(values, rows.pseudonyms, strict=True))
            holders = Counter(value for value, _ in said if value is not None)
            common = sorted(value for value, people in holders.items() if people >= COMMON)
            return {"among": common} if common else {}


def _range(values: list[Any], people: tuple[bytes, ...]) -> dict[str, object]:
    least: dict[bytes, float] = {}
    most: dict[bytes, float] = {}
    for value, person in zip(values, people, strict=True):
        if value is not None:
            least[person] = min(value, least.get(person, value))
            most[person] = max(value, most.get(person, value))
    if len(least) < 2 * COMMON:
        return {}
    low, high = sorted(least.values())[COMMON - 1], sorted(most.values())[-COMMON]
    return {"from": _rounded(low, ROUND_FLOOR), "to": _rounded(high, ROUND_CEILING)}


def _rounded(value: float, towards: str) -> float:
    """Keep two significant digits, rounded down or up; what no float holds stays the largest."""
    if value == 0:
        return 0.0
    # As it is written: a tenth is no binary fraction, and 0.3 must not become 0.29.
    exact = Decimal(repr(float(value)))
    last = Decimal((0, (1,), exact.adjusted() - _DIGITS + 1))
    rounded = float(exact.quantize(last, rounding=towards))
    return math.copysign(sys.float_info.max, rounded) if math.isinf(rounded) else rounded
