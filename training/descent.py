"""Models that came from another model: what they begin at, and what they learn. Pure.

A fine-tuned model goes on from the weights of its parent's released version: each shard from one of
the parent's shards. A distilled one learns the answers that version gives, not the labels in the
rows. Either way everybody whom that version has seen stands behind each of its shards.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import pyarrow as pa

from lineage.graph import EdgeKind
from lineage.sharding import Shard
from training.columns import Feature
from training.trainers.protocol import ShardData, Trainer, Tunable


class Descent(StrEnum):
    """How a model came from another one; the words are those of the lineage graph."""

    FINE_TUNED = EdgeKind.FINE_TUNED_FROM.value
    DISTILLED = EdgeKind.DISTILLED_FROM.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """The version that a run begins at, with its bytes."""

    descent: Descent
    trainer: Trainer  # its own
    artefact: bytes


def beginning_of(parent: Parent, shard: Shard, *, trainer: Trainer) -> bytes | None:
    """Return the snapshot that the first fit of a shard goes on from; None: from nothing."""
    if parent.descent is Descent.DISTILLED or not isinstance(trainer, Tunable):
        return None
    return trainer.beginning(parent.artefact, shard=shard)


def taught_by(parent: Parent, data: ShardData) -> ShardData:
    """Return rows with what a distilled model learns from them: its parent's answers."""
    if parent.descent is not Descent.DISTILLED:
        return data
    said = parent.trainer.load(parent.artefact).predict(data.table).labels
    place = data.table.column_names.index(data.label)
    answers = pa.array(said, type=pa.string())
    return replace(data, table=data.table.set_column(place, data.label, answers))


def misfit(parent: Parent, features: Sequence[Feature]) -> str:
    """Say why a parent cannot stand behind a model with some features; nothing if it can."""
    its = {feature.name: feature.kind for feature in parent.trainer.load(parent.artefact).features}
    mine = {feature.name: feature.kind for feature in features}
    if parent.descent is Descent.FINE_TUNED and its != mine:
        other = sorted(name for name in its.keys() | mine.keys() if its.get(name) != mine.get(name))
        return f"the model it is fine-tuned from has another column {other[0]}"
    if missing := sorted(name for name in its if its[name] != mine.get(name)):
        return f"the model that teaches it asks for column {missing[0]}"
    return ""
