"""What callers say to the lineage app and what they see."""

from typing import Any

from rest_framework import serializers
from typing_extensions import override

from lineage.graph import EdgeKind, NodeKind
from lineage.identifiers import IdentifierKind
from lineage.models import DatasetFamily, DatasetVersion, IdentifierColumn, Namespace, Store
from lineage.places import NAME, without_password
from lineage.suppression import LiftReason


class StrictRegexField(serializers.RegexField):
    """A text of a form, and only a text: a number sent for one is refused."""

    @override
    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class NameField(StrictRegexField):
    """A name that may stand in addresses and in the trail."""

    def __init__(self, **said: Any) -> None:
        super().__init__(f"^{NAME.pattern}$", max_length=64, trim_whitespace=False, **said)

    @override
    def to_internal_value(self, data: object) -> str:
        # Python's `$`, unlike that of the schema, lets a line break pass.
        if isinstance(data, str) and data.endswith("\n"):
            self.fail("invalid")
        return super().to_internal_value(data)


class NamespaceIn(serializers.Serializer[None]):
    """A namespace to be declared."""

    name = NameField()
    kind = serializers.ChoiceField([kind.value for kind in IdentifierKind])


class NamespaceOut(serializers.ModelSerializer[Namespace]):
    """A declared namespace."""

    class Meta:
        model = Namespace
        fields = ["name", "kind"]


class IdentifierColumnOut(serializers.ModelSerializer[IdentifierColumn]):
    """A column that names people."""

    namespace = serializers.CharField(source="namespace_id")

    class Meta:
        model = IdentifierColumn
        fields = ["name", "namespace"]


class StoreOut(serializers.ModelSerializer[Store]):
    """A registered place; a password in its address is not shown."""

    uri = serializers.SerializerMethodField()
    columns = IdentifierColumnOut(many=True)
    families = serializers.SlugRelatedField[DatasetFamily](
        many=True, read_only=True, slug_field="name"
    )

    class Meta:
        model = Store
        fields = ["name", "kind", "uri", "columns", "families", "registered_at"]

    def get_uri(self, store: Store) -> str:
        """Return the address without a password."""
        return without_password(store.uri)


class DatasetOut(serializers.ModelSerializer[DatasetFamily]):
    """A training set over time."""

    store = serializers.CharField(source="store.name")
    newest_version = serializers.IntegerField(allow_null=True)

    class Meta:
        model = DatasetFamily
        fields = [
            *("name", "store", "id_column", "label", "shards", "hold_out_permille"),
            "newest_version",
        ]


class DatasetVersionIn(serializers.Serializer[None]):
    """A training set whose place is to be scanned now."""

    family = NameField()


class DatasetVersionOut(serializers.ModelSerializer[DatasetVersion]):
    """What one scan found."""

    family = serializers.CharField(source="family.name")
    version = serializers.IntegerField(source="seq")
    node = serializers.IntegerField(source="node_id")
    part_count = serializers.SerializerMethodField()

    class Meta:
        model = DatasetVersion
        fields = [
            *("family", "version", "state", "node", "row_count", "member_count", "member_digest"),
            *("part_count", "registered_at"),
        ]

    def get_part_count(self, version: DatasetVersion) -> int:
        """Return how many files or tables were scanned."""
        return len(version.parts)


class PersonIn(serializers.Serializer[None]):
    """Somebody, named by an identifier."""

    namespace = NameField()
    value = StrictRegexField(
        r"^[^\x00]+$",  # what else may be in it depends on the namespace
        max_length=1024,
        trim_whitespace=False,
    )


class LiftIn(PersonIn):
    """Somebody who may be known again, and why."""

    because = serializers.ChoiceField([reason.value for reason in LiftReason])


class StayOut(serializers.Serializer[Any]):
    """A person is or was in a training set."""

    store = serializers.CharField()
    family = serializers.CharField()
    shard = serializers.IntegerField(help_text="-1 for the hold-out.")
    held_out = serializers.BooleanField()
    first_version = serializers.IntegerField(source="first")
    last_version = serializers.IntegerField(
        source="last", allow_null=True, help_text="Null while the newest version holds the person."
    )


class NodeOut(serializers.Serializer[Any]):
    """A thing that records may have reached."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField([kind.value for kind in NodeKind])
    name = serializers.CharField()
    version = serializers.CharField()


class StepOut(serializers.Serializer[Any]):
    """One step of the way to a thing."""

    by = serializers.ChoiceField([kind.value for kind in EdgeKind])
    source = NodeOut()  # type: ignore[assignment]  # a field: the metaclass takes it off the class


class ReachedOut(serializers.Serializer[Any]):
    """Something that the person's records reached, and a shortest way to it."""

    node = NodeOut()
    tainted = serializers.BooleanField()
    way = StepOut(many=True)


class WhereaboutsOut(serializers.Serializer[Any]):
    """Everything the index says about a person."""

    stays = StayOut(many=True)
    reached = ReachedOut(many=True)
    unscanned_stores = serializers.ListField(
        source="unscanned",
        child=serializers.CharField(),
        help_text="They keep no index of people, so the person may or may not be there; "
        "a deletion searches them.",
    )
    forgotten = serializers.BooleanField(help_text="On the suppression list.")


class EdgeOut(serializers.Serializer[Any]):
    """How one thing came from another."""

    source = serializers.IntegerField()  # type: ignore[assignment]  # as above
    target = serializers.IntegerField()
    kind = serializers.ChoiceField([kind.value for kind in EdgeKind])


class DownstreamOut(serializers.Serializer[Any]):
    """Everything that was made from a thing, the thing itself included."""

    nodes = NodeOut(many=True)
    edges = EdgeOut(many=True)
    carried = serializers.ListField(
        child=serializers.IntegerField(),
        help_text="The nodes that whoever is in the thing reaches; the others only measured on it.",
    )
