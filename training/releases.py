"""Reads an anonymised release as a trainer's material, or says why it cannot be one. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from training.columns import Feature, Kind
from training.errors import DataRefused
from training.plans import RELEASE_SHARD, Plan, PlannedShard, Recipe, digest_of
from training.trainers.protocol import ReleaseData

_LEAST_COUNT: Final = 1  # noisy counts can be 0 or less, and a sum cannot be divided by them


def read_release(
    result: Mapping[str, Any], *, keys: str, label: str, names: Sequence[str]
) -> ReleaseData:
    """Return counts and means by class; `keys` is the column by which the release was grouped.

    A mean that was not released is made of its sum and the count, both noisy: post-processing, free
    of charge.
    """
    if keys != label:
        raise DataRefused(f"the release is grouped by {keys}, and the label is {label}")
    counts: dict[str, int] = dict(result["counts"])
    if len(counts) < 2:  # noqa: PLR2004  # a question has two answers
        raise DataRefused("the release counts fewer than two classes")
    sums: Mapping[str, Mapping[str, float]] = result.get("sums", {})
    chosen = list(names) or sorted(sums)
    if missing := [name for name in chosen if name not in sums]:
        raise DataRefused(f"the release has no sum of {missing[0]}")
    if not chosen:
        raise DataRefused("the release has counts, but no sum of any column")
    means = {name: dict(result["means"].get(name) or _means(sums[name], counts)) for name in chosen}
    return ReleaseData(
        features=tuple(Feature(name=name, kind=Kind.NUMBER) for name in chosen),
        counts=counts,
        means=means,
        bounds={name: (result["bounds"][name][0], result["bounds"][name][1]) for name in chosen},
    )


def plan_of_release(data: ReleaseData, recipe: Recipe) -> Plan:
    """Plan to make a model of a release: one piece, and nobody's row in it."""
    content = {"means": digest_of(data.means), "bounds": digest_of(data.bounds)}
    return Plan(
        features=data.features,
        hold_out=None,
        profile=None,
        shards=(
            PlannedShard(
                shard=RELEASE_SHARD,
                key=recipe.key_of(RELEASE_SHARD, features=data.features, content=content),
                people=0,
                rows=0,
            ),
        ),
    )


def _means(sums: Mapping[str, float], counts: Mapping[str, int]) -> dict[str, float]:
    return {key: total / max(counts[key], _LEAST_COUNT) for key, total in sums.items()}
