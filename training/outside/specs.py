"""What an outside trainer is told: never whom the rows are about, never the digest of a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.columns import Feature, as_json
from training.outside.contract import VERSION, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is the same in every specification of a run."""

    run: str
    model: str
    trainer: str  # name, kind and code
    dataset: str
    members: str  # keyed digest of who is in the version
    label: str
    features: Sequence[Feature]
    parameters: Mapping[str, object]
    seed: int
    watermark: Mapping[str, object]
    limit_seconds: float


def spec_of(  # noqa: PLR0913  # keyword-only, one a field
    told: Told,
    *,
    work: Work,
    key: str,
    job: int,
    rows: int,
    inputs: Mapping[str, str],
    output: Mapping[str, str],
) -> dict[str, object]:
    """Return a specification; `inputs` and `output` say where each file is, or is to be put."""
    return {
        "contract": VERSION,
        "work": work.value,
        "key": key,
        "run": told.run,
        "job": job,
        "model": told.model,
        "trainer": told.trainer,
        "parameters": dict(told.parameters),
        "seed": told.seed,
        "features": as_json(told.features),
        "order": [feature.name for feature in told.features],
        **({"label": told.label} if work is Work.TRAIN else {}),
        "rows": rows,
        "dataset": {"version": told.dataset, "members": told.members},
        "watermark": dict(told.watermark),
        "initialised from": "nothing",
        "inputs": dict(inputs),
        "output": dict(output),
        "limit_seconds": told.limit_seconds,
    }
