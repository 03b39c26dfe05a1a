"""What stands in for missing values. Learned within one shard, from the people in it. Pure.

A median of everybody would carry each person into every shard. So nothing is learned across shards:
a value that people gave is part of their shard's snapshot, and is destroyed with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.columns import Feature, Kind

Value = float | str


class FillRule(StrEnum):
    """How the value is found."""

    MEDIAN = "median"  # of the shard's numbers
    MODE = "mode"  # the shard's commonest; of several, the smallest
    CONSTANT = "constant"  # as declared


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """The rule of one column."""

    column: str
    rule: FillRule
    constant: Value | None = None

    def as_json(self) -> str | dict[str, Value | None]:
        """Return the form in which it is declared."""
        if self.rule is FillRule.CONSTANT:
            return {FillRule.CONSTANT.value: self.constant}
        return self.rule.value

    def suits(self, kind: Kind) -> bool:
        """Say whether such a column can be filled so."""
        match self.rule:
            case FillRule.MEDIAN:
                return kind is Kind.NUMBER
            case FillRule.MODE:
                return True
            case FillRule.CONSTANT:
                return isinstance(self.constant, str) == (kind is Kind.TEXT)


def fill_of(column: str, said: object) -> Fill | None:
    """Return what a declaration names; None if it names nothing known."""
    if isinstance(said, str) and said in {FillRule.MEDIAN.value, FillRule.MODE.value}:
        return Fill(column=column, rule=FillRule(str(said)))
    if not isinstance(said, Mapping) or said.keys() != {FillRule.CONSTANT.value}:
        return None
    constant = said[FillRule.CONSTANT.value]
    if isinstance(constant, bool) or not isinstance(constant, str | float | int):
        return None
    value = constant if isinstance(constant, str) else float(constant)
    return Fill(column=column, rule=FillRule.CONSTANT, constant=value)


def as_json(fills: Sequence[Fill]) -> dict[str, object]:
    """Return the rules as plans and manifests hold them; never what was learned by them."""
    return {fill.column: fill.as_json() for fill in fills}


def from_json(said: Mapping[str, object]) -> tuple[Fill, ...]:
    """Read the rules that a plan holds."""
    found = (fill_of(column, rule) for column, rule in sorted(said.items()))
    return tuple(fill for fill in found if fill is not None)


def learned(
    table: pa.Table, features: Sequence[Feature], fills: Sequence[Fill]
) -> dict[str, Value]:
    """Return what stands in for gaps; a column of which a shard knows nothing gets no value."""
    named = {fill.column: fill for fill in fills}
    found = {
        feature.name: _value(table[feature.name], fill)
        for feature in features
        if (fill := named.get(feature.name)) is not None and fill.suits(feature.kind)
    }
    return {name: value for name, value in found.items() if value is not None}


def filled(column: pa.ChunkedArray, value: Value | None) -> pa.ChunkedArray:
    """Return a column without gaps, if something stands in for them."""
    return column if value is None else pc.fill_null(column, value)


def _value(column: Any, fill: Fill) -> Value | None:
    if fill.rule is FillRule.CONSTANT:
        return fill.constant
    said = column.drop_null()
    if not len(said):
        return None
    if pa.types.is_string(said.type):
        times = {one["values"]: one["counts"] for one in said.value_counts().to_pylist()}
        return str(min(times, key=lambda text: (-times[text], text)))
    numbers = said.to_numpy()
    if fill.rule is FillRule.MEDIAN:
        return float(np.median(numbers))
    values, counts = np.unique(numbers, return_counts=True)
    return float(values[counts.argmax()])


RECORDED: Final = "learned in each shard, from the people that training sees in it"
