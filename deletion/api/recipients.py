"""What is said about recipients over HTTP."""

from typing import Any

from rest_framework import serializers

from deletion.api.fields import DigestField, LineField, StrictCharField, WordField
from deletion.models import Evidence, Recipient, Telling
from deletion.queries.recipients import callback_url_of
from deletion.states import Outcome
from deletion.telling import Answer, Ground, Way
from lineage.places import NAME


class NamespacesField(serializers.DictField):
    """Which identifiers are sent, as SHA-256: our namespace and what the recipient calls it."""

    child = serializers.RegexField(rf"^{NAME.pattern}\Z", trim_whitespace=False)


class RecipientIn(serializers.Serializer[None]):
    """How a recipient can be told."""

    name = LineField(
        max_length=100,
        help_text="The name under which the passing on is registered.",
    )
    way = serializers.ChoiceField([way.value for way in Way])
    url = StrictCharField(
        max_length=500,
        allow_blank=True,
        default="",
        help_text="https only. Of a webhook the whole address; of a processor its OpenDSR base.",
    )
    namespaces = NamespacesField(default=dict)
    waits_for_answer = serializers.BooleanField(
        default=False, help_text="OpenDSR: told only when the processor answers `completed`."
    )
    callback_key = StrictCharField(
        max_length=16 * 1024,
        allow_blank=True,
        default="",
        trim_whitespace=False,
        help_text="OpenDSR: the certificate or public key, in PEM, that verifies its callbacks.",
    )


class RecipientOut(serializers.ModelSerializer[Recipient]):
    """A recipient, and how telling it stands."""

    namespaces = serializers.DictField(child=serializers.CharField())
    told = serializers.IntegerField(help_text="Requests about which it was told.")
    excused = serializers.IntegerField(help_text="Requests about which it need not be told.")
    waiting = serializers.IntegerField()
    failing = serializers.IntegerField(help_text="Requests about which it cannot be told.")
    callback_url = serializers.SerializerMethodField(
        help_text="Where it may say by itself how far it is; empty without a key for it."
    )

    def get_callback_url(self, row: Recipient) -> str:
        """Return the address that requests to it name."""
        return callback_url_of(row)

    class Meta:
        model = Recipient
        fields = [
            *("id", "name", "way", "url", "namespaces", "waits_for_answer"),
            *("declared_by", "declared_at", "disabled_at", "disabled_because"),
            *("test_asked_at", "tested_at", "test_status", "test_trouble"),
            *("callback_key", "callback_url", "told", "excused", "waiting", "failing"),
        ]


class CallbackIn(serializers.Serializer[None]):
    """What a processor says of a request (OpenDSR 2.0, section 8.6); it may hold more than this."""

    subject_request_id = serializers.UUIDField()
    request_status = serializers.ChoiceField([answer.value for answer in Answer])
    status_callback_url = serializers.CharField(required=False)
    expected_completion_time = serializers.CharField(required=False)
    extensions = serializers.DictField(
        required=False,
        help_text="Below the processor's domain, `evidence`: what it keeps about the erasure, each "
        "with a `name` in one word and a `sha256`.",
    )


class DisablingIn(serializers.Serializer[None]):
    """Why nothing is sent."""

    reason = LineField(max_length=100, help_text="It stands in the trail: name nobody.")


class DeliveryOut(serializers.Serializer[Any]):
    """One attempt to tell a recipient."""

    number = serializers.IntegerField()
    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True)
    trouble = serializers.CharField()


class EvidenceOut(serializers.ModelSerializer[Evidence]):
    """A document about a telling that somebody keeps."""

    class Meta:
        model = Evidence
        fields = ["name", "digest", "attached_by", "attached_at"]


class EvidenceIn(serializers.Serializer[None]):
    """A document about a telling that you keep: Lethe never sees it."""

    name = WordField(help_text="One word, such as `certificate-of-destruction`.")
    digest = DigestField(help_text="SHA-256 of the document.")


class TellingOut(serializers.ModelSerializer[Telling]):
    """What one recipient was told about one request, and what it answered."""

    request = serializers.UUIDField(source="share.request_id")
    recipient = serializers.CharField(source="share.obligation.recipient.name")
    outcome = serializers.ChoiceField(
        ["", *(outcome.value for outcome in Outcome)], source="share.outcome"
    )
    note = serializers.CharField(source="share.note")
    answer = serializers.ChoiceField(["", *(answer.value for answer in Answer)])
    evidence = EvidenceOut(
        many=True,
        help_text="What was attached, also later: a certificate holds what there was when it was "
        "issued.",
    )

    class Meta:
        model = Telling
        fields = [
            *("id", "request", "recipient", "outcome", "note", "told_at", "told_by"),
            *("recorded_by", "proof_digest", "sent_at", "answer", "answered_at", "expected_at"),
            *("attempts", "status", "not_before", "evidence"),
        ]


class TellingDetailOut(TellingOut):
    """The same, with every attempt."""

    deliveries = DeliveryOut(many=True)

    class Meta(TellingOut.Meta):
        fields = [*TellingOut.Meta.fields, "deliveries"]


class ToldIn(serializers.Serializer[None]):
    """An officer's word that a recipient was told."""

    told_by = WordField(help_text="How, in one word such as `registered-letter`.")
    told_at = serializers.DateTimeField()
    proof_digest = DigestField(
        default="", allow_blank=True, help_text="SHA-256 of what proves it, which you keep."
    )


class ExcuseIn(serializers.Serializer[None]):
    """Why a recipient need not be told (GDPR Art. 19)."""

    ground = serializers.ChoiceField([ground.value for ground in Ground])
    reason = LineField(
        max_length=250,
        help_text="It stands in the certificate: name nobody.",
    )
