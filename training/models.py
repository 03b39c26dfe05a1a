"""Models, their versions and snapshots, runs, verdicts and the stop switch, as rows."""

from uuid import uuid4

from django.db import models
from typing_extensions import override

from lineage.models import DatasetFamily, DatasetVersion, LeasedWork, Node
from training.descent import Descent
from training.evidence import EvidenceClass
from training.outside.contract import Work
from training.states import RUN_OPEN, JobState, RunState, VersionState


class Model(models.Model):
    """A declared use of machine learning: what it is for, how it is trained, what answers else."""

    name = models.CharField(max_length=64, unique=True)
    purpose = models.CharField(max_length=300)
    trainer = models.CharField(max_length=64)  # installed, or declared as an outside one
    parameters = models.JSONField(default=dict)
    features = models.JSONField(default=list)  # column names, in order; empty: every other column
    family = models.ForeignKey(DatasetFamily, null=True, blank=True, on_delete=models.PROTECT)
    margin_permille = models.PositiveSmallIntegerField(default=50)  # a challenger may be worse by
    fallback = models.JSONField(default=dict)  # the heuristic that answers when no version may
    uses = models.JSONField(default=list)  # names of the uses it was declared for
    # How long a version may serve before it is measured again; None: as the settings say.
    qualified_days = models.PositiveSmallIntegerField(null=True, blank=True)
    pool = models.CharField(max_length=32, default="default")
    # The model it is fine-tuned or distilled from, version by version.
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    descent = models.CharField(
        max_length=16, blank=True, choices=[(d.value, d.value) for d in Descent]
    )
    registered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="margin_is_a_share",
                condition=models.Q(margin_permille__gte=1, margin_permille__lte=1000),
            ),
            models.CheckConstraint(
                name="descent_has_a_parent",
                condition=models.Q(parent__isnull=True, descent="")
                | models.Q(parent__isnull=False) & ~models.Q(descent=""),
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name


class ModelVersion(models.Model):
    """One trained state of a model, with the manifest of what it was trained on."""

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    node = models.OneToOneField(Node, on_delete=models.PROTECT, related_name="model_version")
    state = models.CharField(max_length=16, choices=[(s.value, s.value) for s in VersionState])
    dataset_version = models.ForeignKey(
        DatasetVersion, null=True, blank=True, on_delete=models.PROTECT
    )
    artefact = models.CharField(max_length=200)  # relative to ARTEFACT_DIR
    artefact_digest = models.CharField(max_length=64)
    manifest = models.JSONField(default=dict)
    evidence_class = models.CharField(
        max_length=16,
        choices=[(e.value, e.value) for e in EvidenceClass],
        default=EvidenceClass.RETRAINED.value,
    )
    metrics = models.JSONField(default=dict)
    trained_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    doomed_at = models.DateTimeField(null=True, blank=True)  # its artefact has to be destroyed
    destroyed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_model_version", fields=["model", "number"]),
            models.UniqueConstraint(
                name="one_released_version_per_model",
                fields=["model"],
                condition=models.Q(state=VersionState.RELEASED),
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.model_id} v{self.number}"


class Snapshot(models.Model):
    """The fitted state of one shard, or of its slices up to one of them.

    Later versions reuse it while its people stay the same.
    """

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="snapshots")
    shard = models.SmallIntegerField()
    slice = models.PositiveSmallIntegerField(default=0)
    key = models.CharField(max_length=64)  # digest of data, parameters, seed and code
    file = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    versions = models.ManyToManyField(ModelVersion, related_name="snapshots")
    fitted_at = models.DateTimeField()
    seconds = models.FloatField(null=True, blank=True)  # the fit took, without reading
    doomed_at = models.DateTimeField(null=True, blank=True)  # nobody may reuse it: to be destroyed
    destroyed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_living_snapshot",
                fields=["model", "shard", "key"],
                condition=models.Q(doomed_at__isnull=True, destroyed_at__isnull=True),
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"shard {self.shard} of {self.model_id}"


class GateDeclaration(models.Model):
    """What the data of a family has to be before anything learns from it; the newest holds."""

    family = models.ForeignKey(
        DatasetFamily, on_delete=models.PROTECT, related_name="gate_declarations"
    )
    number = models.PositiveIntegerField()
    rules = models.JSONField()  # as training.gates.rules writes them, defaults included
    digest = models.CharField(max_length=64)
    declared_by = models.CharField(max_length=64)
    declared_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_gate_declaration", fields=["family", "number"]),
        ]

    @override
    def __str__(self) -> str:
        return f"gates {self.number} of {self.family_id}"


class TrainingRun(LeasedWork):
    """One training of one model on one dataset version (or one anonymised release)."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="runs")
    source = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="training_runs")
    state = models.CharField(max_length=16, choices=[(s.value, s.value) for s in RunState])
    reason = models.CharField(max_length=200)
    # A deletion needs it: the old versions go, even if the new one fails.
    forced = models.BooleanField(default=False)
    plan = models.JSONField(default=dict)  # what the check found: types, profile, digests
    shards_total = models.PositiveSmallIntegerField(default=0)
    shards_hit = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    version = models.OneToOneField(
        ModelVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="run"
    )
    # The version it begins at, or that teaches it: the one released when its data was checked.
    parent = models.ForeignKey(
        ModelVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="child_runs"
    )
    # What the gates went by; none: what is usual.
    gates = models.ForeignKey(
        GateDeclaration, null=True, blank=True, on_delete=models.PROTECT, related_name="runs"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_open_run_per_model",
                fields=["model"],
                condition=models.Q(state__in=sorted(s.value for s in RUN_OPEN)),
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"training of {self.model_id} ({self.state})"


class ShardFit(LeasedWork):
    """One shard of one run, or one slice of it: the unit of a Celery task."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="fits")
    shard = models.SmallIntegerField()
    slice = models.PositiveSmallIntegerField(default=0)
    key = models.CharField(max_length=64)  # the key that the shard's snapshot has or will have
    people = models.PositiveIntegerField()
    rows = models.PositiveIntegerField()
    snapshot = models.ForeignKey(Snapshot, null=True, blank=True, on_delete=models.PROTECT)
    reused = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_fit_per_shard", fields=["run", "shard", "slice"]),
        ]

    @override
    def __str__(self) -> str:
        return f"shard {self.shard} of run {self.run_id}"


class OutsideJob(models.Model):
    """A piece of work that was given to an outside trainer: one attempt, with a key of its own."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="jobs")
    number = models.PositiveIntegerField()  # within its run: the fencing token of its messages
    work = models.CharField(max_length=16, choices=[(w.value, w.value) for w in Work])
    version = models.ForeignKey(  # whose artefact is to predict
        ModelVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="jobs"
    )
    key = models.CharField(max_length=64, unique=True)  # idempotency key, and name of its folder
    revision = models.CharField(max_length=200)  # of the trainer: its name, kind and code
    watermark = models.JSONField()
    state = models.CharField(max_length=16, choices=[(s.value, s.value) for s in JobState])
    handle = models.CharField(max_length=200, blank=True)  # empty: not submitted yet
    spec_digest = models.CharField(max_length=64, blank=True)
    given = models.JSONField(default=dict)  # digests of what it gets; the trainer is not told them
    said = models.JSONField(default=dict)  # the checked result: digests read, rows, metrics
    answer_digest = models.CharField(max_length=64, blank=True)  # of what a service said first
    progress = models.PositiveSmallIntegerField(null=True, blank=True)  # per cent
    misses = models.PositiveSmallIntegerField(default=0)  # questions in a row without an answer
    error = models.CharField(max_length=500, blank=True)  # the kind of failure, never data
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    emptied_at = models.DateTimeField(null=True, blank=True)  # its rows and outputs are destroyed
    cleared_at = models.DateTimeField(null=True, blank=True)  # and what it printed

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_job_per_number", fields=["run", "number"]),
            models.CheckConstraint(
                name="an_ended_job_has_a_moment",
                condition=models.Q(state=JobState.RUNNING, ended_at__isnull=True)
                | ~models.Q(state=JobState.RUNNING) & models.Q(ended_at__isnull=False),
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"job {self.number} of run {self.run_id} ({self.state})"


class GateVerdict(models.Model):
    """What one gate said about the data of one run."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="verdicts")
    gate = models.CharField(max_length=32)
    passed = models.BooleanField()
    reason = models.CharField(max_length=300)
    measured = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_verdict_per_gate", fields=["run", "gate"]),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.gate}: {'passed' if self.passed else 'refused'}"


class Qualification(models.Model):
    """A challenger measured against the champion on the hold-out."""

    version = models.OneToOneField(
        ModelVersion, on_delete=models.PROTECT, related_name="qualification"
    )
    champion = models.ForeignKey(
        ModelVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    passed = models.BooleanField()
    reason = models.CharField(max_length=300)
    measured = models.JSONField()
    tested = models.JSONField(default=dict)  # ranges and categories of the inputs
    judged_at = models.DateTimeField()

    @override
    def __str__(self) -> str:
        return f"{self.version_id}: {'qualified' if self.passed else 'not qualified'}"


class ModelRelease(models.Model):
    """The signed statement with which serving systems load a version."""

    version = models.OneToOneField(ModelVersion, on_delete=models.PROTECT, related_name="release")
    envelope = models.JSONField()  # DSSE over an in-toto statement
    released_at = models.DateTimeField()
    qualified_until = models.DateTimeField()  # from then on the fallback answers
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    @override
    def __str__(self) -> str:
        return f"release of {self.version_id}"


class RollBack(models.Model):
    """A person's decision that the version which served before serves again."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="roll_backs")
    replaced = models.ForeignKey(
        ModelVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=300)
    decided_by = models.CharField(max_length=64)
    decided_at = models.DateTimeField()

    @override
    def __str__(self) -> str:
        return f"back to {self.version_id}"


class Attestation(models.Model):
    """An officer's word about a model version of another tool; Lethe has not proven it.

    It says that the version is gone, or that somebody was removed from it by a method that closes
    nothing: that is kept on record, and the version goes on being somewhere.
    """

    node = models.OneToOneField(Node, on_delete=models.PROTECT, related_name="attestation")
    reason = models.CharField(max_length=300)
    evidence_class = models.CharField(
        max_length=16,
        choices=[(e.value, e.value) for e in EvidenceClass],
        default=EvidenceClass.RETIRED.value,
    )
    evidence_digest = models.CharField(max_length=64)  # SHA-256 of what the officer keeps
    attested_by = models.CharField(max_length=64)
    attested_at = models.DateTimeField()

    @override
    def __str__(self) -> str:
        return f"{self.node_id} attested {self.evidence_class}"


class Stop(models.Model):
    """The switch: while it is down no run starts in its scope and the fallback answers.

    A stop of a pool is about machines: what was released goes on to answer.
    """

    scope = models.CharField(max_length=80)  # "everything", "model/<name>", "pool/<name>"
    reason = models.CharField(max_length=300)
    raised_by = models.CharField(max_length=64)
    raised_at = models.DateTimeField()
    lift_proposed_by = models.CharField(max_length=64, blank=True)
    lifted_by = models.CharField(max_length=64, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_stop_per_scope",
                fields=["scope"],
                condition=models.Q(lifted_at__isnull=True),
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"stop of {self.scope}"
