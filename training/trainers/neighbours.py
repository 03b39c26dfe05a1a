"""`nearest-neighbours`: the rows themselves answer, so that whoever's rows go is gone.

A snapshot holds one shard's rows, the artefact those of all shards, in an order that depends on
nothing but the rows. Nothing is marked as deleted and kept: the file is written again without the
rows. How columns are scaled is computed from the rows when the artefact is loaded. An artefact of
this kind is the training set; it is to be kept and destroyed like one.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from typing_extensions import override

from lineage.sharding import Shard
from training.columns import Feature, Kind, normalised
from training.errors import ArtefactMismatch
from training.evidence import EvidenceClass
from training.trainers import packing
from training.trainers.encoding import Encoder, encoder_of
from training.trainers.parameters import Number, numbers_of
from training.trainers.protocol import (
    Floats,
    Material,
    Predictions,
    Predictor,
    ReleaseData,
    ShardData,
    Trainer,
    people_in,
)

_FORM: Final = "lethe-rows-1"
_ALLOWED: Final = {"neighbours": Number(usual=15, least=1, most=10_000, whole=True)}
_AT_ONCE: Final = 64  # rows that are compared with all others in one step, for the memory's sake

Row = tuple[object, ...]  # the label, then each feature; None where nothing is known


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What a snapshot or an artefact says."""

    features: tuple[Feature, ...]
    neighbours: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Neighbours(Predictor):
    """Rows as points, and the class of each."""

    encoder: Encoder
    classes: tuple[str, ...]
    codes: Floats  # rows x classes: 1 for the class of a row
    mean: Floats
    spread: Floats
    points: Floats
    neighbours: int

    @property
    @override
    def features(self) -> Sequence[Feature]:
        return self.encoder.features

    @override
    def predict(self, table: pa.Table) -> Predictions:
        asked = _scaled(self.encoder.encode(table), self.mean, self.spread)
        lengths = (self.points**2).sum(axis=1)
        count = min(self.neighbours, len(self.points))
        shares = [np.zeros((0, len(self.classes)))]
        for start in range(0, len(asked), _AT_ONCE):
            some = asked[start : start + _AT_ONCE]
            # Without the length of the asked row itself, which is the same for all of them.
            apart = lengths - 2.0 * (some @ self.points.T)
            # Stable: of rows that are equally near, the earlier one counts.
            nearest = np.argsort(apart, axis=1, kind="stable")[:, :count]
            shares.append(self.codes[nearest].mean(axis=1))
        return Predictions(classes=self.classes, probabilities=np.concatenate(shares))


class NeighbourTrainer(Trainer):
    """The classes of the nearest rows, each with one vote."""

    @property
    @override
    def revision(self) -> str:
        return "nearest-neighbours 1"  # rows as they are: no library changes a bit of them

    @property
    @override
    def material(self) -> Material:
        return Material.PEOPLE

    @property
    @override
    def evidence(self) -> EvidenceClass:
        return EvidenceClass.EXACT_DOWNDATE

    @override
    def check(self, parameters: Mapping[str, object]) -> None:
        numbers_of(parameters, _ALLOWED)

    @override
    def slices_of(self, parameters: Mapping[str, object]) -> int:
        return 1

    @override
    def fit_shard(
        self,
        data: ShardData | ReleaseData,
        *,
        parameters: Mapping[str, object],
        seed: int,
        before: bytes | None = None,
    ) -> bytes:
        data = people_in(data, trainer="nearest-neighbours")
        columns = [data.label, *(feature.name for feature in data.features)]
        cells = [data.table[name].to_pylist() for name in columns]
        return _written(
            _Held(
                features=data.features,
                neighbours=int(numbers_of(parameters, _ALLOWED)["neighbours"]),
                rows=tuple(zip(*cells, strict=True)),
            )
        )

    @override
    def assemble(self, snapshots: Mapping[Shard, bytes]) -> bytes:
        held = [_read(data) for data in snapshots.values()]
        if not held or len({(one.features, one.neighbours) for one in held}) > 1:
            raise ArtefactMismatch("the snapshots do not hold the same columns")
        rows = tuple(row for one in held for row in one.rows)
        return _written(_Held(features=held[0].features, neighbours=held[0].neighbours, rows=rows))

    @override
    def load(self, artefact: bytes) -> Predictor:
        held = _read(artefact)
        try:
            return _model_of(held)
        except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError, TypeError) as malformed:
            raise ArtefactMismatch("the rows in the file are malformed") from malformed


def minus(whole: bytes, part: bytes) -> bytes:
    """Return an artefact without the rows of a snapshot; each goes as often as it stands there."""
    held, gone = _read(whole), _read(part)
    left = Counter(map(_spelled, held.rows))
    left.subtract(map(_spelled, gone.rows))
    if min(left.values(), default=0) < 0:
        raise ArtefactMismatch("the artefact does not hold the rows that are to go")
    rows = tuple(tuple(json.loads(row)) for row in left.elements())
    return _written(_Held(features=held.features, neighbours=held.neighbours, rows=rows))


def _model_of(held: _Held) -> _Neighbours:
    names = ["", *(feature.name for feature in held.features)]
    cells = dict(zip(names, zip(*held.rows, strict=True), strict=True))
    labels = np.array(cells.pop(""), dtype=str)
    types = {Kind.NUMBER: pa.float64(), Kind.TEXT: pa.string()}
    table = normalised(
        pa.table(
            {
                feature.name: pa.array(cells[feature.name], types[feature.kind])
                for feature in held.features
            }
        ),
        held.features,
    )
    encoder = encoder_of(table, held.features)
    points = encoder.encode(table)
    with np.errstate(invalid="ignore", divide="ignore"):
        known = np.maximum((~np.isnan(points)).sum(axis=0), 1)
        mean = np.nansum(points, axis=0) / known
        spread = np.sqrt(np.nansum((points - mean) ** 2, axis=0) / known)
    spread = np.where(spread > 0.0, spread, 1.0)
    classes = tuple(sorted(set(labels.tolist())))
    return _Neighbours(
        encoder=encoder,
        classes=classes,
        codes=np.column_stack([labels == name for name in classes]).astype(np.float64),
        mean=mean,
        spread=spread,
        points=_scaled(points, mean, spread),
        neighbours=held.neighbours,
    )


def _scaled(rows: Floats, mean: Floats, spread: Floats) -> Floats:
    """Put every column on one scale; what is missing lies in the middle."""
    scaled = (rows - mean) / spread
    return np.where(np.isnan(scaled), 0.0, scaled)


def _written(held: _Held) -> bytes:
    return packing.write(
        _FORM,
        {
            "features": [[feature.name, feature.kind.value] for feature in held.features],
            "neighbours": held.neighbours,
            "rows": [json.loads(row) for row in sorted(map(_spelled, held.rows))],
        },
    )


def _spelled(row: Iterable[object]) -> str:
    return json.dumps(list(row), ensure_ascii=False)


def _read(data: bytes) -> _Held:
    said = packing.read(data, form=_FORM)
    try:
        features = tuple(Feature(name=str(n), kind=Kind(k)) for n, k in said["features"])
        rows = tuple(tuple(row) for row in said["rows"])
        neighbours = int(said["neighbours"])
    except (KeyError, TypeError, ValueError) as malformed:
        raise ArtefactMismatch("the file is malformed") from malformed
    if neighbours < 1 or not rows or any(len(row) != len(features) + 1 for row in rows):
        raise ArtefactMismatch("the rows in the file are malformed")
    return _Held(features=features, neighbours=neighbours, rows=rows)
