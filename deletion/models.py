"""Requests, batches, obligations and runs, as rows. `deletion.actions` changes them."""

from uuid import uuid4

from django.db import models
from typing_extensions import override

from deletion.states import OPEN, ObligationKind, Outcome, RequestState, RunState
from lineage.models import LeasedWork, Namespace, Node, Store
from training.models import Model, TrainingRun


class Batch(models.Model):
    """Requests that are planned together, and the plan that an approver repeats by its digest."""

    plan = models.JSONField()
    digest = models.CharField(max_length=64)
    planned_at = models.DateTimeField()
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.CharField(max_length=64, blank=True)  # "policy:<name>" or an officer
    dissolved_at = models.DateTimeField(null=True, blank=True)  # lineage moved on: planned again

    class Meta:
        verbose_name_plural = "batches"

    @override
    def __str__(self) -> str:
        return f"batch {self.pk}"


class DeletionRequest(models.Model):
    """One person's demand, and how far it has got."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    regime = models.CharField(max_length=32)
    state = models.CharField(
        max_length=16, choices=[(s.value, s.value) for s in RequestState], default="received"
    )
    received_at = models.DateTimeField()
    acknowledge_by = models.DateTimeField(null=True, blank=True)
    erase_by = models.DateTimeField()  # the clock of *data erased*
    models_by = models.DateTimeField()  # the clock of *models clean*
    erased_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    caller = models.CharField(max_length=64)
    idempotency_tag = models.CharField(max_length=64)  # keyed: the caller's key may name somebody
    body_tag = models.CharField(max_length=64, blank=True)  # keyed; emptied on completion
    verification = models.CharField(max_length=64)  # how identity was verified: a fact, no data
    wrapped_key = models.BinaryField(null=True, blank=True)  # its own key; destroyed at its end
    batch = models.ForeignKey(
        Batch, null=True, blank=True, on_delete=models.SET_NULL, related_name="requests"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_request_per_idempotency_key", fields=["caller", "idempotency_tag"]
            ),
            models.CheckConstraint(
                name="deletion_request_state_is_known",
                condition=models.Q(state__in=[s.value for s in RequestState]),
            ),
            models.CheckConstraint(
                name="a_closed_request_has_no_key",
                condition=models.Q(state__in=sorted(s.value for s in OPEN))
                | models.Q(wrapped_key__isnull=True),
            ),
        ]
        indexes = [models.Index(fields=["state", "erase_by"], name="request_by_due_date")]

    @override
    def __str__(self) -> str:
        return f"deletion request {self.pk}"


class RequestIdentifier(models.Model):
    """One identifier that the person gave. Rows are deleted when the request closes."""

    request = models.ForeignKey(
        DeletionRequest, on_delete=models.CASCADE, related_name="identifiers"
    )
    namespace = models.ForeignKey(Namespace, on_delete=models.PROTECT)
    pseudonym = models.UUIDField(unique=True)  # unique: one open request per person
    sealed_digest = models.BinaryField()  # AES-GCM under the request's own key

    @override
    def __str__(self) -> str:
        return f"an identifier of request {self.request_id}"


class Hold(models.Model):
    """A legal reason to keep, with its article. Two people: who releases is not who placed."""

    request = models.ForeignKey(DeletionRequest, on_delete=models.CASCADE, related_name="holds")
    article = models.CharField(max_length=64)  # one of the grounds that the request's regime knows
    reason = models.CharField(max_length=300, blank=True)  # an officer's words; emptied at the end
    placed_by = models.CharField(max_length=64)
    placed_at = models.DateTimeField()
    released_by = models.CharField(max_length=64, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_hold_at_a_time",
                fields=["request"],
                condition=models.Q(released_at__isnull=True),
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"hold on {self.request_id} ({self.article})"


class Extension(models.Model):
    """More time, as a law allows it once, with the reason that the person was told."""

    request = models.OneToOneField(
        DeletionRequest, on_delete=models.CASCADE, related_name="extension"
    )
    article = models.CharField(max_length=64)
    reason = models.CharField(max_length=100)  # one of those that the request's regime knows
    told_at = models.DateTimeField()  # when the person was
    extended_by = models.CharField(max_length=64)
    extended_at = models.DateTimeField()
    erase_by_before = models.DateTimeField()
    models_by_before = models.DateTimeField()

    @override
    def __str__(self) -> str:
        return f"extension of {self.request_id} ({self.article})"


class Run(LeasedWork):
    """One piece of work on one target that discharges many obligations at once."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    kind = models.CharField(max_length=8, choices=[(k.value, k.value) for k in ObligationKind])
    store = models.ForeignKey(Store, null=True, blank=True, on_delete=models.PROTECT)
    model = models.ForeignKey(Model, null=True, blank=True, on_delete=models.PROTECT)
    state = models.CharField(max_length=16, choices=[(s.value, s.value) for s in RunState])
    because = models.CharField(max_length=200)  # the scheduler's reason
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    training_run = models.OneToOneField(
        TrainingRun, null=True, blank=True, on_delete=models.PROTECT, related_name="deletion_run"
    )
    rounds = models.PositiveSmallIntegerField(default=0)  # how often its parts were listed
    evidence = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="a_run_has_one_target",
                condition=models.Q(kind=ObligationKind.ERASE, store__isnull=False, model=None)
                | models.Q(kind=ObligationKind.RETRAIN, model__isnull=False, store=None),
            ),
            models.UniqueConstraint(
                name="one_run_per_store", fields=["store"], condition=~models.Q(state="succeeded")
            ),
            models.UniqueConstraint(
                name="one_run_per_model", fields=["model"], condition=~models.Q(state="succeeded")
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"run {self.pk} ({self.state})"


class Obligation(models.Model):
    """One target must be free of the people of one batch by a date."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="obligations")
    kind = models.CharField(max_length=8, choices=[(k.value, k.value) for k in ObligationKind])
    store = models.ForeignKey(Store, null=True, blank=True, on_delete=models.PROTECT)
    model = models.ForeignKey(Model, null=True, blank=True, on_delete=models.PROTECT)
    because = models.CharField(max_length=300)  # how lineage leads from the people to the target
    after = models.ManyToManyField(
        "self", symmetrical=False, blank=True, related_name="feeds"
    )  # the stores to be clean before a model is trained again
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    run = models.ForeignKey(
        Run, null=True, blank=True, on_delete=models.SET_NULL, related_name="obligations"
    )
    discharged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_obligation_per_target",
                fields=["batch", "kind", "store", "model"],
                nulls_distinct=False,
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.kind} by {self.due_at:%Y-%m-%d}"


class Share(models.Model):
    """One request's part in one obligation, with the outcome that the certificate will state."""

    obligation = models.ForeignKey(Obligation, on_delete=models.CASCADE, related_name="shares")
    request = models.ForeignKey(DeletionRequest, on_delete=models.PROTECT, related_name="shares")
    expected = models.BooleanField(default=False)  # lineage said that the person is there
    outcome = models.CharField(
        max_length=16, blank=True, choices=[(o.value, o.value) for o in Outcome]
    )
    note = models.CharField(max_length=300, blank=True)  # why shielded, why unreachable
    decided_at = models.DateTimeField(null=True, blank=True)
    run = models.ForeignKey(  # the work that decided it, with its evidence
        Run, null=True, blank=True, on_delete=models.PROTECT, related_name="shares"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_share", fields=["obligation", "request"]),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.request_id}: {self.outcome or 'open'}"


class RunPart(LeasedWork):
    """One file or table of a run: the unit of a Celery task."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="parts")
    name = models.TextField()  # a path below its store: as long as the file system lets it be
    round = models.PositiveSmallIntegerField(default=1)  # later rounds: it changed meanwhile
    digest = models.CharField(max_length=128)  # of its state when it was listed, then when proven
    step = models.CharField(max_length=16, blank=True)
    evidence = models.JSONField(default=dict)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_row_per_part", fields=["run", "name", "round"]),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.name}: {self.step or 'waiting'}"


class Found(models.Model):
    """A request's person was found in a part; written before anything there is replaced."""

    part = models.ForeignKey(RunPart, on_delete=models.CASCADE, related_name="found")
    request = models.ForeignKey(DeletionRequest, on_delete=models.CASCADE, related_name="found")

    class Meta:
        verbose_name_plural = "found"
        constraints = [
            models.UniqueConstraint(name="found_once_per_part", fields=["part", "request"]),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.request_id} in {self.part_id}"


class Deferral(models.Model):
    """A finished request's person is in a release that shielded the models behind it.

    Lineage forgets the person on completion; this is what is left to see when the shield ends.
    """

    request = models.ForeignKey(DeletionRequest, on_delete=models.PROTECT, related_name="deferrals")
    release = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="deferrals")
    policy = models.CharField(max_length=64)  # the one that shields, or did last
    ended_at = models.DateTimeField(null=True, blank=True)  # no policy shields any more

    class Meta:
        constraints = [
            models.UniqueConstraint(name="deferred_once", fields=["request", "release"]),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.request_id} behind {self.release_id}"


class Certificate(models.Model):
    """The signed statement of a finished request; verifiable without Lethe."""

    request = models.OneToOneField(
        DeletionRequest, on_delete=models.PROTECT, related_name="certificate"
    )
    envelope = models.JSONField()
    digest = models.CharField(max_length=64)
    issued_at = models.DateTimeField()

    @override
    def __str__(self) -> str:
        return f"certificate of {self.request_id}"
