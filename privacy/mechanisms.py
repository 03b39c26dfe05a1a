"""Prices a recipe and draws its noise. The only module that knows OpenDP.

The path, in this order, because each step protects the next:
1. the price is the library's map of the very measurement that will draw, before it touches data;
2. rows become whole numbers (person, key, values) by rules that look at one row at a time;
3. the measurement keeps a few rows a person, groups by the public keys, clips, sums, adds noise;
4. what it returns is only scaled and divided afterwards, which costs nothing.

The plan is built here from the closed list of operations and no expression of a caller reaches it:
redefining a column after the truncation voids the library's promise without notice (opendp#2949).
"""

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from importlib.metadata import version
from typing import Any, Final

import polars as pl
import pyarrow as pa
from opendp.combinators import make_zCDP_to_approxDP
from opendp.domains import atom_domain, lazyframe_domain, series_domain, with_margin
from opendp.extras.polars import Margin, dp_len
from opendp.measurements import make_gaussian, make_private_lazyframe
from opendp.measures import zero_concentrated_divergence
from opendp.metrics import absolute_distance, symmetric_id_distance
from opendp.mod import Measurement, enable_features

from lineage.identifiers import IdentifierKind
from privacy.errors import BudgetSpent
from privacy.ledger import MOST, NanoRho, debit_of, rho_of, shown
from privacy.recipes import Keep, Question, Recipe
from privacy.results import Noise, Priced, Result, result_of
from privacy.rows import KEY, PERSON, joined, prepared

enable_features("contrib")  # the library marks every constructor so; it is pinned exactly for it

INSTALLED: Final = f"opendp=={version('opendp')}"

_FULLEST: Final = 2**32 - 1  # rows that a frame can hold at all: says nothing about the data
_SLACK: Final = 1 + 2.0**-40  # on the noise: the library's upward rounding stays within the share


def plan(recipe: Recipe) -> Priced:
    """Return the exact price of a recipe by the library's own map."""
    return _priced(recipe, _measurement(recipe))


def epsilon_at(nano_rho: NanoRho, *, delta: Decimal) -> Decimal:
    """Return the epsilon that a loss means at a delta: the library's tight conversion, rounded up.

    A loss beyond `MOST` reads as infinite: no policy allows it, and the conversion would overflow.
    """
    if nano_rho > MOST:
        return Decimal("Infinity")
    if nano_rho == 0:
        return shown(0.0)
    # The slack makes the curve's rho a little larger than the debited one, never smaller.
    scale = math.sqrt(1 / (2 * float(rho_of(nano_rho)))) / _SLACK
    curve = make_zCDP_to_approxDP(
        make_gaussian(atom_domain(T="f64", nan=False), absolute_distance(T="f64"), scale=scale)
    )
    return shown(_map(curve, 1.0).epsilon(float(delta)))


def draw(
    recipe: Recipe,
    tables: Sequence[pa.Table],
    *,
    unit: IdentifierKind,
    included: Callable[[str], bool],
    charged: NanoRho,
) -> Result:
    """Draw a recipe once, on the people who are included.

    `included` sees standardised identifiers: two spellings of one person are one person here.
    Raises `BudgetSpent`, before it looks at the data, when the draw costs more than was charged.
    """
    measurement = _measurement(recipe)
    priced = _priced(recipe, measurement)
    if priced.nano_rho > charged:
        raise BudgetSpent
    rows = prepared(recipe, joined(recipe, tables), unit=unit, included=included)
    drawn = measurement(rows.lazy()).collect().sort(KEY)
    return result_of(
        recipe, priced, {name: drawn[name].to_list() for name, _ in recipe.named_questions}
    )


def _priced(recipe: Recipe, measurement: Measurement) -> Priced:
    nano_rho = debit_of(_map(measurement, 1))  # at a distance of one person
    return Priced(
        library=INSTALLED,
        nano_rho=nano_rho,
        epsilon=epsilon_at(nano_rho, delta=recipe.delta),
        delta=recipe.delta,
        noise=tuple(
            Noise(
                operation=question.operation,
                column=question.value.column if question.value else "",
                deviation=Decimal(_scale(recipe, question)) * question.grain,
            )
            for question in recipe.questions
        ),
    )


def _measurement(recipe: Recipe) -> Measurement:
    """Build the one measurement of a recipe, with explicit noise scales."""
    columns = [PERSON, KEY, *(name for name, question in recipe.named_questions if question.value)]
    rank = pl.int_range(pl.len())
    if recipe.keep is Keep.SAMPLE:
        rank = rank.shuffle()
    grouped = (
        pl.LazyFrame(schema=dict.fromkeys(columns, pl.Int64))
        .filter(rank.over(PERSON) < recipe.rows_per_person)
        .group_by(KEY)
        .agg([_asked(recipe, question, name) for name, question in recipe.named_questions])
    )
    # Joined from the public side: a key without rows gets noise too, so its absence cannot be seen.
    keys = pl.LazyFrame({KEY: range(len(recipe.keys.values))}, schema={KEY: pl.Int64})
    return make_private_lazyframe(
        with_margin(
            lazyframe_domain([series_domain(name, atom_domain(T="i64")) for name in columns]),
            Margin(by=[pl.col(KEY)], max_length=_FULLEST),
        ),
        symmetric_id_distance(identifier=pl.col(PERSON)),
        zero_concentrated_divergence(),
        keys.join(grouped, on=KEY, how="left"),
    )


def _asked(recipe: Recipe, question: Question, name: str) -> pl.Expr:
    """Return the one expression that a question stands for."""
    scale = _scale(recipe, question)
    column: Any = pl.col(name)  # the library adds `.dp` at run time
    asked: pl.Expr = (
        column.dp.sum(question.limits, scale=scale)
        if question.value
        else dp_len(scale=scale, signed=True).alias(name)
    )
    return asked


def _scale(recipe: Recipe, question: Question) -> float:
    """Return the deviation of the noise on the drawn whole number: sensitivity / sqrt(2 rho)."""
    sensitivity = question.reach * recipe.rows_per_person
    return sensitivity / math.sqrt(2 * float(rho_of(question.nano_rho))) * _SLACK


def _map(measurement: Measurement, distance: float) -> Any:
    return measurement.map(distance)  # type: ignore[no-untyped-call]  # untyped in the library
