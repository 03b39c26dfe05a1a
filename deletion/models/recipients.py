"""Those to whom data or models were passed on, and how they can be told."""

from django.db import models
from typing_extensions import override

from deletion.telling import Way


class Recipient(models.Model):
    """A recipient by the name that lineage has for it, and the declared way of telling it."""

    name = models.CharField(max_length=100, unique=True)
    way = models.CharField(  # empty: nobody has declared one
        max_length=16, blank=True, choices=[(way.value, way.value) for way in Way]
    )
    url = models.CharField(max_length=500, blank=True)
    namespaces = models.JSONField(default=dict)  # {ours: the name that the recipient has for it}
    waits_for_answer = models.BooleanField(default=False)  # told only when it says completed
    callback_key = models.TextField(blank=True)  # PEM: whose signature its callbacks carry
    declared_by = models.CharField(max_length=64, blank=True)
    declared_at = models.DateTimeField(null=True, blank=True)
    disabled_because = models.CharField(max_length=100, blank=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    test_asked_at = models.DateTimeField(null=True, blank=True)
    tested_at = models.DateTimeField(null=True, blank=True)
    test_status = models.PositiveSmallIntegerField(null=True, blank=True)
    test_trouble = models.CharField(max_length=100, blank=True)  # empty: the test went well

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="an_address_where_one_is_needed",
                condition=models.Q(way__in=["", Way.BY_HAND.value], url="")
                | models.Q(way__in=[Way.WEBHOOK.value, Way.OPENDSR.value]) & ~models.Q(url=""),
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name
