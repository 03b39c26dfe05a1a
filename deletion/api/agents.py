"""What is said about authorised agents over HTTP."""

from rest_framework import serializers

from deletion.api.fields import LineField, RegimeField, StrictCharField
from deletion.models import Agent

_KEY = r"^[A-Za-z0-9+/=]{43,64}\Z"


class AgentIn(serializers.Serializer[None]):
    """Whose signature is taken for a person's demand."""

    agent = serializers.RegexField(
        r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,49}\Z",
        trim_whitespace=False,
        help_text="Its id in the network's directory.",
    )
    name = LineField(max_length=100, help_text="Of the organisation.")
    public_key = serializers.RegexField(
        _KEY,
        trim_whitespace=False,
        help_text="The directory's `verify_key`: Ed25519, in base64 or in hexadecimal.",
    )
    email_namespace = StrictCharField(
        max_length=64, allow_blank=True, default="", help_text="What a verified `email` means here."
    )
    phone_namespace = StrictCharField(
        max_length=64,
        allow_blank=True,
        default="",
        help_text="What a verified `phone_number` means here, written in E.164.",
    )
    regime = RegimeField(help_text="Of requests that name none.")


class AgentOut(serializers.ModelSerializer[Agent]):
    """An agent and how many requests it signed."""

    agent = serializers.CharField(source="code")
    email_namespace = serializers.CharField(source="email_namespace_id", allow_null=True)
    phone_namespace = serializers.CharField(source="phone_namespace_id", allow_null=True)
    requests = serializers.IntegerField()
    open_requests = serializers.IntegerField()

    class Meta:
        model = Agent
        fields = [
            *("id", "agent", "name", "public_key", "email_namespace", "phone_namespace", "regime"),
            *("declared_by", "declared_at", "disabled_at", "disabled_because"),
            *("set_up_at", "token_until", "requests", "open_requests"),
        ]
