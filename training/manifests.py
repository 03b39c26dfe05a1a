"""What is said about a version: how it was made, and that it may serve.

Neither holds a value of a record, a count of a rare class, or an unkeyed mark of a person: both
outlive the people whom the version was trained on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from audits.statements import statement_of
from training import columns
from training.evidence import EvidenceClass
from training.moments import sequence_at
from training.plans import digest_of
from training.verifier.checking import RELEASE_TYPE, STOP_TYPE, WITHDRAWALS_TYPE

API: Final = "v1"
"""The version of the HTTP API at whose addresses a serving system asks again."""

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
    parent: Mapping[str, object] | None = None,
    outside: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Return the manifest of a version."""
    made_outside = {"outside": dict(outside)} if outside else {}
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
        "initialised from": dict(parent) if parent else "nothing",
        "evidence": evidence.value,
        **plan,
        **made_outside,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A model, as far as those who serve it are told."""

    model: str
    purpose: str
    uses: Sequence[str]
    fallback: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A version that may serve, for how long, and on which inputs it was measured."""

    version: int
    artefact: str  # relative to the folder of artefacts
    artefact_digest: str
    manifest: Mapping[str, Any]
    metrics: Mapping[str, object]
    tested: Mapping[str, Mapping[str, object]]  # by feature, see `training.tested`
    judged_at: datetime
    released_at: datetime
    qualified_until: datetime
    as_of: datetime  # when what is said last became another
    keep: timedelta  # how long it holds for who cannot ask again


def release_statement(served: Served, promise: Promise) -> dict[str, object]:
    """Return the statement that a version may serve, for exactly one artefact.

    Add fields, and never give one another meaning: serving systems out there read this.
    """
    kinds = columns.from_json(promise.manifest["features"], promise.manifest["order"])
    inputs = [
        {"name": one.name, "kind": one.kind.value, **promise.tested.get(one.name, {})}
        for one in kinds
    ]
    return statement_of(
        subjects={f"{served.model}@{promise.version}": promise.artefact_digest},
        predicate_type=RELEASE_TYPE,
        predicate={
            "model": served.model,
            "version": promise.version,
            "stop": False,
            "sequence": sequence_at(promise.as_of),
            "uses": [served.purpose, *served.uses],
            "artefact": promise.artefact,
            "manifest": digest_of(promise.manifest),
            "features": [one.name for one in kinds],
            "inputs": inputs,
            "compat": {
                "api": API,
                "features": columns.schema_digest(kinds),
                "trainer": promise.manifest["revision"],
            },
            "metrics": dict(promise.metrics),
            "fallback": dict(served.fallback),
            "fallback_measured": _fallback_measured(served, promise),
            "released_at": promise.released_at.isoformat(),
            "qualified_until": promise.qualified_until.isoformat(),
            "keep_seconds": int(promise.keep.total_seconds()),
        },
    )


def _fallback_measured(served: Served, promise: Promise) -> dict[str, object] | None:
    """Say how the declared heuristic did on the same people; nothing where none is declared."""
    if "label" not in served.fallback or "heuristic accuracy" not in promise.metrics:
        return None
    return {
        "at": promise.judged_at.isoformat(),
        "people": promise.metrics["people"],
        "accuracy": promise.metrics["heuristic accuracy"],
    }


def stop_statement(
    served: Served, *, why: str, since: datetime | None, as_of: datetime | None
) -> dict[str, object]:
    """Return the statement that no version may serve, and what answers instead."""
    return statement_of(
        subjects={f"{served.model}/fallback": digest_of(dict(served.fallback))},
        predicate_type=STOP_TYPE,
        predicate={
            "model": served.model,
            "stop": True,
            "sequence": sequence_at(as_of) if as_of else 0,
            "why": why,
            "since": since.isoformat() if since else None,
            "fallback": dict(served.fallback),
        },
    )


def withdrawals_statement(
    served: Served, withdrawn: Mapping[int, str], *, as_of: datetime | None
) -> dict[str, object]:
    """Return the list of the versions that nobody may load any more, with their artefacts."""
    return statement_of(
        subjects={f"{served.model}/withdrawals": digest_of(list(withdrawn.values()))},
        predicate_type=WITHDRAWALS_TYPE,
        predicate={
            "model": served.model,
            "sequence": sequence_at(as_of) if as_of else 0,
            "withdrawn": [
                {"version": number, "sha256": digest} for number, digest in withdrawn.items()
            ],
        },
    )
