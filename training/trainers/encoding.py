"""From columns to a matrix: numbers as they are, each category as a column of its own.

An encoder belongs to one shard. A common one would carry every person's categories into all shards,
and forgetting one person would mean fitting them all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.columns import Feature, Kind, normalised
from training.errors import ArtefactMismatch
from training.filling import Fill, Value, filled, learned
from training.trainers import packing
from training.trainers.protocol import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """The categories that a shard's people have, by feature."""

    features: tuple[Feature, ...]
    categories: Mapping[str, tuple[str, ...]]
    stand_ins: Mapping[str, Value] = field(default_factory=dict)  # for gaps, by feature

    def encode(self, table: pa.Table) -> Floats:
        """Return one row a row; a missing number is NaN, a category not known is no category."""
        rows = normalised(table, self.features)
        columns: list[Floats] = []
        for feature in self.features:
            column = filled(rows[feature.name], self.stand_ins.get(feature.name))
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
            | ({"gaps": self.stand_ins[feature.name]} if feature.name in self.stand_ins else {})
            | (
                {"categories": list(self.categories[feature.name])}
                if feature.kind is Kind.TEXT
                else {}
            )
            for feature in self.features
        ]


def encoder_of(
    table: pa.Table, features: tuple[Feature, ...], fills: Sequence[Fill] = ()
) -> Encoder:
    """Learn the categories of a shard, and what stands in for its gaps."""
    stand_ins = learned(table, features, fills)
    return Encoder(
        features=features,
        categories={
            feature.name: _categories(filled(table[feature.name], stand_ins.get(feature.name)))
            for feature in features
            if feature.kind is Kind.TEXT
        },
        stand_ins=stand_ins,
    )


def read_encoder(held: list[dict[str, object]]) -> Encoder:
    """Read the form that snapshots hold."""
    return Encoder(
        features=tuple(Feature(name=str(f["name"]), kind=Kind(str(f["kind"]))) for f in held),
        categories={
            str(f["name"]): packing.texts(f["categories"]) for f in held if "categories" in f
        },
        stand_ins={
            str(f["name"]): _stand_in(f["gaps"], Kind(str(f["kind"]))) for f in held if "gaps" in f
        },
    )


def _categories(column: pa.ChunkedArray) -> tuple[str, ...]:
    return tuple(sorted(pc.unique(column.drop_null()).to_pylist()))


def _stand_in(value: object, kind: Kind) -> Value:
    if isinstance(value, str) and kind is Kind.TEXT:
        return value
    if isinstance(value, int | float) and kind is Kind.NUMBER:
        return float(value)
    raise ArtefactMismatch("what stands in for gaps is malformed")
