"""`sharded-sklearn`: one classifier a shard of people, whose mean probability answers.

A shard is fitted from nothing, so a shard without a person is the model that never saw them. That
is exact as long as nobody chooses whom to delete by looking at published models; the key that
assigns people to shards is secret for that reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from typing_extensions import override

from lineage.sharding import HOLD_OUT, Shard
from training.columns import Feature
from training.errors import ArtefactMismatch, DataRefused
from training.trainers import packing
from training.trainers.answering import probabilities_of
from training.trainers.encoding import Encoder, encoder_of, read_encoder
from training.trainers.parameters import (
    ALLOWED,
    BY_STAGES,
    LIBRARIES,
    Estimator,
    estimator_of,
    numbers_of,
)
from training.trainers.protocol import (
    Floats,
    Material,
    Predictions,
    Predictor,
    ReleaseData,
    ShardData,
    Trainer,
)

_SNAPSHOT: Final = "lethe-shard-1"
_ARTEFACT: Final = "lethe-ensemble-1"
_WHOLE: Final = 0  # the stage of a shard that is fitted in one


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """One shard's classifier."""

    estimator: Estimator
    encoder: Encoder
    classes: tuple[str, ...]
    fitted: Mapping[str, object]

    def probabilities(self, table: pa.Table, classes: tuple[str, ...]) -> Floats:
        """Return its answers over the classes of the whole model: it gives 0 to one it lacks."""
        aligned = np.zeros((table.num_rows, len(classes)))
        columns = [classes.index(name) for name in self.classes]
        if len(self.classes) == 1:
            aligned[:, columns[0]] = 1.0
            return aligned
        rows = self.encoder.encode(table)
        aligned[:, columns] = probabilities_of(self.estimator, self.fitted, rows)
        return aligned


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ensemble(Predictor):
    """All shards' classifiers."""

    members: tuple[_Member, ...]
    classes: tuple[str, ...]

    @property
    @override
    def features(self) -> Sequence[Feature]:
        return self.members[0].encoder.features

    @override
    def predict(self, table: pa.Table) -> Predictions:
        said = [member.probabilities(table, self.classes) for member in self.members]
        return Predictions(classes=self.classes, probabilities=np.mean(said, axis=0))


class ShardedTrainer(Trainer):
    """scikit-learn's classifiers, one a shard."""

    @property
    @override
    def revision(self) -> str:
        return f"sharded-sklearn 1, {LIBRARIES}"

    @property
    @override
    def material(self) -> Material:
        return Material.PEOPLE

    @override
    def check(self, parameters: Mapping[str, object]) -> None:
        numbers_of(_without_estimator(parameters), ALLOWED[estimator_of(parameters)])

    @override
    def fit_shard(
        self, data: ShardData | ReleaseData, *, parameters: Mapping[str, object], seed: int
    ) -> bytes:
        if not isinstance(data, ShardData):
            raise DataRefused("sharded-sklearn learns from people's rows, not from a release")
        if data.shard == HOLD_OUT or data.table.num_rows == 0:
            raise DataRefused("there is nobody in the shard whom training may see")
        estimator = estimator_of(parameters)
        encoder = encoder_of(data.table, data.features)
        labels = data.table[data.label]
        classes = sorted(pc.unique(labels).to_pylist())
        codes = pc.index_in(labels, pa.array(classes)).to_numpy().astype(np.int64)
        fitted: dict[str, object] = {}
        if len(classes) > 1:
            rows, numbers = encoder.encode(data.table), _without_estimator(parameters)
            # To import scikit-learn is a third of a command's start.
            if estimator in BY_STAGES:
                from training.trainers.incremental import fit_on  # noqa: PLC0415  # as below

                state = fit_on(
                    estimator,
                    rows,
                    codes,
                    classes=len(classes),
                    before=None,
                    parameters=numbers,
                    seed=(seed, _WHOLE),
                )
                fitted = dict(state.fitted)
            else:
                from training.trainers.estimators import fit  # noqa: PLC0415  # only fitting needs it

                fitted = fit(estimator, rows, codes, parameters=numbers, seed=seed)
        return packing.write(
            _SNAPSHOT,
            {
                "estimator": estimator.value,
                "features": encoder.as_json(),
                "classes": classes,
                "fitted": fitted,
            },
        )

    @override
    def assemble(self, snapshots: Mapping[Shard, bytes]) -> bytes:
        members = {
            str(shard): packing.read(data, form=_SNAPSHOT) for shard, data in snapshots.items()
        }
        return packing.write(_ARTEFACT, {"shards": members})

    @override
    def load(self, artefact: bytes) -> Predictor:
        shards = packing.read(artefact, form=_ARTEFACT).get("shards")
        if not isinstance(shards, dict) or not shards:
            raise ArtefactMismatch("the file holds no shard")
        try:
            members = tuple(_member(shards[name]) for name in sorted(shards, key=int))
        except (KeyError, TypeError, ValueError) as malformed:
            raise ArtefactMismatch("a shard in the file is malformed") from malformed
        classes = sorted({name for member in members for name in member.classes})
        return _Ensemble(members=members, classes=tuple(classes))


def _member(held: Mapping[str, object]) -> _Member:
    features, fitted = held["features"], held["fitted"]
    if not isinstance(features, list) or not isinstance(fitted, dict):
        raise TypeError
    return _Member(
        estimator=Estimator(str(held["estimator"])),
        encoder=read_encoder(features),
        classes=packing.texts(held["classes"]),
        fitted=fitted,
    )


def _without_estimator(parameters: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in parameters.items() if name != "estimator"}
