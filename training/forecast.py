"""What it costs to fit only the parts that were hit, against all of them, and the choice. Pure.

Costs are seconds of one worker, told from what earlier fits took; where none was measured they are
rows. Reading, judging and destroying cost the same both ways and are left out of both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

_LEAST: Final = 1e-6  # seconds of a fit: a clock that does not move must not make it free


class Choice(StrEnum):
    """How a version is made."""

    PARTS = "the parts hit"
    FULL = "everything"


class Unit(StrEnum):
    """In what costs are counted."""

    SECONDS = "seconds"  # of one worker, measured in earlier fits
    ROWS = "rows"  # nothing of the kind was ever fitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A shard, or one slice of it, that the new version needs."""

    shard: int
    slice: int = 0
    rows: int
    kept: bool  # a living snapshot stands for fitting it


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How long one part took in an earlier run."""

    shard: int
    slice: int = 0
    rows: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Both costs, and the choice."""

    unit: Unit
    parts: float
    full: float
    choice: Choice

    @property
    def speed_up(self) -> float | None:
        """Return how many times cheaper the parts are; None if nothing has to be fitted."""
        return self.full / self.parts if self.parts else None

    def as_json(self) -> dict[str, object]:
        """Return the form that a run and a manifest hold."""
        speed_up = self.speed_up
        return {
            **asdict(self),
            "speed_up": round(speed_up, 3) if speed_up is not None else None,
        }


def forecast(parts: Sequence[Part], measured: Sequence[Measured]) -> Forecast:
    """Return what the parts hit and everything would cost.

    A part costs what it took itself when it was fitted last, by the row; if it never was, what all
    took by the row. The parts hit are chosen only if they are expected to cost less: what has no
    advantage is made anew, which is the plainer evidence.
    """
    known = [one for one in measured if one.rows > 0]
    rates = {(one.shard, one.slice): max(one.seconds, _LEAST) / one.rows for one in known}
    costs = [_cost(part, rates, _common_rate(known)) for part in parts]
    hit = sum(cost for part, cost in zip(parts, costs, strict=True) if not part.kept)
    full = sum(costs)
    return Forecast(
        unit=Unit.SECONDS if known else Unit.ROWS,
        parts=hit,
        full=full,
        choice=choose(parts=hit, full=full),
    )


def choose(*, parts: float, full: float, margin: float = 0.0) -> Choice:
    """Return the cheaper way; the full one if both cost the same.

    With a margin the parts must be cheaper by that share: what is won by less than a prediction may
    be off is not won.
    """
    return Choice.PARTS if parts * (1.0 + margin) < full else Choice.FULL


def _cost(part: Part, rates: Mapping[tuple[int, int], float], common: float) -> float:
    return part.rows * rates.get((part.shard, part.slice), common)


def _common_rate(measured: Sequence[Measured]) -> float:
    """Return seconds by the row over everything that was measured; 1 if nothing was: a row each."""
    if not measured:
        return 1.0
    return max(sum(one.seconds for one in measured), _LEAST) / sum(one.rows for one in measured)
