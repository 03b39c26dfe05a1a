"""The append-only trail, its seals, and the alerts that people must answer."""

from django.db import models
from typing_extensions import override


class OutboxEntry(models.Model):
    """A fact written in the transaction that made it true, waiting for the sealer.

    The identity column is not the order of the trail, since transactions commit out of order: the
    sealer gives the index.
    """

    recorded_at = models.DateTimeField()
    about = models.CharField(max_length=120)
    event = models.CharField(max_length=64)
    entry = models.BinaryField()

    class Meta:
        verbose_name_plural = "outbox entries"

    @override
    def __str__(self) -> str:
        return f"{self.event} about {self.about}, not sealed yet"


class Leaf(models.Model):
    """One sealed fact. Triggers refuse UPDATE, DELETE and TRUNCATE.

    `entry` names people by commitments only, so that an erasure never has to edit the trail.
    """

    index = models.BigIntegerField(primary_key=True)
    recorded_at = models.DateTimeField()
    about = models.CharField(max_length=120)
    event = models.CharField(max_length=64)
    entry = models.BinaryField()
    leaf_hash = models.BinaryField()

    class Meta:
        verbose_name_plural = "leaves"
        indexes = [
            models.Index(fields=["about", "index"], name="leaf_by_about"),
            models.Index(fields=["event", "index"], name="leaf_by_event"),
        ]
        constraints = [
            models.CheckConstraint(name="leaf_index_from_zero", condition=models.Q(index__gte=0)),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.index}: {self.event} about {self.about}"


class Tile(models.Model):
    """Up to 256 hashes of one level of the Merkle tree (C2SP tlog-tiles); the right edge grows."""

    level = models.SmallIntegerField()
    index = models.BigIntegerField()
    hashes = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_tile_per_place", fields=["level", "index"]),
        ]

    @override
    def __str__(self) -> str:
        return f"tile {self.level}/{self.index}"


class Checkpoint(models.Model):
    """A signed statement of the whole trail's size and root (C2SP tlog-checkpoint)."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField()
    note = models.TextField()
    sealed_at = models.DateTimeField()

    @override
    def __str__(self) -> str:
        return f"checkpoint of {self.size} leaves"


class Alert(models.Model):
    """Something a person must look at; it stays open until somebody says what was done."""

    kind = models.CharField(max_length=64)
    about = models.CharField(max_length=120)
    detail = models.JSONField(default=dict)
    raised_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.CharField(max_length=64, blank=True)
    resolution = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_open_alert_of_a_kind",
                fields=["kind", "about"],
                condition=models.Q(resolved_at__isnull=True),
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.kind} about {self.about}"
