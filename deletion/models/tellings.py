"""What came of telling recipients: one row a request and recipient, and one a delivery."""

from uuid import uuid4

from django.db import models
from typing_extensions import override

from deletion.models.work import Share
from deletion.telling import Answer, Hearing
from lineage.models import LeasedWork


class Telling(LeasedWork):
    """One recipient is told about one request; the id stays the same over every attempt."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    share = models.OneToOneField(Share, on_delete=models.CASCADE, related_name="telling")
    status = models.PositiveSmallIntegerField(null=True, blank=True)  # of the newest HTTP answer
    sent_at = models.DateTimeField(null=True, blank=True)  # accepted by the recipient
    answer = models.CharField(
        max_length=16, blank=True, choices=[(a.value, a.value) for a in Answer]
    )
    answered_at = models.DateTimeField(null=True, blank=True)
    expected_at = models.DateTimeField(null=True, blank=True)  # by when it says it will be done
    told_by = models.CharField(max_length=64, blank=True)  # the way, or in a person's words
    told_at = models.DateTimeField(null=True, blank=True)
    recorded_by = models.CharField(max_length=64, blank=True)  # the person who recorded it
    proof_digest = models.CharField(max_length=64, blank=True)  # SHA-256 of the recipient's word

    class Meta:
        verbose_name_plural = "tellings"
        indexes = [models.Index(fields=["not_before"], name="telling_by_time")]

    @override
    def __str__(self) -> str:
        return f"telling {self.pk}"


class Callback(models.Model):
    """What a recipient said by itself, signed: of its body only the status and the SHA-256."""

    telling = models.ForeignKey(Telling, on_delete=models.CASCADE, related_name="callbacks")
    at = models.DateTimeField()
    answer = models.CharField(max_length=16, choices=[(a.value, a.value) for a in Answer])
    hearing = models.CharField(max_length=16, choices=[(h.value, h.value) for h in Hearing])
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="a_callback_counts_once", fields=["telling", "digest"]),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.answer} of {self.telling_id}"


class Evidence(models.Model):
    """A document about one telling that somebody keeps: its short name and its SHA-256, no more."""

    telling = models.ForeignKey(Telling, on_delete=models.CASCADE, related_name="evidence")
    name = models.CharField(max_length=64)  # one word: it stands in the trail
    digest = models.CharField(max_length=64)
    attached_by = models.CharField(max_length=64)
    attached_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "evidence"
        constraints = [
            models.UniqueConstraint(name="one_document_once", fields=["telling", "digest"]),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.name} of {self.telling_id}"


class Delivery(models.Model):
    """One attempt to tell a recipient over HTTP; what it answered beyond the status is not kept."""

    telling = models.ForeignKey(Telling, on_delete=models.CASCADE, related_name="deliveries")
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    trouble = models.CharField(max_length=100, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"

    @override
    def __str__(self) -> str:
        return f"attempt {self.number} of {self.telling_id}"
