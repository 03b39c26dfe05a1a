"""Which identifiers are one person's, as the organisation declares it."""

from django.db import models
from typing_extensions import override

from lineage.models import Namespace


class LinkedIdentifier(models.Model):
    """An identifier that some link names. It is deleted with its last link."""

    pseudonym = models.UUIDField(primary_key=True)
    namespace = models.ForeignKey(Namespace, on_delete=models.PROTECT)
    sealed_digest = models.BinaryField()  # AES-GCM, bound to the pseudonym

    @override
    def __str__(self) -> str:
        return f"a linked identifier in {self.namespace_id}"


class Link(models.Model):
    """Two identifiers are one person's. The smaller pseudonym stands first."""

    one = models.ForeignKey(LinkedIdentifier, on_delete=models.CASCADE, related_name="onward")
    other = models.ForeignKey(LinkedIdentifier, on_delete=models.CASCADE, related_name="back")
    linked_by = models.CharField(max_length=64)
    linked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_link_per_pair", fields=["one", "other"]),
            models.CheckConstraint(
                name="a_link_has_an_order", condition=models.Q(one__lt=models.F("other"))
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"link {self.pk}"
