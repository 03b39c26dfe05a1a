"""Sums of whole numbers that people add to, and can be taken out of again without a trace. Pure.

A tally is a mapping from what is counted to a whole number of any length, without the zeros. So
there is one form of each, sums come to the same in any order, and what is left after taking
somebody out is what would have been counted without them, bit by bit. Binary fractions do not do
that: after adding and removing a row of 1e9, a float64 sum was off by 2,749.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from training.columns import Feature, Kind
from training.errors import ArtefactMismatch, DataRefused

Tally = Mapping[tuple[str, ...], int]
Whole = npt.NDArray[np.int64]

MOST: Final = 1 << 62  # of a number in fixed point
_ROOM: Final = (1 << 63) - 1
_FEW: Final = 64  # rows: to add up fewer at a time costs more than numbers of any length do


def plus(*tallies: Tally) -> dict[tuple[str, ...], int]:
    """Return what several tallies come to together."""
    total: dict[tuple[str, ...], int] = {}
    for tally in tallies:
        for what, number in tally.items():
            total[what] = total.get(what, 0) + number
    return {what: number for what, number in total.items() if number}


def minus(whole: Tally, part: Tally) -> dict[tuple[str, ...], int]:
    """Return a tally without a part of it."""
    return plus(whole, {what: -number for what, number in part.items()})


def fixed_point(column: pa.ChunkedArray, *, name: str, fraction_bits: int) -> tuple[Whole, Whole]:
    """Return numbers as whole multiples of 2 ** -fraction_bits, and which of them are known.

    Each number is rounded by itself, halves to even, so that nobody's depends on anybody else. What
    is missing is 0. Raises `DataRefused` for a number that 63 bits cannot hold.
    """
    known = column.is_valid().to_numpy().astype(np.int64)
    numbers = pc.fill_null(column, 0.0).to_numpy().astype(np.float64)
    scaled = np.rint(numbers * float(1 << fraction_bits))
    if scaled.size and np.abs(scaled).max() > MOST:
        raise DataRefused(
            f"column {name} has a number beyond {MOST >> fraction_bits}: fewer fraction_bits, or "
            "another unit, would do"
        )
    return scaled.astype(np.int64), known


def naive_bayes_tally(
    table: pa.Table, features: Sequence[Feature], label: str, *, fraction_bits: int
) -> dict[tuple[str, ...], int]:
    """Count rows and categories of each class, and sum numbers and their squares."""
    labels = np.array(table[label].to_pylist())
    tally: dict[tuple[str, ...], int] = {}
    for class_ in sorted(set(labels.tolist())):
        mine = labels == class_
        tally["rows", class_] = int(mine.sum())
        for feature in features:
            column = table[feature.name].filter(pa.array(mine))
            if feature.kind is Kind.TEXT:
                for category in column.drop_null().value_counts().to_pylist():
                    path = ("category", class_, feature.name, category["values"])
                    tally[path] = category["counts"]
                continue
            numbers, known = fixed_point(column, name=feature.name, fraction_bits=fraction_bits)
            plain = numbers.tolist()  # Python's numbers never overflow
            tally["known", class_, feature.name] = int(known.sum())
            tally["sum", class_, feature.name] = sum(plain)
            tally["squares", class_, feature.name] = sum(number * number for number in plain)
    return plus(tally)


def ridge_tally(
    table: pa.Table, features: Sequence[Feature], label: str, *, fraction_bits: int
) -> dict[tuple[str, ...], int]:
    """Sum the columns of each class, and the products of each two columns.

    A number has a column of its own and one that says that it is missing; a category has one.
    """
    names: list[str] = []
    columns: list[Whole] = []
    for feature in features:
        column = table[feature.name]
        if feature.kind is Kind.NUMBER:
            numbers, known = fixed_point(column, name=feature.name, fraction_bits=fraction_bits)
            names += [value_of(feature.name), missing_of(feature.name)]
            columns += [numbers, 1 - known]
            continue
        for category in sorted(pc.unique(column.drop_null()).to_pylist()):
            is_it = pc.fill_null(pc.equal(column, category), False)  # noqa: FBT003  # Arrow's
            names.append(category_of(feature.name, category))
            columns.append(is_it.to_numpy().astype(np.int64))
    matrix = np.array(columns, dtype=np.int64).reshape(len(columns), table.num_rows).T
    products = _products(matrix)
    labels = np.array(table[label].to_pylist())
    tally: dict[tuple[str, ...], int] = {
        ("product", *sorted((names[one], names[two]))): int(products[one][two])
        for one, two in combinations_with_replacement(range(len(names)), 2)
    }
    for class_ in sorted(set(labels.tolist())):
        mine = matrix[labels == class_]
        tally["rows", class_] = len(mine)
        for place, name in enumerate(names):
            tally["sum", class_, name] = sum(mine[:, place].tolist())
    return plus(tally)


def value_of(feature: str) -> str:
    """Return the name of a number's column."""
    return f"value {feature}"


def missing_of(feature: str) -> str:
    """Return the name of the column that says that a number is missing."""
    return f"missing {feature}"


def category_of(feature: str, category: str) -> str:
    """Return the name of a category's column; the length tells where the feature's name ends."""
    return f"is {len(feature)} {feature} {category}"


def as_json(tally: Tally) -> list[list[object]]:
    """Return the one spelling of a tally."""
    return [[*what, tally[what]] for what in sorted(tally)]


def from_json(held: object) -> dict[tuple[str, ...], int]:
    """Read a tally; raise `ArtefactMismatch` unless it is spelled as `as_json` does."""
    if not isinstance(held, list):
        raise ArtefactMismatch("a tally in the file is malformed")
    tally: dict[tuple[str, ...], int] = {}
    for entry in held:
        match entry:
            case [*what, int(number)] if what and all(isinstance(step, str) for step in what):
                tally[tuple(what)] = number
            case _:
                raise ArtefactMismatch("a tally in the file is malformed")
    return tally


def _products(matrix: Whole) -> list[list[int]]:
    """Return the products of each two columns, summed over the rows without any overflow."""
    largest = int(np.abs(matrix).max(initial=1))
    step = _ROOM // (largest * largest)  # rows whose products fit into 63 bits together
    if step < _FEW:
        plain = matrix.astype(object)  # Python's numbers
        exact: list[list[int]] = (plain.T @ plain).tolist()
        return exact
    width = matrix.shape[1]
    total = [[0] * width for _ in range(width)]
    for start in range(0, len(matrix), step):
        some = matrix[start : start + step]
        for row, added in zip(total, (some.T @ some).tolist(), strict=True):
            for place, number in enumerate(added):
                row[place] += number
    return total
