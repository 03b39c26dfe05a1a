"""What callers say to the audits app and what they see."""

import re
from datetime import date
from typing import Any, Final

from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from typing_extensions import override

from audits.reports import Clock, Standing
from audits.told import Word


class StrictCharField(serializers.CharField):
    """A text, and only a text: a number sent for one is refused."""

    @override
    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class DayField(serializers.DateField):
    """A day in the one spelling `2026-01-31`."""

    @override
    def to_internal_value(self, value: object) -> date:
        if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
            self.fail("invalid", format="YYYY-MM-DD")
        return super().to_internal_value(value)


_SAYS_SOMETHING: Final = r"^[^\x00]*[^\s\x00][^\x00]*$"


@extend_schema_field(
    {"type": "string", "enum": [clock.value for clock in Clock]}, component_name="Clock"
)
class ClockField(serializers.CharField):
    """How a clock stands; named once, since two fields hold it."""


class ReportIn(serializers.Serializer[None]):
    """The period of a report: by the day of receipt in UTC, both days included.

    A period that ends before it begins holds no request, and the report says which period it is of.
    """

    since = DayField(required=False, help_text="Received on this day or later.")
    until = DayField(required=False, help_text="Received on this day or earlier.")


class CheckpointOut(serializers.Serializer[None]):
    """The signed statement of the trail that a report goes back to."""

    size = serializers.IntegerField()
    root = serializers.CharField()  # type: ignore[assignment]  # DRF takes fields off the class
    sealed_at = serializers.DateTimeField()
    note = serializers.CharField()


class TotalsOut(serializers.Serializer[None]):
    """Requests of one regime, counted."""

    regime = serializers.CharField()
    received = serializers.IntegerField()
    complete = serializers.IntegerField()
    in_time = serializers.IntegerField()
    late = serializers.IntegerField()
    open = serializers.IntegerField()
    overdue = serializers.IntegerField()
    held = serializers.IntegerField()
    held_past_date = serializers.IntegerField(help_text="Of the held ones: a date has passed.")
    paused = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    denied = serializers.IntegerField()
    denied_late = serializers.IntegerField(
        help_text="Of the denied ones: the person was told after the law's own date."
    )
    median_days = serializers.CharField(allow_null=True)
    p95_days = serializers.CharField(allow_null=True)
    attainment_percent = serializers.CharField(allow_null=True)


class ReportedEvidenceOut(serializers.Serializer[None]):
    """A document that somebody keeps, by its SHA-256."""

    name = serializers.CharField()
    digest = serializers.CharField()
    attached_at = serializers.DateTimeField()
    after_certificate = serializers.BooleanField(
        help_text="It is not in the certificate, which was issued before."
    )


class ReportedRecipientOut(serializers.Serializer[None]):
    """A recipient that the person had reached: they may ask for its name (GDPR Art. 19)."""

    recipient = serializers.CharField()
    standing = serializers.ChoiceField([word.value for word in Word])
    told_at = serializers.DateTimeField(allow_null=True)
    told_by = serializers.CharField(allow_blank=True)
    recorded_by = serializers.CharField(allow_blank=True)
    excused_on = serializers.CharField(allow_blank=True)
    proof_digest = serializers.CharField(allow_blank=True)
    evidence = ReportedEvidenceOut(many=True)


class ReportedRequestOut(serializers.Serializer[None]):
    """One request, as the trail tells it."""

    request_id = serializers.CharField()
    regime = serializers.CharField()
    standing = serializers.ChoiceField([standing.value for standing in Standing])
    verification = serializers.CharField()
    received_at = serializers.DateTimeField()
    acknowledge_by = serializers.DateTimeField(allow_null=True)
    erase_by = serializers.DateTimeField()
    erased_at = serializers.DateTimeField(allow_null=True)
    data_clock = ClockField()
    models_by = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)
    models_clock = ClockField()
    cancelled_at = serializers.DateTimeField(allow_null=True)
    denied_at = serializers.DateTimeField(allow_null=True)
    denied_under = serializers.CharField(allow_blank=True)
    denied_because = serializers.CharField(allow_blank=True)
    denial_told_at = serializers.DateTimeField(allow_null=True)
    held_since = serializers.DateTimeField(allow_null=True)
    held_under = serializers.CharField(allow_blank=True)
    paused_since = serializers.DateTimeField(allow_null=True)
    paused_under = serializers.CharField(allow_blank=True)
    days_paused = serializers.CharField()
    days_taken = serializers.CharField(allow_null=True)
    outcomes = serializers.DictField(child=serializers.IntegerField())
    certificate_digest = serializers.CharField(allow_blank=True)
    recipients = ReportedRecipientOut(many=True)


class ReportOut(serializers.Serializer[None]):
    """The report on deletion requests."""

    origin = serializers.CharField()
    generated_at = serializers.DateTimeField()
    since = serializers.DateField(allow_null=True)
    until = serializers.DateField(allow_null=True)
    unsealed_facts = serializers.IntegerField()
    checkpoint = CheckpointOut(allow_null=True)
    totals = TotalsOut(many=True)
    requests = ReportedRequestOut(many=True)


class ResolutionIn(serializers.Serializer[None]):
    """What was done about an alert."""

    resolution = StrictCharField(
        min_length=1,
        max_length=2000,
        trim_whitespace=False,
        validators=[RegexValidator(_SAYS_SOMETHING)],
        help_text="Kept beside the alert, not in the trail. Name no person.",
    )


class AlertOut(serializers.Serializer[Any]):
    """Something that a person must look at."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    about = serializers.CharField()
    detail = serializers.DictField()
    raised_at = serializers.DateTimeField()


class ResolvedAlertOut(AlertOut):
    """An alert that somebody answered."""

    resolved_at = serializers.DateTimeField()
    resolved_by = serializers.CharField()
    resolution = serializers.CharField()
