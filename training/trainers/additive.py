"""`exact-statistics`: models made of sums alone, so that people are taken out by subtraction.

A snapshot holds what one shard's people add; the artefact holds the total of all, in whole numbers.
The total does not depend on how people fall into shards, so shards cost no accuracy. Who leaves
costs one shard: what it added before is taken out, and what it adds without them is put in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from typing_extensions import override

from lineage.sharding import Shard
from training.columns import Feature, Kind
from training.errors import ArtefactMismatch, ParametersInvalid
from training.evidence import EvidenceClass
from training.trainers import packing, tallies
from training.trainers.parameters import Number, numbers_of
from training.trainers.protocol import (
    Material,
    Predictor,
    ReleaseData,
    ShardData,
    Trainer,
    people_in,
)
from training.trainers.summed import NaiveBayes, Ridge

_FORM: Final = "lethe-tally-1"
_BITS: Final = Number(usual=16, least=0, most=30, whole=True)


class Summed(StrEnum):
    """What is made of the sums."""

    NAIVE_BAYES = "naive-bayes"
    RIDGE = "ridge"


_ALLOWED: Final[Mapping[Summed, Mapping[str, Number]]] = {
    Summed.NAIVE_BAYES: {
        "alpha": Number(usual=1.0, least=1e-6, most=1e6),  # added to the count of each category
        "var_smoothing": Number(usual=1e-9, least=1e-12, most=1.0),
        "fraction_bits": _BITS,
    },
    Summed.RIDGE: {
        "alpha": Number(usual=1.0, least=1e-6, most=1e6),  # the penalty, of columns of spread 1
        "fraction_bits": _BITS,
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What a snapshot or an artefact says."""

    kind: Summed
    numbers: Mapping[str, float | int]
    features: tuple[Feature, ...]
    tally: tallies.Tally


class AdditiveTrainer(Trainer):
    """Naive Bayes and ridge regression in whole numbers."""

    @property
    @override
    def revision(self) -> str:
        return "exact-statistics 1"  # whole numbers: no library changes a bit of them

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
        _chosen(parameters)

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
        data = people_in(data, trainer="exact-statistics")
        kind, numbers = _chosen(parameters)
        count = {
            Summed.NAIVE_BAYES: tallies.naive_bayes_tally,
            Summed.RIDGE: tallies.ridge_tally,
        }[kind]
        bits = int(numbers["fraction_bits"])
        tally = count(data.table, data.features, data.label, fraction_bits=bits)
        return _written(_Held(kind=kind, numbers=numbers, features=data.features, tally=tally))

    @override
    def assemble(self, snapshots: Mapping[Shard, bytes]) -> bytes:
        return plus(*snapshots.values())

    @override
    def load(self, artefact: bytes) -> Predictor:
        held = _read(artefact)
        try:
            match held.kind:
                case Summed.NAIVE_BAYES:
                    return NaiveBayes.of(held.features, held.tally, held.numbers)
                case Summed.RIDGE:
                    return Ridge.of(held.features, held.tally, held.numbers)
        except (KeyError, ValueError, ZeroDivisionError, np.linalg.LinAlgError) as malformed:
            raise ArtefactMismatch("the sums in the file do not fit together") from malformed


def plus(*files: bytes) -> bytes:
    """Return the artefact of what several snapshots or artefacts count together."""
    return _joined(files, lambda tally: tallies.plus(*tally))


def minus(whole: bytes, part: bytes) -> bytes:
    """Return an artefact without a snapshot that is in it: the exact downdate."""
    return _joined([whole, part], lambda tally: tallies.minus(*tally))


def _joined(files: Sequence[bytes], join: Any) -> bytes:
    held = [_read(file) for file in files]
    if not held:
        raise ArtefactMismatch("there is no snapshot")
    first = held[0]
    if any(
        (one.kind, one.numbers, one.features) != (first.kind, first.numbers, first.features)
        for one in held
    ):
        raise ArtefactMismatch("the snapshots do not count the same")
    tally = join([one.tally for one in held])
    return _written(
        _Held(kind=first.kind, numbers=first.numbers, features=first.features, tally=tally)
    )


def _chosen(parameters: Mapping[str, object]) -> tuple[Summed, dict[str, float | int]]:
    named = parameters.get("estimator", Summed.NAIVE_BAYES.value)
    if named not in [kind.value for kind in Summed]:
        known = ", ".join(kind.value for kind in Summed)
        raise ParametersInvalid(f"estimator: not one of {known}")
    kind = Summed(str(named))
    others = {name: value for name, value in parameters.items() if name != "estimator"}
    return kind, numbers_of(others, _ALLOWED[kind])


def _written(held: _Held) -> bytes:
    return packing.write(
        _FORM,
        {
            "estimator": held.kind.value,
            "numbers": dict(held.numbers),
            "features": [[feature.name, feature.kind.value] for feature in held.features],
            "tally": tallies.as_json(held.tally),
        },
    )


def _read(data: bytes) -> _Held:
    said = packing.read(data, form=_FORM)
    try:
        return _Held(
            kind=Summed(said["estimator"]),
            numbers=dict(said["numbers"]),
            features=tuple(Feature(name=str(n), kind=Kind(k)) for n, k in said["features"]),
            tally=tallies.from_json(said["tally"]),
        )
    except (KeyError, TypeError, ValueError) as malformed:
        raise ArtefactMismatch("the file is malformed") from malformed
