"""`sharded-sklearn`: one classifier a shard of people, whose mean probability answers.

A shard is fitted from nothing, so a shard without a person is the model that never saw them. That
is exact as long as nobody chooses whom to delete by looking at published models; the key that
assigns people to shards is secret for that reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from typing_extensions import override

from lineage.sharding import Shard
from training.columns import Feature, schema_digest
from training.errors import ArtefactMismatch, DataRefused, ParametersInvalid
from training.evidence import EvidenceClass
from training.filling import FillRule
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
    Tunable,
    people_in,
)

_SNAPSHOT: Final = "lethe-shard-1"
_ARTEFACT: Final = "lethe-ensemble-1"
_WHOLE: Final = 0  # the stage of a shard that is not cut
_RESUME: Final = "resume"  # with what a snapshot can be gone on from


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


class ShardedTrainer(Trainer, Tunable):
    """scikit-learn's classifiers, one a shard."""

    @property
    @override
    def revision(self) -> str:
        return f"sharded-sklearn 1, {LIBRARIES}"

    @property
    @override
    def material(self) -> Material:
        return Material.PEOPLE

    @property
    @override
    def imputes(self) -> frozenset[FillRule]:
        return frozenset(FillRule)

    @property
    @override
    def evidence(self) -> EvidenceClass:
        return EvidenceClass.EXACT_COMPONENT

    @override
    def check(self, parameters: Mapping[str, object]) -> None:
        numbers_of(_without_estimator(parameters), ALLOWED[estimator_of(parameters)])

    @override
    def slices_of(self, parameters: Mapping[str, object]) -> int:
        estimator = estimator_of(parameters)
        numbers = numbers_of(_without_estimator(parameters), ALLOWED[estimator])
        return int(numbers["slices"]) if estimator in BY_STAGES else 1

    @override
    def fit_shard(
        self,
        data: ShardData | ReleaseData,
        *,
        parameters: Mapping[str, object],
        seed: int,
        before: bytes | None = None,
    ) -> bytes:
        data = people_in(data, trainer="sharded-sklearn")
        fitted: Mapping[str, object] | None = None
        if self.slices_of(parameters) == 1 and before is not None:
            fitted = _tuned(packing.read(before, form=_SNAPSHOT), data, parameters, seed)
        elif self.slices_of(parameters) == 1:
            fitted = _at_once(data, parameters, seed)
        else:
            fitted = packing.read(before, form=_SNAPSHOT) if before is not None else None
            for each in data.slices[-1:] if fitted is not None else data.slices:
                fitted = _next_stage(fitted, data.until(each.number), parameters, seed)
        return packing.write(_SNAPSHOT, fitted or {})

    @override
    def require_tunable(
        self, parameters: Mapping[str, object], *, parent: Mapping[str, object]
    ) -> None:
        estimator = estimator_of(parameters)
        if estimator not in BY_STAGES:
            able = " and ".join(sorted(BY_STAGES))
            raise ParametersInvalid(f"estimator: {estimator} cannot go on; {able} can")
        if estimator_of(parent) is not estimator:
            raise ParametersInvalid(f"estimator: its parent's is {estimator_of(parent)}")
        if self.slices_of(parameters) > 1:
            raise ParametersInvalid("slices: a model that is fine-tuned has none")

    @override
    def beginning(self, artefact: bytes, *, shard: Shard) -> bytes | None:
        from training.trainers.incremental import fresh_moments  # noqa: PLC0415  # as below

        shards = packing.read(artefact, form=_ARTEFACT).get("shards")
        if not isinstance(shards, dict) or not shards:
            raise ArtefactMismatch("the file holds no shard")
        names = sorted(shards, key=int)
        piece = shards[names[shard % len(names)]]
        if not piece["fitted"]:  # it has seen one class only: there are no weights
            return None
        resume = fresh_moments(Estimator(piece["estimator"]), piece["fitted"])
        return packing.write(_SNAPSHOT, piece | {_RESUME: resume})

    @override
    def assemble(self, snapshots: Mapping[Shard, bytes]) -> bytes:
        members = {}
        for shard, data in snapshots.items():
            piece = packing.read(data, form=_SNAPSHOT)
            piece.pop(_RESUME, None)  # answers need no optimiser
            members[str(shard)] = piece
        schemas = {_schema(held) for held in members.values()}
        if len(schemas) > 1:
            raise ArtefactMismatch("the shards were fitted on different features: train them anew")
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


def _at_once(data: ShardData, parameters: Mapping[str, object], seed: int) -> dict[str, object]:
    """Fit all rows at once, from nothing."""
    estimator = estimator_of(parameters)
    if estimator in BY_STAGES:
        state = _begun(data, parameters, seed=(seed, _WHOLE))
        state.pop(_RESUME)
        return state
    encoder = encoder_of(data.table, data.features, data.fills)
    classes = _classes_in(data)
    fitted: dict[str, object] = {}
    if len(classes) > 1:
        # To import scikit-learn is a third of a command's start.
        from training.trainers.estimators import fit  # noqa: PLC0415  # only fitting needs it

        rows, codes = encoder.encode(data.table), _codes_of(data, classes)
        numbers = _without_estimator(parameters)
        fitted = fit(estimator, rows, codes, parameters=numbers, seed=seed)
    return _held(estimator, encoder, classes, fitted)


def _tuned(
    parent: Mapping[str, Any], data: ShardData, parameters: Mapping[str, object], seed: int
) -> dict[str, object]:
    """Fit all rows onto the weights of another model, whose columns and classes stay."""
    classes = packing.texts(parent["classes"])
    if new := sorted(set(_classes_in(data)) - set(classes)):
        raise DataRefused(f"{len(new)} classes of the label are unknown to the model it began at")
    state = _gone_on(parent, data, classes, parameters, seed=(seed, _WHOLE))
    state.pop(_RESUME)
    return state


def _next_stage(
    before: Mapping[str, object] | None,
    data: ShardData,
    parameters: Mapping[str, object],
    seed: int,
) -> dict[str, object]:
    """Fit the last slice of some onto what was fitted before.

    It begins anew with all of them while there is but one class, or when the last slice brings
    another class: a model cannot answer with a class that it was not laid out for.
    """
    last = data.slices[-1]
    fresh = replace(data, table=data.table.slice(data.table.num_rows - last.rows), slices=(last,))
    if before is None or not before["fitted"]:
        return _begun(data, parameters, seed=(seed, last.number))
    classes = packing.texts(before["classes"])
    if not set(_classes_in(fresh)) <= set(classes):
        return _begun(data, parameters, seed=(seed, last.number))
    return _gone_on(before, fresh, classes, parameters, seed=(seed, last.number))


def _begun(
    data: ShardData, parameters: Mapping[str, object], *, seed: tuple[int, int]
) -> dict[str, object]:
    """Fit rows by the first stage of an estimator that can go on."""
    from training.trainers.incremental import fit_on  # noqa: PLC0415  # only fitting needs it

    estimator, classes = estimator_of(parameters), _classes_in(data)
    encoder = encoder_of(data.table, data.features, data.fills)
    if len(classes) == 1:
        return _held(estimator, encoder, classes, {}) | {_RESUME: {}}
    state = fit_on(
        estimator,
        encoder.encode(data.table),
        _codes_of(data, classes),
        classes=len(classes),
        before=None,
        parameters=_without_estimator(parameters),
        seed=seed,
    )
    return _held(estimator, encoder, classes, state.fitted) | {_RESUME: state.resume}


def _gone_on(
    before: Mapping[str, Any],
    data: ShardData,
    classes: Sequence[str],
    parameters: Mapping[str, object],
    *,
    seed: tuple[int, int],
) -> dict[str, object]:
    """Fit more rows onto a state; columns and classes stay those that it began with."""
    from training.trainers.incremental import State, fit_on  # noqa: PLC0415  # as above

    encoder = read_encoder(before["features"])
    state = fit_on(
        estimator_of(parameters),
        encoder.encode(data.table),
        _codes_of(data, classes),
        classes=len(classes),
        before=State(fitted=before["fitted"], resume=before[_RESUME]),
        parameters=_without_estimator(parameters),
        seed=seed,
    )
    return dict(before) | {"fitted": state.fitted, _RESUME: state.resume}


def _held(
    estimator: Estimator, encoder: Encoder, classes: Sequence[str], fitted: Mapping[str, object]
) -> dict[str, object]:
    """Return what a snapshot holds."""
    return {
        "estimator": estimator.value,
        "features": encoder.as_json(),
        "classes": list(classes),
        "fitted": dict(fitted),
    }


def _classes_in(data: ShardData) -> list[str]:
    return sorted(pc.unique(data.table[data.label]).to_pylist())


def _codes_of(data: ShardData, classes: Sequence[str]) -> npt.NDArray[np.int64]:
    codes = pc.index_in(data.table[data.label], pa.array(classes)).to_numpy()
    return np.asarray(codes, dtype=np.int64)


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


def _schema(held: Mapping[str, object]) -> str:
    features = held.get("features")
    if not isinstance(features, list):
        raise ArtefactMismatch("a shard in the file is malformed")
    return schema_digest(read_encoder(features).features)


def _without_estimator(parameters: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in parameters.items() if name != "estimator"}
