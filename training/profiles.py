"""What a training set looks like, coarsely enough to be kept after its people are gone.

A profile is compared with the next one, to notice that a source has changed its form. It outlives
the people it was made from, so it must not tell about one of them: it names only categories that
many people share, and the size of numbers that many people have, to the power of two. How values
are spread is kept as shares of bins, to a hundredth. A bin of numbers holds at least ten people and
at least one in twenty, and begins and ends at a multiple of 1, 2 or 5 times a power of ten, never
at a value.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa

from training import columns
from training.columns import Feature, Kind
from training.reading import People

COMMON: Final = 10  # people who share a category before a profile names it
_ROUGHLY: Final = 10  # per mille; shares are rounded to this
_WHOLE: Final = 1000  # per mille
_BINS: Final = 10  # of equal width, before those with too few people are joined
_SMALLEST: Final = 20  # one person in so many is the least that a bin holds
_MIDDLE: Final = (0.05, 0.95)  # quantiles between which the bins of equal width lie
_GRID: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """In which bins the rows are: of numbers, between edges; of texts, the common categories.

    The last shares are those of every other category, if they are texts, and of nothing said.
    """

    edges: tuple[float, ...]
    shares: tuple[int, ...]  # in per mille


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The form of a training set."""

    features: tuple[Feature, ...]
    common: Mapping[str, tuple[str, ...]]  # text column → the categories of many people
    outside: Mapping[str, int]  # text column → share of rows with another category, in per mille
    scale: Mapping[str, int]  # number column → power of two nearest to its median size
    spread: Mapping[str, Spread] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Return the form that manifests hold."""
        return {
            "features": columns.as_json(self.features),
            "common": {name: list(names) for name, names in self.common.items()},
            "outside": dict(self.outside),
            "scale": dict(self.scale),
            "spread": {
                name: {"edges": list(spread.edges), "shares": list(spread.shares)}
                for name, spread in self.spread.items()
            },
        }


def from_json(said: Mapping[str, Any]) -> Profile:
    """Read the form that manifests hold."""
    return Profile(
        features=columns.from_json(said["features"], list(said["features"])),
        common={name: tuple(names) for name, names in said["common"].items()},
        outside=said["outside"],
        scale=said["scale"],
        spread={  # older manifests have none
            name: Spread(edges=tuple(held["edges"]), shares=tuple(held["shares"]))
            for name, held in said.get("spread", {}).items()
        },
    )


def profile_of(people: People, *, source: str = "") -> Profile:
    """Return the form of what was read; the label counts as one more text column.

    So does the column that names where rows came from, if one is declared.
    """
    texts = [f.name for f in people.features if f.kind is Kind.TEXT] + [people.label]
    said = {name: people.table[name].to_pylist() for name in texts}
    if people.origins is not None and source:
        said[source] = list(people.origins)
    counted = {name: _common(people, values) for name, values in said.items()}
    numbers = {
        feature.name: people.table[feature.name].to_numpy()
        for feature in people.features
        if feature.kind is Kind.NUMBER
    }
    owners = _numbered(people.pseudonyms)
    spread = {
        name: Spread(edges=(), shares=_rounded(_text_shares(values, counted[name][0])))
        for name, values in said.items()
    }
    for name, values in numbers.items():
        if edges := _edges(values, owners):
            spread[name] = Spread(edges=edges, shares=_rounded(_number_shares(values, edges)))
    return Profile(
        features=people.features,
        common={name: common for name, (common, _) in counted.items()},
        outside={name: outside for name, (_, outside) in counted.items()},
        scale={
            name: scale
            for name, values in numbers.items()
            if (scale := _scale(values, owners)) is not None
        },
        spread=spread,
    )


def shares_in(people: People, name: str, *, like: Profile, source: str = "") -> list[float] | None:
    """Return the shares of the bins of an older profile; None if the column is not there so."""
    spread = like.spread[name]
    if name == source and people.origins is not None:
        return _text_shares(people.origins, like.common[name])
    if name not in people.table.column_names:
        return None
    column = people.table[name]
    if spread.edges:
        is_text = pa.types.is_string(column.type)
        return None if is_text else _number_shares(column.to_numpy(), spread.edges)
    if name not in like.common or not pa.types.is_string(column.type):
        return None
    return _text_shares(column.to_pylist(), like.common[name])


def share_outside(values: Sequence[str | None], common: Sequence[str]) -> float:
    """Return the share of rows with a category that is not among the common ones, in per mille."""
    said = [value for value in values if value is not None]
    known = set(common)
    return 1000 * sum(value not in known for value in said) / max(len(said), 1)


def _common(people: People, values: Sequence[str | None]) -> tuple[tuple[str, ...], int]:
    holders = Counter(
        value for value, _ in set(zip(values, people.pseudonyms, strict=True)) if value is not None
    )
    common = sorted(value for value, number in holders.items() if number >= COMMON)
    outside = share_outside(values, common)
    return tuple(common), math.ceil(outside / _ROUGHLY) * _ROUGHLY


def _scale(numbers: Any, owners: Any) -> int | None:
    """Return the usual size; None if that would be the size of a few people's numbers."""
    is_said = ~np.isnan(numbers) & (numbers != 0)
    if len(np.unique(owners[is_said])) < COMMON:
        return None
    return round(math.log2(float(np.median(np.abs(numbers[is_said])))))


def _text_shares(values: Sequence[str | None], common: Sequence[str]) -> list[float]:
    counts = Counter(values)
    named = [counts[name] for name in common]
    nothing = counts[None]
    return _permille([*named, len(values) - sum(named) - nothing, nothing])


def _number_shares(numbers: Any, edges: Sequence[float]) -> list[float]:
    said = numbers[~np.isnan(numbers)]
    counts = np.bincount(np.searchsorted(edges, said, side="right"), minlength=len(edges) + 1)
    return _permille([*counts.tolist(), len(numbers) - len(said)])


def _edges(numbers: Any, owners: Any) -> tuple[float, ...]:
    """Return where bins meet that hold enough people each; none if there would be one bin."""
    is_said = ~np.isnan(numbers)
    said, whose = numbers[is_said], owners[is_said]
    if not len(said):
        return ()
    low, high = np.quantile(said, _MIDDLE)
    step = _round_step(float(high - low) / _BINS or float(np.abs(low)) / _BINS)
    if not 0 < step < float(np.finfo(np.float64).max) / _GRID:
        return ()
    first = math.floor(low / step)
    grid = (first + np.arange(1, math.ceil(high / step) - first + 1)) * step
    cells = np.searchsorted(grid, said, side="right")
    held = np.zeros((len(grid) + 1, int(owners.max()) + 1), dtype=bool)  # bins x people
    held[cells, whose] = True
    needed = max(COMMON, math.ceil(_people(held) / _SMALLEST))
    edges: list[float] = []
    begun = 0
    for place, edge in enumerate(grid.tolist(), start=1):
        if _people(held[begun:place]) >= needed and _people(held[place:]) >= needed:
            edges.append(edge)
            begun = place
    return tuple(edges)


def _people(held: Any) -> int:
    return int(held.any(axis=0).sum())


def _round_step(size: float) -> float:
    """Return the nearest of 1, 2 and 5 times a power of ten that is not smaller."""
    if not math.isfinite(size) or size <= 0:
        return 0.0
    tens: float = 10.0 ** math.floor(math.log10(size))
    return next((one * tens for one in (1, 2, 5) if one * tens >= size), 10 * tens)


def _numbered(pseudonyms: Sequence[bytes]) -> Any:
    known: dict[bytes, int] = {}
    return np.array([known.setdefault(one, len(known)) for one in pseudonyms], dtype=np.int64)


def _permille(counts: Sequence[int]) -> list[float]:
    whole = max(sum(counts), 1)
    return [_WHOLE * count / whole for count in counts]


def _rounded(shares: Sequence[float]) -> tuple[int, ...]:
    return tuple(round(share / _ROUGHLY) * _ROUGHLY for share in shares)
