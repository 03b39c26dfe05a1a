"""What the training app writes into the trail: names, numbers, digests; never a record's value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRegistered:
    """A use of machine learning was declared; its purpose and fallback stay in its row."""

    model: str
    trainer: str
    family: str
    parameters_digest: str
    features: tuple[str, ...]
    margin_permille: int
    uses: tuple[str, ...]
    qualified_days: int | None
    descent: str  # "fine-tuned from" or "distilled from" which model; empty: from none


@dataclass(frozen=True, slots=True, kw_only=True)
class GatesDeclared:
    """Somebody declared what the data of a family has to be; the rules stay in their row."""

    family: str
    number: int
    digest: str  # of the rules
    before: str  # the digest of those that held until now; empty: the usual ones
    columns: tuple[str, ...]  # with rules of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStarted:
    """A run waits for a worker; its reason stays in its row."""

    run_id: str
    model: str
    source: str
    forced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingForced:
    """A deletion needs the open run, so the old versions go however it ends."""

    run_id: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRestarted:
    """The data was replaced meanwhile: the run begins again with what is newest."""

    run_id: str
    model: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepClaimed:
    """A worker took one step of a run."""

    run_id: str
    step: str
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailed:
    """One attempt at a step ended without a result."""

    run_id: str
    step: str
    error: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataChecked:
    """The gates looked at the data of a run."""

    run_id: str
    model: str
    verdicts: dict[str, bool]
    reasons: dict[str, str]  # of each gate; counts and names of columns, files and versions
    people: int
    rows: int
    shards: int
    reused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FitClaimed:
    """A worker took one shard of a run, or one slice of it."""

    run_id: str
    shard: int
    slice: int
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardFitted:
    """One shard was fitted from nothing, or one slice of it onto those before."""

    run_id: str
    shard: int
    slice: int
    key: str
    snapshot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotsRefused:
    """Files of these shards are not as they were written: the shards are fitted again."""

    run_id: str
    shards: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FitFailed:
    """One attempt at a shard ended without a snapshot."""

    run_id: str
    shard: int
    error: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOpened:
    """A piece of work is for an outside trainer; `excluded_by` is a digest of keyed marks."""

    run_id: str
    job: int
    work: str
    key: str
    trainer: str
    watermark: int  # version of the training set: who left it up to there is excluded
    excluded_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSubmitted:
    """The outside trainer has its specification, and the rows that it may read."""

    run_id: str
    job: int
    spec: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAnswered:
    """A trainer that is a service says that its work has ended; nobody has checked it yet."""

    run_id: str
    job: int
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnded:
    """An outside trainer's piece of work has ended; what it printed stays out of here."""

    run_id: str
    job: int
    state: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDestroyed:
    """What an outside trainer was given and left is gone; `log`: so is what it printed."""

    run_id: str
    job: int
    log: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingCancelled:
    """Somebody ended a run before it came to a version."""

    run_id: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionTrained:
    """The snapshots were put together."""

    run_id: str
    model: str
    version: int
    source: str
    artefact: str
    manifest: str
    shards: int
    shards_fitted: int
    evidence: str  # the class of evidence that it is for whoever left


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionJudged:
    """The challenger was measured on people whom no training has seen."""

    model: str
    version: int
    champion: int | None
    passed: bool
    reason: str
    measured: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionReleased:
    """A signed statement lets serving systems load the version."""

    model: str
    version: int
    artefact: str
    statement: str
    qualified_until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionStoodBy:
    """The version does not serve any more; while it is clean, people may go back to it."""

    model: str
    version: int
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRolledBack:
    """A person let the version serve again; the reason stays in the decision's row."""

    model: str
    version: int
    replaced: int | None
    statement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionWithdrawn:
    """The version must not serve any more, and nothing brings it back."""

    model: str
    version: int
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionsDoomed:
    """The artefacts of these versions have to be destroyed."""

    model: str
    versions: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotsDoomed:
    """Snapshots that belong to no version which stays have to be destroyed."""

    model: str
    snapshots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDestroyed:
    """The artefact is gone; who looked for it afterwards did not find it."""

    model: str
    version: int
    artefact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotDestroyed:
    """A snapshot that no living version uses is gone."""

    model: str
    shard: int
    snapshot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFinished:
    """The run has ended; whatever had to be destroyed is destroyed."""

    run_id: str
    model: str
    state: str
    version: int | None
    shards: int
    shards_fitted: int
    forced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRaised:
    """Nothing starts in the scope; unless it is a pool, the fallback answers.

    The reason stays in the stop's row.
    """

    stop_id: int
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopLiftProposed:
    """The first of two people said that the stop may be lifted."""

    stop_id: int
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopLifted:
    """The second of two people lifted the stop."""

    stop_id: int
    scope: str
    proposed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionAttestedGone:
    """An officer gave their word that another tool's model version is gone; nobody here looked."""

    model: str
    version: str
    evidence: str
    evidence_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalNotAccepted:
    """An officer declared a removal from another tool's version that closes no obligation."""

    model: str
    version: str
    evidence: str
    evidence_digest: str
