"""Authorised agents, and the requests that they signed for people."""

from django.db import models
from typing_extensions import override

from deletion.models.requests import DeletionRequest
from lineage.models import Namespace


class Agent(models.Model):
    """An organisation that people may send, as an administrator declared it."""

    code = models.CharField(max_length=50, unique=True)  # its id in the network's directory
    name = models.CharField(max_length=100)  # of the organisation
    public_key = models.CharField(max_length=64)  # Ed25519, hexadecimal
    email_namespace = models.ForeignKey(
        Namespace, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    phone_namespace = models.ForeignKey(
        Namespace, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    regime = models.CharField(max_length=32)  # of requests that name none
    declared_by = models.CharField(max_length=64)
    declared_at = models.DateTimeField()
    disabled_because = models.CharField(max_length=100, blank=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    token_digest = models.CharField(max_length=64, blank=True)  # SHA-256; empty: it has none
    token_until = models.DateTimeField(null=True, blank=True)
    set_up_at = models.DateTimeField(null=True, blank=True)  # when the newest set-up was issued

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_agent_per_token",
                fields=["token_digest"],
                condition=~models.Q(token_digest=""),
            ),
            models.CheckConstraint(
                name="an_agent_names_people_somehow",
                condition=models.Q(email_namespace__isnull=False)
                | models.Q(phone_namespace__isnull=False),
            ),
            models.CheckConstraint(
                name="a_disabled_agent_has_no_token",
                condition=models.Q(disabled_at__isnull=True) | models.Q(token_digest=""),
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.code


class SignedDemand(models.Model):
    """By whom a request was signed. Nothing of what was signed is kept."""

    request = models.OneToOneField(
        DeletionRequest, on_delete=models.CASCADE, related_name="signed_demand"
    )
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="demands")
    agent_request_id = models.CharField(max_length=64, blank=True)  # the agent's own, if it has one
    message_tag = models.CharField(max_length=64)  # keyed: the same message again, the same request

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_request_per_signed_message", fields=["agent", "message_tag"]
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"signature of {self.request_id}"
