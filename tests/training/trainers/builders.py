"""Shards made in memory, for tests of trainers."""

from typing import Any

import numpy as np
import pyarrow as pa

from lineage.sharding import Shard
from training.columns import Feature, Kind
from training.trainers.protocol import ShardData

FEATURES = (
    Feature(name="size", kind=Kind.NUMBER),
    Feature(name="weight", kind=Kind.NUMBER),
    Feature(name="ward", kind=Kind.TEXT),
)


def rows(
    number: int = 60, *, seed: int = 1, classes: tuple[str, ...] = ("ill", "well"), **changes: Any
) -> pa.Table:
    """Return rows with gaps, of classes that differ in their numbers."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, len(classes), number)
    size = rng.normal(codes * 2.0, 1.0)
    size[rng.random(number) < 0.1] = np.nan
    columns = {
        "size": pa.array(size, from_pandas=True),
        "weight": pa.array(rng.normal(70.0, 9.0, number)),
        "ward": pa.array(
            [("east", "west", None)[n] for n in rng.integers(0, 3, number)], pa.string()
        ),
        "label": pa.array([classes[code] for code in codes]),
    }
    return pa.table(columns | changes)


def shard(
    table: pa.Table, *, number: int = 0, features: tuple[Feature, ...] = FEATURES
) -> ShardData:
    return ShardData(shard=Shard(number), features=features, label="label", table=table)
