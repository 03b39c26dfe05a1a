"""What a training set looks like, coarsely enough to be kept after its people are gone.

A profile is compared with the next one, to notice that a source has changed its form. It outlives
the people it was made from, so it must not tell about one of them: it names only categories that
many people share, and the size of numbers only to the power of two.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from training import columns
from training.columns import Feature, Kind
from training.reading import People

COMMON: Final = 10  # people who share a category before a profile names it
_ROUGHLY: Final = 10  # per mille; shares are rounded up to this


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The form of a training set."""

    features: tuple[Feature, ...]
    common: Mapping[str, tuple[str, ...]]  # text column → the categories of many people
    outside: Mapping[str, int]  # text column → share of rows with another category, in per mille
    scale: Mapping[str, int]  # number column → power of two nearest to its median size

    def as_json(self) -> dict[str, object]:
        """Return the form that manifests hold."""
        return {
            "features": columns.as_json(self.features),
            "common": {name: list(names) for name, names in self.common.items()},
            "outside": dict(self.outside),
            "scale": dict(self.scale),
        }


def from_json(said: Mapping[str, Any]) -> Profile:
    """Read the form that manifests hold."""
    return Profile(
        features=columns.from_json(said["features"], list(said["features"])),
        common={name: tuple(names) for name, names in said["common"].items()},
        outside=said["outside"],
        scale=said["scale"],
    )


def profile_of(people: People) -> Profile:
    """Return the form of what was read; the label counts as one more text column."""
    texts = [f.name for f in people.features if f.kind is Kind.TEXT] + [people.label]
    counted = {name: _common(people, name) for name in texts}
    return Profile(
        features=people.features,
        common={name: common for name, (common, _) in counted.items()},
        outside={name: outside for name, (_, outside) in counted.items()},
        scale={
            feature.name: scale
            for feature in people.features
            if feature.kind is Kind.NUMBER
            and (scale := _scale(people.table[feature.name].to_numpy())) is not None
        },
    )


def share_outside(values: Sequence[str | None], common: Sequence[str]) -> float:
    """Return the share of rows with a category that is not among the common ones, in per mille."""
    said = [value for value in values if value is not None]
    known = set(common)
    return 1000 * sum(value not in known for value in said) / max(len(said), 1)


def _common(people: People, name: str) -> tuple[tuple[str, ...], int]:
    values = people.table[name].to_pylist()
    holders = Counter(
        value for value, _ in set(zip(values, people.pseudonyms, strict=True)) if value is not None
    )
    common = sorted(value for value, number in holders.items() if number >= COMMON)
    outside = share_outside(values, common)
    return tuple(common), math.ceil(outside / _ROUGHLY) * _ROUGHLY


def _scale(numbers: Any) -> int | None:
    sizes = np.abs(numbers[~np.isnan(numbers) & (numbers != 0)])
    return round(math.log2(float(np.median(sizes)))) if sizes.size else None
