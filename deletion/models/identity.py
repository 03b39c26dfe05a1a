"""What is known meanwhile of a person who has not confirmed who they are yet."""

from django.db import models
from typing_extensions import override

from deletion.models.requests import DeletionRequest


class EmailCheck(models.Model):
    """The address that a code goes to. The row ends with the confirmation, or with the time."""

    request = models.OneToOneField(
        DeletionRequest, on_delete=models.CASCADE, related_name="email_check"
    )
    sealed_address = models.BinaryField()  # AES-GCM under the request's own key
    expires_at = models.DateTimeField()  # the address is destroyed then, and an officer decides
    wanted_at = models.DateTimeField(null=True, blank=True)  # a code is to be sent
    not_before = models.DateTimeField(null=True, blank=True)  # it could not be sent: a pause
    failures = models.PositiveSmallIntegerField(default=0)
    codes = models.PositiveSmallIntegerField(default=0)  # made so far
    code_tag = models.CharField(max_length=64, blank=True)  # keyed; empty: there is none
    code_made_at = models.DateTimeField(null=True, blank=True)
    tries_left = models.PositiveSmallIntegerField(default=0)

    @override
    def __str__(self) -> str:
        return f"address check of {self.request_id}"
