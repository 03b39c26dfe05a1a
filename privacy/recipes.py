"""What an anonymised input is made of: a closed declaration, checked field by field.

A recipe holds no expression, no code, no seed and no number learned from the data. Everything it
says is public: the keys, the bounds, the budget. For other programs: `schemas/recipe-1.json`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Final

from privacy.declarations import Place, listed, mapping_of
from privacy.errors import RecipeInvalid
from privacy.ledger import MOST, NanoRho, composed, shared

SCHEMA: Final = "recipe-1"
LIBRARY: Final = "opendp==0.16.0"
"""Whose privacy map prices the recipe. Another version may price it differently: a new revision."""

LEAST_DELTA: Final = Decimal("0.000000000001")
MOST_DELTA: Final = Decimal("0.001")
MOST_ROWS: Final = 1_000
MOST_KEYS: Final = 10_000
MOST_COLUMNS: Final = 200
MOST_STEPS: Final = 1 << 30  # times the 2^32 rows that a frame can hold: a sum stays within 64 bits


class Operation(StrEnum):
    """What may be asked about each key. The list is closed."""

    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"  # drawn as a sum about the middle of the bounds, then divided by the drawn count


class Keep(StrEnum):
    """Which of a person's rows count when they have more than the recipe allows."""

    FIRST = "first"  # in the order in which the store holds them
    SAMPLE = "sample"


class Provenance(StrEnum):
    """How a bound or a list of keys is known. Looking at the data is not on the list."""

    CODEBOOK = "codebook"


Key = str | int | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Whom the recipe protects: a person by an identifier of a namespace, with all their rows."""

    namespace: str
    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The public values by which rows are grouped; rows with any other value are left out."""

    column: str
    values: tuple[Key, ...]
    provenance: Provenance
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueColumn:
    """A number column, clipped to public bounds and rounded to a public step."""

    column: str
    lower: Decimal
    upper: Decimal
    step: Decimal
    missing: Decimal | None  # stands for empty cells; None: an empty cell is refused
    provenance: Provenance
    note: str

    @property
    def middle(self) -> Decimal:
        """The middle of the bounds."""
        return (self.lower + self.upper) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One noisy whole number a key, and the loss it may cause."""

    operation: Operation
    value: ValueColumn | None  # None for the count
    nano_rho: NanoRho

    @property
    def grain(self) -> Decimal:
        """What one unit of the drawn whole number means, in the column's unit."""
        if self.value is None:
            return Decimal(1)
        # Half steps: the middle of the bounds may lie between two steps.
        return self.value.step / 2 if self.operation is Operation.MEAN else self.value.step

    @property
    def origin(self) -> Decimal:
        """The value that adds nothing to the drawn whole number.

        A mean is summed about the middle of its bounds: one row then moves the sum by half the
        width instead of by the whole bound, so the same budget buys less noise.
        """
        if self.value is None or self.operation is not Operation.MEAN:
            return Decimal(0)
        return self.value.middle

    @property
    def limits(self) -> tuple[int, int]:
        """The least and the most that one row adds to the drawn whole number."""
        if self.value is None:
            return 1, 1
        return (
            int((self.value.lower - self.origin) / self.grain),
            int((self.value.upper - self.origin) / self.grain),
        )

    @property
    def reach(self) -> int:
        """How far one row can move the drawn whole number."""
        return max(abs(limit) for limit in self.limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A declaration that has been checked."""

    name: str
    family: str
    unit: Unit
    rows_per_person: int
    keep: Keep
    keys: Keys
    values: tuple[ValueColumn, ...]
    questions: tuple[Question, ...]
    delta: Decimal

    @property
    def nano_rho(self) -> NanoRho:
        """What all questions together may cost."""
        return composed(question.nano_rho for question in self.questions)

    @property
    def named_questions(self) -> list[tuple[str, Question]]:
        """Give every question a name of our own: the names of columns stay outside the library."""
        return [(f"q{index}", question) for index, question in enumerate(self.questions)]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a draw reads."""
        return (
            self.unit.column,
            self.keys.column,
            *(value.column for value in self.values),
        )

    @property
    def digest(self) -> str:
        """Return the SHA-256 of what is declared; spellings of one number give the same digest."""
        # Fields are hashed by name: a new one changes every digest and needs a new schema number.
        canonical = json.dumps(
            {"schema": SCHEMA, "library": LIBRARY, **asdict(self)},
            sort_keys=True,
            separators=(",", ":"),
            default=lambda number: format(number.normalize(), "f"),
        )
        return sha256(canonical.encode()).hexdigest()


def parse(declaration: Mapping[str, object]) -> Recipe:
    """Return the declared recipe, or raise `RecipeInvalid` naming the first field that is wrong."""
    top = mapping_of(
        declaration,
        at="",
        required=[
            *("schema", "library", "name", "source", "unit"),
            *("contribution", "keys", "values", "operations", "budget"),
        ],
    )
    top.one_of("schema", (SCHEMA,))
    top.one_of("library", (LIBRARY,))
    source = top.mapping("source", required=["family"])
    unit = top.mapping("unit", required=["namespace", "column"])
    contribution = top.mapping("contribution", required=["rows_per_person", "keep"])
    values = tuple(
        _value_column(place) for place in top.mappings("values", most=MOST_COLUMNS, least=0)
    )
    questions, delta = _questions(top, {value.column: value for value in values})
    recipe = Recipe(
        name=top.slug("name"),
        family=source.text("family"),
        unit=Unit(namespace=unit.text("namespace", longest=64), column=unit.text("column")),
        rows_per_person=contribution.integer("rows_per_person", least=1, most=MOST_ROWS),
        keep=Keep(contribution.one_of("keep", tuple(Keep))),
        keys=_keys(top),
        values=values,
        questions=questions,
        delta=delta,
    )
    _require_agreement(recipe)
    return recipe


def _keys(top: Place) -> Keys:
    keys = top.mapping("keys", required=["column", "values", "provenance"], optional=["note"])
    return Keys(
        column=keys.text("column"),
        values=keys.alike("values", most=MOST_KEYS),
        provenance=_provenance(keys),
        note=keys.prose("note"),
    )


def _value_column(place: Place) -> ValueColumn:
    place.fields(
        required=["column", "bounds", "step", "provenance"],
        optional=["missing", "note"],
    )
    lower, upper = place.pair("bounds")
    step = place.number("step")
    missing = place.number("missing") if place.has("missing") else None
    if lower >= upper:
        raise RecipeInvalid(f"{place.at}.bounds: the lower bound is not below the upper bound")
    if step <= 0:
        raise RecipeInvalid(f"{place.at}.step: not above zero")
    if max(abs(lower), abs(upper), upper - lower) / step >= MOST_STEPS:
        raise RecipeInvalid(f"{place.at}.step: the bounds are 2^30 steps or more apart")
    if lower % step or upper % step:
        raise RecipeInvalid(f"{place.at}.step: a bound is not a whole number of steps")
    if missing is not None and not lower <= missing <= upper:
        raise RecipeInvalid(f"{place.at}.missing: outside the bounds")
    return ValueColumn(
        column=place.text("column"),
        lower=lower,
        upper=upper,
        step=step,
        missing=missing,
        provenance=_provenance(place),
        note=place.prose("note"),
    )


def _provenance(place: Place) -> Provenance:
    if place.get("provenance") == "data":
        raise RecipeInvalid(
            f"{place.at}.provenance: what was learned from the data is not public; "
            "take it from a code book"
        )
    return Provenance(place.one_of("provenance", tuple(Provenance)))


def _questions(
    top: Place, values: Mapping[str, ValueColumn]
) -> tuple[tuple[Question, ...], Decimal]:
    """Read the operations with the budget: one total shared equally, or a share in each of them."""
    budget = top.mapping("budget", required=["delta"], optional=["nano_rho"])
    places = list(top.mappings("operations", least=1, most=MOST_COLUMNS + 1))
    total = budget.integer("nano_rho", least=1, most=MOST) if budget.has("nano_rho") else None
    questions = []
    for place in places:
        operation = Operation(place.one_of("kind", tuple(Operation)))
        counts = operation is Operation.COUNT
        place.fields(
            required=[
                "kind",
                *(() if counts else ("column",)),
                *(() if total else ("nano_rho",)),
            ]
        )
        if not counts and place.text("column") not in values:
            raise place.refuse("column", "not declared in values")
        questions.append(
            Question(
                operation=operation,
                value=None if counts else values[place.text("column")],
                nano_rho=shared(NanoRho(total), among=len(places))
                if total
                else NanoRho(place.integer("nano_rho", least=1, most=MOST)),
            )
        )
    delta = budget.number("delta")
    if not LEAST_DELTA <= delta <= MOST_DELTA:
        raise budget.refuse("delta", f"not between {LEAST_DELTA} and {MOST_DELTA}")
    return tuple(questions), delta


def _require_agreement(recipe: Recipe) -> None:
    """Check what no single field can show."""
    if twice := _twice(recipe.columns):
        raise RecipeInvalid(f"values: a column has two uses: {listed(twice)}")
    asked = [question.value.column if question.value else "" for question in recipe.questions]
    if twice := _twice(asked):
        raise RecipeInvalid(f"operations: asked twice: {listed(twice) or 'the count'}")
    if idle := listed({value.column for value in recipe.values} - set(asked)):
        raise RecipeInvalid(f"values: declared but never asked about: {idle}")
    if "" not in asked and any(q.operation is Operation.MEAN for q in recipe.questions):
        raise RecipeInvalid("operations: a mean needs the count beside it")
    if recipe.nano_rho > MOST:
        raise RecipeInvalid(f"operations: together they cost more than {MOST} nano-rho")


def _twice(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
