"""What is said about a version: how it was made, and that it may serve.

Neither holds a value of a record, a count of a rare class, or an unkeyed mark of a person: both
outlive the people whom the version was trained on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from audits.statements import statement_of
from training.evidence import EvidenceClass
from training.plans import digest_of

RELEASE_TYPE: Final = "https://lethe.example/model-release/v1"
STOP_TYPE: Final = "https://lethe.example/model-stop/v1"

SHARDING: Final = (
    "HMAC-SHA256(shard key, family, 0x00, pseudonym): bytes 0-7 modulo 1000 below the hold-out's "
    "per mille: held out; else bytes 8-15 modulo the number of shards, "
    "and bytes 16-23 modulo the number of slices"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardMade:
    """One snapshot within a version."""

    shard: int
    slice: int = 0
    people: int
    rows: int
    seed: int
    key: str
    snapshot: str  # SHA-256 of its bytes
    reused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSaid:
    """What a version was trained on."""

    kind: str
    name: str
    version: str
    member_digest: str
    parts: Mapping[str, str]
    shards: int
    hold_out_permille: int


def manifest_of(  # noqa: PLR0913  # keyword-only, one a field
    *,
    run_id: str,
    model: str,
    trainer: str,
    revision: str,
    parameters: Mapping[str, object],
    label: str,
    plan: Mapping[str, object],
    source: SourceSaid,
    evidence: EvidenceClass,
    shards: Sequence[ShardMade],
) -> dict[str, object]:
    """Return the manifest of a version."""
    return {
        "v": 1,
        "run": run_id,
        "model": model,
        "trainer": trainer,
        "revision": revision,
        "threads": 1,
        "parameters": dict(parameters),
        "label": label,
        "source": asdict(source),
        "sharding": SHARDING,
        "shards": [asdict(shard) for shard in shards],
        "initialised from": "nothing",
        "evidence": evidence.value,
        **plan,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A model, as far as those who serve it are told."""

    model: str
    purpose: str
    fallback: Mapping[str, object]


def release_statement(  # noqa: PLR0913  # keyword-only, one a field
    served: Served,
    *,
    version: int,
    artefact: str,
    artefact_digest: str,
    manifest: Mapping[str, object],
    metrics: Mapping[str, object],
    features: Sequence[str],
    released_at: datetime,
) -> dict[str, object]:
    """Return the statement that a version may serve, for exactly one artefact."""
    return statement_of(
        subjects={f"{served.model}@{version}": artefact_digest},
        predicate_type=RELEASE_TYPE,
        predicate={
            "model": served.model,
            "version": version,
            "stop": False,
            "uses": [served.purpose],
            "artefact": artefact,
            "manifest": digest_of(manifest),
            "features": list(features),
            "metrics": dict(metrics),
            "fallback": dict(served.fallback),
            "released_at": released_at.isoformat(),
        },
    )


def stop_statement(served: Served, *, why: str, since: datetime | None) -> dict[str, object]:
    """Return the statement that no version may serve, and what answers instead."""
    return statement_of(
        subjects={f"{served.model}/fallback": digest_of(dict(served.fallback))},
        predicate_type=STOP_TYPE,
        predicate={
            "model": served.model,
            "stop": True,
            "why": why,
            "since": since.isoformat() if since else None,
            "fallback": dict(served.fallback),
        },
    )
