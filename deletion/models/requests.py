"""What people demand, what a law adds to it, and how it ended: requests and their batches."""

from uuid import uuid4

from django.db import models
from typing_extensions import override

from deletion.states import OPEN, RequestState
from lineage.models import Namespace, Node


class Batch(models.Model):
    """Requests that are planned together, and the plan that an approver repeats by its digest."""

    plan = models.JSONField()
    digest = models.CharField(max_length=64)
    planned_at = models.DateTimeField()
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.CharField(max_length=64, blank=True)  # "policy:<name>" or an officer
    dissolved_at = models.DateTimeField(null=True, blank=True)  # lineage moved on: planned again
    looked_at = models.DateTimeField(null=True, blank=True)  # by a sweep, while it waits

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
    paused_since = models.DateTimeField(null=True, blank=True)  # both clocks stand still since then
    erased_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)  # all had ended, but it had to wait
    cancelled_at = models.DateTimeField(null=True, blank=True)
    denied_at = models.DateTimeField(null=True, blank=True)
    caller = models.CharField(max_length=64)
    idempotency_tag = models.CharField(max_length=64)  # keyed: the caller's key may name somebody
    body_tag = models.CharField(max_length=64, blank=True)  # keyed; emptied on completion
    verification = models.CharField(max_length=64)  # how identity was verified: a fact, no data
    verified_at = models.DateTimeField(null=True, blank=True)  # when Lethe itself has done it
    wrapped_key = models.BinaryField(null=True, blank=True)  # its own key; destroyed at its end
    batch = models.ForeignKey(
        Batch, null=True, blank=True, on_delete=models.SET_NULL, related_name="requests"
    )
    # Another request of the same person that ends first. A merged one is answered with it.
    behind = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="followers"
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
                name="a_paused_request_says_since_when",
                condition=models.Q(state="paused", paused_since__isnull=False)
                | ~models.Q(state="paused") & models.Q(paused_since__isnull=True),
            ),
            models.CheckConstraint(
                name="a_merged_request_says_into_which",
                condition=~models.Q(state="merged") | models.Q(behind__isnull=False),
            ),
            models.CheckConstraint(
                name="a_closed_request_has_no_key",
                condition=models.Q(state__in=sorted(s.value for s in OPEN))
                | models.Q(wrapped_key__isnull=True),
            ),
        ]
        indexes = [
            models.Index(fields=["state", "erase_by"], name="request_by_due_date"),
            models.Index(fields=["regime"], name="request_by_regime"),
        ]

    @override
    def __str__(self) -> str:
        return f"deletion request {self.pk}"


class RequestIdentifier(models.Model):
    """One identifier of the person, given or linked. Rows are deleted when the request closes."""

    request = models.ForeignKey(
        DeletionRequest, on_delete=models.CASCADE, related_name="identifiers"
    )
    namespace = models.ForeignKey(Namespace, on_delete=models.PROTECT)
    pseudonym = models.UUIDField()
    leads = models.BooleanField(default=True)  # false: its request stands behind another
    sealed_digest = models.BinaryField()  # AES-GCM under the request's own key
    by_link = models.BooleanField(default=False)  # the person did not name it: a link added it

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_request_leads_for_a_person",
                fields=["pseudonym"],
                condition=models.Q(leads=True),
            ),
        ]
        indexes = [models.Index(fields=["pseudonym"], name="identifier_by_pseudonym")]

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


class Pause(models.Model):
    """The clocks stand still while a person is asked for something that the law lets one ask."""

    request = models.ForeignKey(DeletionRequest, on_delete=models.CASCADE, related_name="pauses")
    article = models.CharField(max_length=64)  # one of those that the request's regime knows
    reason = models.CharField(max_length=100)  # what the regime says of it
    asked_at = models.DateTimeField()  # the clocks stand still from then
    alert_at = models.DateTimeField()  # when a silence is somebody's to decide about
    paused_by = models.CharField(max_length=64)
    paused_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)  # and go on from then
    ended_by = models.CharField(max_length=64, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)  # without an answer: the request ended

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_pause_at_a_time",
                fields=["request"],
                condition=models.Q(ended_at__isnull=True),
            ),
            models.CheckConstraint(
                name="an_answer_follows_its_question",
                condition=models.Q(answered_at__isnull=True)
                | models.Q(answered_at__gte=models.F("asked_at"), ended_at__isnull=False),
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"pause of {self.request_id} ({self.article})"


class Denial(models.Model):
    """The refusal of a demand, with the ground that its law gives; the person was told."""

    request = models.OneToOneField(DeletionRequest, on_delete=models.CASCADE, related_name="denial")
    article = models.CharField(max_length=64)  # one of those that the request's regime knows
    reason = models.CharField(max_length=100)  # what the regime says of it
    told_at = models.DateTimeField()  # with the reason, and what they may do about it
    in_time = models.BooleanField()  # told before the law's own date
    denied_by = models.CharField(max_length=64)
    denied_at = models.DateTimeField()

    @override
    def __str__(self) -> str:
        return f"denial of {self.request_id} ({self.article})"


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
