"""The arithmetic of the privacy budget: whole nano-rho, always rounded against ourselves.

One nano-rho is a thousand-millionth of a unit of zero-concentrated differential privacy (zCDP).
What is spent rounds up, what may be spent rounds down: nothing costs less here than in truth.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import Final, NewType

from privacy.errors import RecipeInvalid

NanoRho = NewType("NanoRho", int)
"""A privacy loss under zCDP, in thousand-millionths; an integer, because floats do not add up."""

NANO: Final = 1_000_000_000
MOST: Final = NanoRho(10 * NANO)
"""The largest loss of one recipe: at rho = 10 nothing worth the name is protected any more."""

_EPSILON_PLACES: Final = Decimal("0.000001")


def debit_of(rho: float) -> NanoRho:
    """Return what a loss is debited as: the exact value of the float, rounded up."""
    return NanoRho(math.ceil(Fraction(rho) * NANO))


def cap_of(rho: Decimal) -> NanoRho:
    """Return the cap that a person names in rho, rounded down."""
    return NanoRho(int((rho * NANO).to_integral_value(ROUND_FLOOR)))


def rho_of(nano_rho: NanoRho) -> Decimal:
    """Return a loss in rho, exactly."""
    return Decimal(nano_rho) / NANO


def composed(losses: Iterable[NanoRho]) -> NanoRho:
    """Return the loss of several releases to the same people: zCDP adds up.

    Asking about different groups saves nothing: only the keys within one release are disjoint.
    """
    return NanoRho(sum(losses))


def group_loss(nano_rho: NanoRho, *, people: int) -> NanoRho:
    """Return the loss of a whole group: it grows with its size squared (Bun, Steinke 2016)."""
    return NanoRho(people * people * nano_rho)


def shared(total: NanoRho, *, among: int) -> NanoRho:
    """Return the equal share of each question, rounded down; the remainder is not spent."""
    if among > total:
        raise RecipeInvalid("budget.nano_rho: too little to give every operation at least one")
    return NanoRho(total // among)


def shown(epsilon: float) -> Decimal:
    """Return an epsilon as it is stored and shown: six places, rounded up."""
    return Decimal(epsilon).quantize(_EPSILON_PLACES, rounding=ROUND_CEILING)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """What has been said about the people of one dataset family, and what may still be said."""

    family: str
    unit: str
    cap_nano_rho: NanoRho
    spent_nano_rho: NanoRho
    epsilon_spent: Decimal  # of everything spent, at `delta`
    delta: Decimal

    @property
    def left_nano_rho(self) -> NanoRho:
        """What may still be spent."""
        return NanoRho(self.cap_nano_rho - self.spent_nano_rho)
