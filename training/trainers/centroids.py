"""`release-centroids`: a classifier made from an anonymised release, and from no row of anybody.

The nearest class mean answers. Distances are measured in widths of the declared bounds, which are
public, because the spread of the people themselves was never released.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from typing_extensions import override

from lineage.sharding import Shard
from training.columns import Feature, Kind, normalised
from training.errors import ArtefactMismatch, DataRefused
from training.evidence import EvidenceClass
from training.trainers import packing
from training.trainers.packing import pack, unpack
from training.trainers.parameters import Number, numbers_of
from training.trainers.protocol import (
    Floats,
    Material,
    Predictions,
    Predictor,
    ReleaseData,
    ShardData,
    Trainer,
)

_FORM: Final = "lethe-centroids-1"
_ALLOWED: Final = {
    # The distance, in widths of the bounds, at which a class is less probable by a factor of 1.65.
    "softness": Number(usual=0.07, least=1e-3, most=10.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Centroids(Predictor):
    """One point a class."""

    named: tuple[str, ...]
    classes: tuple[str, ...]
    means: Floats  # classes x features
    lower: Floats
    upper: Floats
    softness: float

    @property
    @override
    def features(self) -> Sequence[Feature]:
        return tuple(Feature(name=name, kind=Kind.NUMBER) for name in self.named)

    @override
    def predict(self, table: pa.Table) -> Predictions:
        plain = normalised(table, self.features)
        rows = np.column_stack([plain[name].to_numpy() for name in self.named])
        # The people behind the means were clamped to the bounds as well.
        rows = np.clip(rows.astype(np.float64), self.lower, self.upper)
        apart = (rows[:, None, :] - self.means[None, :, :]) / (self.upper - self.lower)
        known = ~np.isnan(apart)
        squares = np.where(known, apart, 0.0) ** 2
        nearness = -squares.sum(axis=2) / np.maximum(known.sum(axis=2), 1)
        scores = nearness / (2.0 * self.softness**2)
        raised = np.exp(scores - scores.max(axis=1, keepdims=True))
        return Predictions(
            classes=self.classes, probabilities=raised / raised.sum(axis=1, keepdims=True)
        )


class CentroidTrainer(Trainer):
    """The nearest noisy class mean."""

    @property
    @override
    def revision(self) -> str:
        return f"release-centroids 1, numpy {np.__version__}"

    @property
    @override
    def material(self) -> Material:
        return Material.RELEASE

    @property
    @override
    def evidence(self) -> EvidenceClass:
        return EvidenceClass.RETRAINED

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
        if not isinstance(data, ReleaseData):
            raise DataRefused("release-centroids learns from a release, never from people's rows")
        classes = sorted(data.counts)
        names = [feature.name for feature in data.features]
        bounds = np.array([data.bounds[name] for name in names], dtype=np.float64)
        means = np.array([[data.means[name][key] for name in names] for key in classes])
        return packing.write(
            _FORM,
            {
                "features": names,
                "classes": classes,
                "means": pack(means),
                "lower": pack(bounds[:, 0]),
                "upper": pack(bounds[:, 1]),
                "softness": numbers_of(parameters, _ALLOWED)["softness"],
            },
        )

    @override
    def assemble(self, snapshots: Mapping[Shard, bytes]) -> bytes:
        if len(snapshots) != 1:
            raise ArtefactMismatch("a release is one piece, so there is one snapshot of it")
        return next(iter(snapshots.values()))

    @override
    def load(self, artefact: bytes) -> Predictor:
        held = packing.read(artefact, form=_FORM)
        try:
            named, classes = packing.texts(held["features"]), packing.texts(held["classes"])
            means, softness = unpack(held["means"]), float(held["softness"])
            lower, upper = unpack(held["lower"]), unpack(held["upper"])
        except (KeyError, TypeError, ValueError) as malformed:
            raise ArtefactMismatch("the numbers in the file are malformed") from malformed
        if means.shape != (len(classes), len(named)) or not lower.shape == upper.shape == (
            len(named),
        ):
            raise ArtefactMismatch("the numbers in the file do not fit together")
        return _Centroids(
            named=named,
            classes=classes,
            means=means,
            lower=lower,
            upper=upper,
            softness=softness,
        )
