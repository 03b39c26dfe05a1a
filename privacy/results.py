"""What a draw returns: noisy whole numbers, scaled and divided into counts, sums and means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from privacy.ledger import NanoRho, rho_of
from privacy.recipes import Key, Operation, Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """The Gaussian noise of one question: public, and all that an error bar needs."""

    operation: Operation
    column: str  # empty for the count
    deviation: Decimal  # in the column's unit; of a mean: of its sum about the middle of the bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """What a recipe costs, known before any data is touched."""

    library: str  # the package that prices and draws, as it is installed
    nano_rho: NanoRho
    epsilon: Decimal
    delta: Decimal
    noise: tuple[Noise, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One draw: everything in it may be published."""

    recipe: Recipe
    priced: Priced
    counts: Mapping[str, int]
    sums: Mapping[str, Mapping[str, float]]
    means: Mapping[str, Mapping[str, float]]

    def as_json(self) -> dict[str, object]:
        """Return the form that is stored and that trainers read."""
        return {
            "keys": key_names(self.recipe),
            "counts": dict(self.counts),
            "sums": {column: dict(by_key) for column, by_key in self.sums.items()},
            "means": {column: dict(by_key) for column, by_key in self.means.items()},
            "bounds": {
                value.column: [float(value.lower), float(value.upper)]
                for value in self.recipe.values
            },
            "noise": [
                {
                    "operation": noise.operation.value,
                    "column": noise.column,
                    "deviation": float(noise.deviation),
                }
                for noise in self.priced.noise
            ],
            "rho": float(rho_of(self.priced.nano_rho)),
            "epsilon": str(self.priced.epsilon),
            "delta": format(self.priced.delta, "f"),
            "library": self.priced.library,
        }


def result_of(recipe: Recipe, priced: Priced, drawn: Mapping[str, Sequence[int]]) -> Result:
    """Scale and divide what was drawn; `drawn` holds one number a key, in the recipe's order.

    It looks at nothing but the noisy numbers, and so costs nothing.
    """
    keys = key_names(recipe)
    counts = dict.fromkeys(keys, 0)
    sums: dict[str, dict[str, float]] = {}
    means: dict[str, dict[str, float]] = {}
    # The count comes first (False sorts before True): sums and means about a middle need it.
    for name, question in sorted(
        recipe.named_questions, key=lambda named: named[1].value is not None
    ):
        numbers: dict[str, int] = dict(zip(keys, drawn[name], strict=True))
        value = question.value
        if value is None:
            counts = numbers
            continue
        amounts = {key: number * question.grain for key, number in numbers.items()}
        sums[value.column] = {
            key: float(amount + question.origin * counts[key]) for key, amount in amounts.items()
        }
        if question.operation is Operation.MEAN:
            means[value.column] = {
                key: float(
                    min(max(value.middle + amount / max(counts[key], 1), value.lower), value.upper)
                )
                for key, amount in amounts.items()
            }
    asked = {question.operation for question in recipe.questions}
    return Result(
        recipe=recipe,
        priced=priced,
        counts=counts if Operation.COUNT in asked else {},
        sums=sums,
        means=means,
    )


def key_names(recipe: Recipe) -> list[str]:
    """Return the keys as JSON names them."""
    return [_key_name(key) for key in recipe.keys.values]


def _key_name(key: Key) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)
