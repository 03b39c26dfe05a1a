"""Orders to give data up with everything that was made of it, and what people attested for them."""

from uuid import uuid4

from django.db import models
from typing_extensions import override

from deletion.disgorgement import NamedBy, OrderState
from deletion.models.recipients import Recipient
from lineage.models import LeasedWork


class Disgorgement(models.Model):
    """One order: a first person proposes a plan, a second one approves exactly that."""

    named_by = models.CharField(max_length=16, choices=[(n.value, n.value) for n in NamedBy])
    name = models.CharField(max_length=100)
    order = models.CharField(max_length=100)  # the authority's reference
    reason = models.CharField(max_length=300)
    state = models.CharField(max_length=16, choices=[(s.value, s.value) for s in OrderState])
    plan = models.JSONField()  # the closure as it was when it was proposed
    digest = models.CharField(max_length=64)
    due_at = models.DateTimeField()
    proposed_by = models.CharField(max_length=64)
    proposed_at = models.DateTimeField()
    decided_by = models.CharField(max_length=64, blank=True)  # who approved it, or refused
    decided_at = models.DateTimeField(null=True, blank=True)
    carried_out_at = models.DateTimeField(null=True, blank=True)
    envelope = models.JSONField(null=True, blank=True)  # the signed statement
    statement_digest = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_open_disgorgement_of_the_same",
                fields=["named_by", "name"],
                condition=models.Q(state__in=["proposed", "approved"]),
            ),
            models.CheckConstraint(
                name="two_people_for_a_disgorgement",
                condition=~models.Q(state__in=["approved", "carried out"])
                | ~(models.Q(decided_by="") | models.Q(decided_by=models.F("proposed_by"))),
            ),
            models.CheckConstraint(
                name="what_is_carried_out_is_signed",
                condition=~models.Q(state="carried out")
                | models.Q(carried_out_at__isnull=False, envelope__isnull=False),
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"disgorgement {self.pk}"


class OrderNotice(LeasedWork):
    """A message to one recipient that what it was given is to be given up."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    disgorgement = models.ForeignKey(Disgorgement, on_delete=models.PROTECT, related_name="notices")
    recipient = models.ForeignKey(Recipient, on_delete=models.PROTECT)
    item = models.CharField(max_length=200)  # as the plan calls it
    accepted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_notice_an_item", fields=["disgorgement", "item"]),
        ]

    @override
    def __str__(self) -> str:
        return f"notice to {self.item}"


class Testimony(models.Model):
    """What somebody attests of a thing that Lethe cannot destroy or tell by itself."""

    disgorgement = models.ForeignKey(
        Disgorgement, on_delete=models.PROTECT, related_name="testimonies"
    )
    item = models.CharField(max_length=200)  # as the plan calls it
    finding = models.CharField(max_length=100)  # what Lethe saw itself; empty: somebody's word
    reason = models.CharField(max_length=300, blank=True)
    evidence_digest = models.CharField(max_length=64, blank=True)
    said_by = models.CharField(max_length=64)
    said_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "testimonies"
        constraints = [
            models.UniqueConstraint(name="one_testimony_an_item", fields=["disgorgement", "item"]),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.item} of {self.disgorgement_id}"
