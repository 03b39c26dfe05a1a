"""From columns to a matrix: numbers as they are, each category as a column of its own.

An encoder belongs to one shard. A common one would carry every person's categories into all shards,
and forgetting one person would mean fitting them all.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.columns import Feature, Kind, normalised
from training.trainers import packing
from training.trainers.protocol import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """The categories that a shard's people have, by feature."""

    features: tuple[Feature, ...]
    categories: Mapping[str, tuple[str, ...]]

    def encode(self, table: pa.Table) -> Floats:
        """Return one row a row; a missing number is NaN, a category not known is no category."""
        rows = normalised(table, self.features)
        columns: list[Floats] = []
        for feature in self.features:
            column = rows[feature.name]
            if feature.kind is Kind.NUMBER:
                columns.append(column.to_numpy().astype(np.float64))
                continue
            for category in self.categories[feature.name]:
                is_it = pc.fill_null(pc.equal(column, category), False)  # noqa: FBT003  # Arrow's
                columns.append(is_it.to_numpy().astype(np.float64))
        # Nobody in the shard has a category: one column that says nothing, for libraries want one.
        return np.column_stack(columns or [np.zeros(rows.num_rows)])

    def as_json(self) -> list[dict[str, object]]:
        """Return the form that snapshots hold."""
        return [
            {"name": feature.name, "kind": feature.kind.value}
            | (
                {"categories": list(self.categories[feature.name])}
                if feature.kind is Kind.TEXT
                else {}
            )
            for feature in self.features
        ]


def encoder_of(table: pa.Table, features: tuple[Feature, ...]) -> Encoder:
    """Learn the categories of a shard."""
    return Encoder(
        features=features,
        categories={
            feature.name: tuple(sorted(pc.unique(table[feature.name].drop_null()).to_pylist()))
            for feature in features
            if feature.kind is Kind.TEXT
        },
    )


def read_encoder(held: list[dict[str, object]]) -> Encoder:
    """Read the form that snapshots hold."""
    return Encoder(
        features=tuple(Feature(name=str(f["name"]), kind=Kind(str(f["kind"]))) for f in held),
        categories={
            str(f["name"]): packing.texts(f["categories"]) for f in held if "categories" in f
        },
    )
