"""What callers say about deletion requests and what they see. Identifiers only come in."""

from typing import Any, Final
from uuid import UUID

from django.core.validators import RegexValidator
from rest_framework import serializers

from deletion.api.fields import (
    CodeField,
    DigestField,
    IdentifierField,
    RegimeField,
    StrictCharField,
    WordField,
)
from deletion.api.recipients import TellingOut
from deletion.intake import MOST_IDENTIFIERS
from deletion.models import Batch, DeletionRequest, RequestIdentifier, Run
from deletion.queries.merging import answered_by
from deletion.regimes import REGIMES
from deletion.states import Outcome, RequestState

MOST_LINKS: Final = 1000  # that one call declares; `manage.py link_identifiers` takes any number
_NO_ZERO: Final = r"^[^\x00]*$"  # PostgreSQL keeps no zero character
ARTICLES: Final = sorted({ground.article for law in REGIMES.values() for ground in law.keep})
DENIAL_ARTICLES: Final = sorted(
    {ground.article for law in REGIMES.values() for ground in law.deny_for}
)
PAUSE_ARTICLES: Final = sorted(
    {ground.article for law in REGIMES.values() for ground in law.pause_for}
)
EXTENSION_REASONS: Final = sorted({reason for law in REGIMES.values() for reason in law.extend_for})


class DeletionRequestIn(serializers.Serializer[None]):
    """One person's demand."""

    regime = RegimeField()
    identifiers = serializers.ListField(
        child=IdentifierField(), min_length=1, max_length=MOST_IDENTIFIERS
    )
    verification = WordField(
        help_text="How the person's identity was verified, in one word such as `account-login`."
        " With `email-code` Lethe does it: it sends a code to the one address that the request"
        " names, and nothing is planned before it was repeated."
    )


class DeletionRequestsIn(serializers.Serializer[None]):
    """Which requests are asked for."""

    state = serializers.ChoiceField([state.value for state in RequestState], required=False)
    overdue = serializers.ChoiceField(
        ["true", "false"],
        required=False,
        help_text="Whether one of the two clocks has run out, and no hold is in force.",
    )


class CommitmentOut(serializers.Serializer[Any]):
    """HMAC-SHA256 under the receipt's key: namespace, a zero byte, SHA-256 of the value."""

    namespace = serializers.CharField()
    commitment = serializers.CharField()


class ReceiptOut(serializers.Serializer[Any]):
    """What the person keeps, to prove that the trail and the certificate are about them."""

    commitment_key = serializers.CharField(help_text="Hexadecimal. Lethe destroys its own copy.")
    commitments = CommitmentOut(many=True)


class DeletionRequestOut(serializers.ModelSerializer[DeletionRequest]):
    """A request and its clocks."""

    merged_into = serializers.SerializerMethodField(
        help_text="The request of the same person that does the work, and is answered with it."
    )

    def get_merged_into(self, request: DeletionRequest) -> UUID | None:
        """Return the other request, if one answers this."""
        return answered_by(request)

    class Meta:
        model = DeletionRequest
        fields = [
            *("id", "regime", "state", "verification", "verified_at", "batch", "received_at"),
            "merged_into",
            *("acknowledge_by", "erase_by", "models_by", "paused_since"),
            *("erased_at", "completed_at", "cancelled_at", "denied_at"),
        ]


class LinkIn(serializers.Serializer[None]):
    """Two identifiers of one person."""

    one = IdentifierField()
    other = IdentifierField()


class LinksIn(serializers.Serializer[None]):
    """Which identifiers are one person's."""

    links = serializers.ListField(child=LinkIn(), min_length=1, max_length=MOST_LINKS)


class LinksOut(serializers.Serializer[Any]):
    """What became of some links, counted."""

    added = serializers.IntegerField()
    known = serializers.IntegerField(help_text="Declared before, or twice here.")
    forgotten = serializers.IntegerField(
        help_text="Not kept: one of the two is on the suppression list."
    )


class LinksTakenBackOut(serializers.Serializer[Any]):
    """How many links were taken back."""

    removed = serializers.IntegerField()
    unknown = serializers.IntegerField(help_text="There was no such link.")


class OpenedRequestOut(DeletionRequestOut):
    """A request that was just opened, with its receipt. The receipt is in this answer only."""

    receipt = ReceiptOut()

    class Meta(DeletionRequestOut.Meta):
        fields = [*DeletionRequestOut.Meta.fields, "receipt"]


class ForecastOut(serializers.Serializer[Any]):
    """When a target will probably be worked on, and what it waits for."""

    starts_at = serializers.DateTimeField(allow_null=True)
    finishes_at = serializers.DateTimeField(allow_null=True)
    because = serializers.CharField()


class TargetOut(serializers.Serializer[Any]):
    """One target of a request."""

    target = serializers.CharField()
    kind = serializers.CharField()
    because = serializers.CharField()
    due_at = serializers.DateTimeField()
    outcome = serializers.ChoiceField(
        ["", *(outcome.value for outcome in Outcome)],
        help_text="Empty while there is something to do.",
    )
    note = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)
    forecast = ForecastOut(allow_null=True)
    waits_for = serializers.CharField(
        allow_blank=True, help_text="What it waits for and, where known, until when."
    )


class TimelineEntryOut(serializers.Serializer[Any]):
    """One recorded fact."""

    index = serializers.IntegerField(allow_null=True, help_text="Null until it is sealed.")
    at = serializers.DateTimeField()
    actor = serializers.CharField()
    event = serializers.CharField()
    facts = serializers.DictField()


class DenialOut(serializers.Serializer[Any]):
    """Why a request was denied, and when its person was told."""

    article = serializers.CharField()
    reason = serializers.CharField()
    told_at = serializers.DateTimeField()
    in_time = serializers.BooleanField(help_text="They were told before the law's own date.")


class LinkedOut(serializers.ModelSerializer[RequestIdentifier]):
    """An identifier that a link has added, by its number; its value is never answered."""

    class Meta:
        model = RequestIdentifier
        fields = ["id", "namespace"]


class RequestMoreOut(serializers.Serializer[Any]):
    """What the page of one request says beyond its row."""

    lawful_until = serializers.DateTimeField(help_text="The law's own date.")
    waits_for = serializers.CharField(allow_blank=True)
    merged = serializers.ListField(
        child=serializers.UUIDField(),
        help_text="The requests that are answered with this one, as far as you may see them.",
    )
    denial = DenialOut(allow_null=True)
    linked = LinkedOut(many=True)
    targets = TargetOut(many=True)
    recipients = TellingOut(many=True)
    timeline = TimelineEntryOut(many=True)


class RequestDetailOut(DeletionRequestOut, RequestMoreOut):
    """A request with its targets, its timeline, and what it waits for."""

    class Meta(DeletionRequestOut.Meta):
        fields = [
            *DeletionRequestOut.Meta.fields,
            *("lawful_until", "waits_for", "merged", "denial", "linked"),
            *("targets", "recipients", "timeline"),
        ]


class HoldIn(serializers.Serializer[None]):
    """A ground for keeping."""

    article = serializers.ChoiceField(ARTICLES, help_text="One that the request's regime knows.")
    reason = StrictCharField(
        max_length=300,
        validators=[RegexValidator(_NO_ZERO)],
        allow_blank=True,
        default="",
        help_text="For colleagues; it stays out of the trail and goes with the request's data.",
    )


class ExtensionIn(serializers.Serializer[None]):
    """Why a law gives more time, and when the person was told."""

    reason = serializers.ChoiceField(
        EXTENSION_REASONS, help_text="One that the request's regime knows."
    )
    told_at = serializers.DateTimeField(help_text="When the person was told, with the reason.")


class PauseIn(serializers.Serializer[None]):
    """What a person was asked for."""

    article = serializers.ChoiceField(
        PAUSE_ARTICLES, help_text="One that the request's regime knows; few know any."
    )
    asked_at = serializers.DateTimeField(help_text="When they were: the clocks stop there.")


class DenialIn(serializers.Serializer[None]):
    """Why a demand is refused, and when the person was told."""

    article = serializers.ChoiceField(
        DENIAL_ARTICLES, help_text="One that the request's regime knows."
    )
    told_at = serializers.DateTimeField(
        help_text="When the person was told why, and what they may do about it: to whom they may "
        "complain, or how they appeal. The page of regimes says what each law asks for."
    )


class CodeIn(serializers.Serializer[None]):
    """The code that the person read in their mail."""

    code = CodeField()


class AnswerIn(serializers.Serializer[None]):
    """That a person has answered."""

    answered_at = serializers.DateTimeField(help_text="When they did: the clocks go on from there.")


class CertificateOut(serializers.Serializer[Any]):
    """A certificate, and the proof that the trail recorded exactly this one."""

    envelope = serializers.DictField(help_text="DSSE envelope of an in-toto Statement v1.")
    digest = serializers.CharField(help_text="SHA-256 of the envelope's payload.")
    certificate_key = serializers.CharField(help_text="Verifier key (C2SP signed-note).")
    leaf = serializers.CharField(help_text="The fact as it was recorded, byte for byte.")
    proof = serializers.CharField(help_text="Where it stands in the trail (C2SP tlog-proof).")
    trail_key = serializers.CharField(help_text="Verifier key of the trail.")


class BatchOut(serializers.ModelSerializer[Batch]):
    """Requests planned together, and their plan. It names targets and counts, nobody."""

    plan = serializers.DictField()

    class Meta:
        model = Batch
        fields = [
            *("id", "digest", "planned_at", "approved_at", "approved_by", "dissolved_at", "plan")
        ]


class ApprovalIn(serializers.Serializer[None]):
    """The digest of the plan that was seen."""

    digest = DigestField()


class RunOut(serializers.ModelSerializer[Run]):
    """One piece of work on one target."""

    class Meta:
        model = Run
        fields = [
            *("id", "kind", "state", "because", "started_at", "finished_at", "last_error"),
        ]
