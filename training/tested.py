"""The inputs on which a version was measured, coarsely enough to be told to others. Pure.

What is said here outlives the held-out people, so it must not tell about one of them: a range has
many people at or beyond each of its ends, which are rounded outwards, and a category is named only
if many people share it.
"""

import math
from collections import Counter
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
    return {"from": _rounded(low, math.floor), "to": _rounded(high, math.ceil)}


def _rounded(value: float, towards: Any) -> float:
    """Keep two significant digits, rounded down or up."""
    if value == 0:
        return 0.0
    place = math.floor(math.log10(abs(value))) - _DIGITS + 1
    # A tenth is no binary fraction, ten is one: 0.3 must not become 0.30000000000000004.
    step = 10 ** abs(place)
    return float(towards(value / step) * step if place > 0 else towards(value * step) / step)
