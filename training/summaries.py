"""What other apps are told about models, versions and runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lineage.graph import EdgeKind
from training.evidence import EvidenceClass
from training.states import RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSaid:
    """What one gate said."""

    gate: str
    passed: bool
    reason: str
    measured: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """How a run stands, or how it ended."""

    run_id: UUID
    model: str
    state: RunState
    reason: str  # why it was refused or failed; empty while there is nothing to say
    forced: bool
    shards_hit: int
    shards_total: int
    version: int | None
    metrics: Mapping[str, object]
    forecast: Mapping[str, object]  # what fitting the parts hit, and everything, should cost
    fitting_seconds: float | None  # what the fits took together
    evidence_class: EvidenceClass
    evidence: Mapping[str, object]
    gates: tuple[GateSaid, ...]
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTraining:
    """A run that may still make a version of a model, and the node it learns from."""

    model_id: int
    model: str
    source_node_id: int
    parent_node_id: int | None = None  # of the version that it begins at, or that teaches it
    descent: EdgeKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What serving systems are told: a signed envelope, and the digest of what it says."""

    envelope: Mapping[str, object]
    digest: str
    ends_at: datetime | None = None  # from then on something else is said; None: nobody knows when
