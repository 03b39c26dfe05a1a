"""Uploads of many demands, as officers see them."""

from uuid import uuid4

from django.db import models
from typing_extensions import override


class Import(models.Model):
    """One sending of an upload, and how its lines were answered. It names nobody."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    source = models.CharField(max_length=16)  # "http" or "command"
    upload_tag = models.CharField(max_length=64)  # keyed: the same key again, the same tag
    started_by = models.CharField(max_length=64)
    started_at = models.DateTimeField()
    last_at = models.DateTimeField()  # when it was last heard of
    accepted = models.PositiveIntegerField(default=0)
    known = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    ended_at = models.DateTimeField(null=True, blank=True)  # never, if its process was killed
    broken_because = models.CharField(max_length=200, blank=True)  # why it was not read to its end

    class Meta:
        indexes = [models.Index(fields=["-started_at"], name="import_newest_first")]

    @override
    def __str__(self) -> str:
        return f"import {self.pk}"
