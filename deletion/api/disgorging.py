"""What callers say about orders to give data up, and what they see of them."""

from typing import Any

from rest_framework import serializers

from deletion.api.fields import DigestField, LineField
from deletion.disgorgement import DAYS, NamedBy
from deletion.models import Disgorgement


class DataNamedIn(serializers.Serializer[None]):
    """The data that an order names."""

    named_by = serializers.ChoiceField([one.value for one in NamedBy])
    name = LineField(max_length=100)


class DisgorgementIn(DataNamedIn):
    """A proposal to give data up."""

    order = LineField(max_length=100, help_text="Its reference.")
    reason = LineField(max_length=300, help_text="It stays out of the trail. Name nobody.")
    days = serializers.IntegerField(
        min_value=1, max_value=3650, default=DAYS, help_text="How long the order gives, from now."
    )


class TestimonyIn(serializers.Serializer[None]):
    """Somebody's word that a thing is gone, or a recipient told."""

    item = LineField(max_length=200, help_text="As the plan has it.")
    reason = LineField(max_length=300, help_text="Name nobody.")
    evidence_digest = DigestField(help_text="SHA-256 of the document that you keep.")


class OrderItemOut(serializers.Serializer[Any]):
    """One thing that goes with some data, and the way by which it was reached."""

    item = serializers.CharField(source="key")
    way = serializers.ListField(child=serializers.CharField())
    files = serializers.ListField(child=serializers.CharField())


class ClosureOut(serializers.Serializer[Any]):
    """Everything that goes with some data."""

    digest = serializers.CharField()
    items = OrderItemOut(many=True)
    measured = serializers.ListField(child=serializers.CharField())


class BecameOut(serializers.Serializer[Any]):
    """What has become of one thing."""

    item = serializers.CharField(source="item.key")
    way = serializers.ListField(child=serializers.CharField(), source="item.way")
    files = serializers.ListField(child=serializers.CharField(), source="item.files")
    approved = serializers.SerializerMethodField(help_text="False: reached after the approval.")
    became = serializers.CharField(source="became.what")
    settled = serializers.BooleanField(source="became.is_settled")
    at = serializers.DateTimeField(source="became.at", allow_null=True)
    evidence = serializers.CharField(source="became.evidence", allow_blank=True)

    def get_approved(self, standing: Any) -> bool:
        """Say whether it was in the plan."""
        return not standing.is_late


class DisgorgementOut(serializers.ModelSerializer[Disgorgement]):
    """An order to give data up."""

    class Meta:
        model = Disgorgement
        fields = [
            *("id", "named_by", "name", "order", "reason", "state", "digest", "due_at"),
            *("proposed_by", "proposed_at", "decided_by", "decided_at", "carried_out_at"),
            "statement_digest",
        ]


class DisgorgementStandsOut(serializers.Serializer[Any]):
    """What an order reaches, read anew, and what has become of that."""

    items = BecameOut(many=True)
    measured = serializers.ListField(child=serializers.CharField())


class DisgorgementDetailOut(DisgorgementOut, DisgorgementStandsOut):
    """An order with all that it reaches."""

    class Meta(DisgorgementOut.Meta):
        fields = [*DisgorgementOut.Meta.fields, "items", "measured"]


class SwornOut(serializers.Serializer[Any]):
    """The statement for signature, and the signed record behind it."""

    text = serializers.CharField()
    envelope = serializers.DictField(
        allow_null=True, help_text="DSSE envelope of an in-toto Statement v1; null while a draft."
    )
    statement_key = serializers.CharField(help_text="Verifier key (C2SP signed-note).")
