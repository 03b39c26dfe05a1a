"""What a trainer is: it fits one shard at a time, and puts the snapshots together.

Promises: the same shard, parameters and seed give the same bytes, on the same libraries; a snapshot
knows nothing of any other shard, nor of later slices; bytes are data, so that loading an artefact
never runs code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineage.sharding import HOLD_OUT, Shard
from training.columns import Feature
from training.errors import DataRefused
from training.evidence import EvidenceClass
from training.filling import Fill, FillRule

Floats = npt.NDArray[np.float64]


class Material(StrEnum):
    """What a trainer learns from."""

    PEOPLE = "people"  # the rows of a dataset version, one shard of people after the other
    RELEASE = "release"  # an anonymised release, and no row of anybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Some of a shard's people, whose rows follow those of the slices before."""

    number: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardData:
    """The people of one shard: their features, then their label, in the one order of fitting."""

    shard: Shard
    features: tuple[Feature, ...]
    label: str
    table: pa.Table
    slices: tuple[Slice, ...] = ()  # those with people in them; none: the shard is not cut
    fills: tuple[Fill, ...] = ()  # what stands in for gaps, to be learned from these people alone

    def until(self, number: int) -> "ShardData":
        """Return the people of the slices up to one, itself among them."""
        kept = tuple(each for each in self.slices if each.number <= number)
        table = self.table.slice(0, sum(each.rows for each in kept))
        return replace(self, table=table, slices=kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseData:
    """What an anonymised release says."""

    features: tuple[Feature, ...]
    counts: Mapping[str, int]  # by class
    means: Mapping[str, Mapping[str, float]]  # feature → class → mean
    bounds: Mapping[str, tuple[float, float]]  # feature → declared bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """What a model says about rows, one a row."""

    classes: tuple[str, ...]
    probabilities: Floats  # rows x classes

    @property
    def labels(self) -> list[str]:
        """Return the most probable class of each row."""
        return [self.classes[place] for place in self.probabilities.argmax(axis=1)]


class Predictor(Protocol):
    """A loaded artefact."""

    @property
    def features(self) -> Sequence[Feature]:
        """The columns that `predict` reads."""

    def predict(self, table: pa.Table) -> Predictions:
        """Say which class each row is in; a category never seen counts as none."""


@runtime_checkable
class Trainer(Protocol):
    """One way to make a model."""

    @property
    def revision(self) -> str:
        """Name and version of the algorithm and its libraries: another one, other bytes."""

    @property
    def material(self) -> Material:
        """Say what the trainer learns from."""

    @property
    def imputes(self) -> frozenset[FillRule]:
        """Say by which rules it can close gaps, learning from the people of one shard alone."""
        return frozenset()

    @property
    def evidence(self) -> EvidenceClass:
        """Say how a person leaves of whom only some shards are fitted again."""

    def check(self, parameters: Mapping[str, object]) -> None:
        """Raise `ParametersInvalid` unless the parameters are known and within their bounds."""

    def slices_of(self, parameters: Mapping[str, object]) -> int:
        """Return into how many slices each shard is cut: 1 if shards are fitted at once."""

    def fit_shard(
        self,
        data: ShardData | ReleaseData,
        *,
        parameters: Mapping[str, object],
        seed: int,
        before: bytes | None = None,
    ) -> bytes:
        """Return the snapshot of one shard.

        `before` is the snapshot of all slices of the data but the last one. With it only the last
        one is fitted; the bytes are the same without it.
        """

    def assemble(self, snapshots: Mapping[Shard, bytes]) -> bytes:
        """Return the artefact made of all snapshots."""

    def load(self, artefact: bytes) -> Predictor:
        """Return what answers; raise `ArtefactMismatch` if the bytes are no artefact of ours."""


@runtime_checkable
class Tunable(Protocol):
    """A trainer that can go on from another model's weights."""

    def require_tunable(
        self, parameters: Mapping[str, object], *, parent: Mapping[str, object]
    ) -> None:
        """Raise `ParametersInvalid` unless it can go on from a model with the parent's."""

    def beginning(self, artefact: bytes, *, shard: Shard) -> bytes | None:
        """Return what `fit_shard` takes as `before` to go on from the weights in an artefact.

        None: it has none for that shard, which is then fitted from nothing.
        """


def people_in(data: ShardData | ReleaseData, *, trainer: str) -> ShardData:
    """Return the people of a shard; raise `DataRefused` if it has none whom training may see."""
    if not isinstance(data, ShardData):
        raise DataRefused(f"{trainer} learns from people's rows, not from a release")
    if data.shard == HOLD_OUT or data.table.num_rows == 0:
        raise DataRefused("there is nobody in the shard whom training may see")
    return data
