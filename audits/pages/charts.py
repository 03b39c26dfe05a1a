"""Bar charts drawn on the server: no script, and readable as a table."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_WIDTH: Final = 720
_HEIGHT: Final = 220
_LEFT: Final = 36
_BOTTOM: Final = 28
_TOP: Final = 10
_LINES: Final = 4  # horizontal lines above zero
_GAP: Final = 0.3  # of the room of one label


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar, in the units of the picture."""

    x: float
    y: float
    width: float
    height: float
    said: str  # for those who hover or listen
    series: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One horizontal line, with the number it stands for."""

    y: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A word under the bars."""

    x: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """A bar chart with everything that its template draws."""

    title: str
    names: Sequence[str]
    bars: Sequence[Bar]
    lines: Sequence[Line]
    labels: Sequence[Label]
    table: Sequence[tuple[str, Sequence[int]]]
    width: int = _WIDTH
    height: int = _HEIGHT
    left: int = _LEFT
    label_y: int = _HEIGHT - _BOTTOM + 18
    right: int = _WIDTH

    @property
    def is_empty(self) -> bool:
        """Say whether there is nothing to draw."""
        return not self.bars


def bars_of(*, title: str, labels: Sequence[str], series: Mapping[str, Sequence[int]]) -> Bars:
    """Lay out bars beside each other, under round numbers on the axis."""
    highest = max((value for values in series.values() for value in values), default=0)
    step = _round_step(highest)
    top = step * _LINES
    room = (_WIDTH - _LEFT) / max(len(labels), 1)
    width = room * (1 - _GAP) / max(len(series), 1)
    floor = _HEIGHT - _BOTTOM
    scale = (floor - _TOP) / top
    # Every second label where they would run into each other.
    every = 1 if len(labels) <= _LINES * 2 else 2
    return Bars(
        title=title,
        names=list(series),
        bars=[
            Bar(
                x=round(_LEFT + room * place + room * _GAP / 2 + width * number, 1),
                y=round(floor - value * scale, 1),
                width=round(width - 1, 1),
                height=round(value * scale, 1),
                said=f"{labels[place]}: {value} {name}",
                series=number,
            )
            for number, (name, values) in enumerate(series.items())
            for place, value in enumerate(values)
            if value
        ],
        lines=[
            Line(y=round(floor - step * count * scale, 1), label=f"{step * count:,}")
            for count in range(_LINES + 1)
        ],
        labels=[
            Label(x=round(_LEFT + room * (place + 0.5), 1), text=text)
            for place, text in enumerate(labels)
            if place % every == 0
        ],
        table=[
            (text, [values[place] for values in series.values()])
            for place, text in enumerate(labels)
        ],
    )


def _round_step(highest: int) -> int:
    """Return the distance of the lines: 1, 2 or 5 times a power of ten."""
    rough = max(highest, _LINES) / _LINES
    power = 10 ** math.floor(math.log10(rough))
    return next(int(power * factor) for factor in (1, 2, 5, 10) if power * factor >= rough)
