"""What is to be done for requests: obligations, the runs that discharge them, and their parts."""

from uuid import uuid4

from django.db import models
from typing_extensions import override

from deletion.models.recipients import Recipient
from deletion.models.requests import Batch, DeletionRequest
from deletion.states import ObligationKind, Outcome, RunState
from lineage.models import LeasedWork, Store
from training.models import Model, TrainingRun


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
    # Set: it erases again whom the store was free of at some moment since then.
    replay_since = models.DateTimeField(null=True, blank=True)
    training_run = models.OneToOneField(
        TrainingRun, null=True, blank=True, on_delete=models.PROTECT, related_name="deletion_run"
    )
    rounds = models.PositiveSmallIntegerField(default=0)  # how often its parts were listed
    listed = models.PositiveIntegerField(default=0)  # parts, in all rounds: so many rows there are
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
    recipient = models.ForeignKey(  # to be told, once the data is erased
        Recipient, null=True, blank=True, on_delete=models.PROTECT, related_name="obligations"
    )
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
                fields=["batch", "kind", "store", "model", "recipient"],
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
    run = models.ForeignKey(  # the work that took it, or decided it, with its evidence
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
