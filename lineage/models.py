"""People, places, dataset versions and the graph, as rows; `lineage.actions` changes them."""

from django.db import models
from typing_extensions import override

from lineage.graph import EdgeKind, NodeKind, VersionState
from lineage.identifiers import IdentifierKind


class Namespace(models.Model):
    """A declared family of identifiers, such as `email` or `patient_id`."""

    name = models.CharField(primary_key=True, max_length=64)
    kind = models.CharField(max_length=16, choices=[(k.value, k.value) for k in IdentifierKind])

    @override
    def __str__(self) -> str:
        return self.name


class Subject(models.Model):
    """A person, as a dense number that is never reused."""

    @override
    def __str__(self) -> str:
        return f"subject {self.pk}"


class Pseudonym(models.Model):
    """One identifier of a person, keyed. Cutting this row is what makes the number meaningless."""

    value = models.UUIDField(primary_key=True)
    namespace = models.ForeignKey(Namespace, on_delete=models.PROTECT)
    subject = models.ForeignKey(Subject, on_delete=models.CASCADE, related_name="pseudonyms")
    key_id = models.SmallIntegerField(default=1)

    @override
    def __str__(self) -> str:
        return f"a pseudonym of {self.subject_id}"


class Suppression(models.Model):
    """A forgotten person, recognisable under the list's own key only, should their data return."""

    tag = models.UUIDField(primary_key=True)
    namespace = models.ForeignKey(Namespace, on_delete=models.PROTECT)
    key_id = models.SmallIntegerField(default=1)
    suppressed_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)

    @override
    def __str__(self) -> str:
        return f"suppressed since {self.suppressed_at:%Y-%m-%d}"


class Store(models.Model):
    """A place that holds records; `kind` names the adapter in `lineage.stores`."""

    name = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=32)
    uri = models.CharField(max_length=500)
    registered_at = models.DateTimeField()
    seen_gone_at = models.DateTimeField(null=True, blank=True)  # given up, and somebody had it seen

    class Meta:
        constraints = [
            # Two stores in one place would be erased by two runs at the same time.
            models.UniqueConstraint(name="one_store_per_place", fields=["kind", "uri"]),
        ]

    @override
    def __str__(self) -> str:
        return self.name


class IdentifierColumn(models.Model):
    """A column of a store that names people."""

    store = models.ForeignKey(Store, on_delete=models.CASCADE, related_name="columns")
    name = models.CharField(max_length=200)
    namespace = models.ForeignKey(Namespace, on_delete=models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_declaration_per_column", fields=["store", "name"]),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.store_id}.{self.name}"


class DatasetFamily(models.Model):
    """A training set over time: versions are numbered, shards and hold-out declared once."""

    namespace = models.CharField(max_length=200, default="lethe")
    name = models.CharField(max_length=64)
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="families")
    id_column = models.CharField(
        max_length=200
    )  # a declared column of the store: who a row is about
    label = models.CharField(max_length=200, blank=True)
    shards = models.PositiveSmallIntegerField()
    hold_out_permille = models.PositiveSmallIntegerField()
    expected_parts = models.PositiveIntegerField(default=1)  # the most that a version ever had
    retired_at = models.DateTimeField(null=True, blank=True)  # given up by order, for ever

    class Meta:
        verbose_name_plural = "dataset families"
        constraints = [
            models.UniqueConstraint(name="one_dataset_family", fields=["namespace", "name"]),
            models.CheckConstraint(name="some_shards", condition=models.Q(shards__gte=1)),
            models.CheckConstraint(
                name="hold_out_is_a_share", condition=models.Q(hold_out_permille__lt=1000)
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name


class Node(models.Model):
    """A thing that people's records may have reached."""

    kind = models.CharField(max_length=24, choices=[(k.value, k.value) for k in NodeKind])
    name = models.CharField(max_length=100)
    version = models.CharField(max_length=64)
    registered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_node_per_version", fields=["kind", "name", "version"]
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.kind} {self.name} {self.version}"


class Edge(models.Model):
    """How one thing came from another."""

    source = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="out_edges")
    target = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="in_edges")
    kind = models.CharField(max_length=24, choices=[(k.value, k.value) for k in EdgeKind])

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_edge", fields=["source", "target", "kind"]),
            models.CheckConstraint(
                name="no_edge_to_itself", condition=~models.Q(source=models.F("target"))
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.target_id} {self.kind} {self.source_id}"


class DatasetVersion(models.Model):
    """One immutable state of a training set, as a scan found it."""

    family = models.ForeignKey(DatasetFamily, on_delete=models.PROTECT, related_name="versions")
    seq = models.PositiveIntegerField()
    node = models.OneToOneField(Node, on_delete=models.PROTECT, related_name="dataset_version")
    state = models.CharField(max_length=16, choices=[(s.value, s.value) for s in VersionState])
    row_count = models.BigIntegerField()
    member_count = models.BigIntegerField()
    member_digest = models.CharField(max_length=64)
    parts = models.JSONField()  # [{"name", "digest", "rows"}]: what was scanned, byte for byte
    registered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_version_per_number", fields=["family", "seq"]),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.family_id} v{self.seq}"


class Membership(models.Model):
    """A person was in a family from one version to another; open while `to_seq` is null.

    `to_seq` is the last version that holds the person. `shard` is -1 for the hold-out.
    """

    subject = models.ForeignKey(Subject, on_delete=models.CASCADE, related_name="memberships")
    family = models.ForeignKey(DatasetFamily, on_delete=models.PROTECT, related_name="memberships")
    shard = models.SmallIntegerField()
    from_seq = models.PositiveIntegerField()
    to_seq = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_open_membership",
                fields=["subject", "family"],
                condition=models.Q(to_seq__isnull=True),
            ),
            models.CheckConstraint(
                name="membership_does_not_end_before_it_begins",
                condition=models.Q(to_seq__isnull=True)
                | models.Q(to_seq__gte=models.F("from_seq")),
            ),
        ]
        indexes = [models.Index(fields=["family", "from_seq"], name="membership_by_family")]

    @override
    def __str__(self) -> str:
        return f"{self.subject_id} in {self.family_id} from {self.from_seq}"


class LeasedWork(models.Model):
    """Columns of a row that workers take turns at: who holds it, how long, after how many tries."""

    lease_owner = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    leased_at = models.DateTimeField(null=True, blank=True)  # when the newest attempt began
    fencing_token = models.BigIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    leases_lost = models.PositiveIntegerField(
        default=0
    )  # each ran out, and another worker took over
    not_before = models.DateTimeField(null=True, blank=True)  # back-off after a failed attempt
    last_error = models.CharField(max_length=500, blank=True)  # the kind of failure, never data

    class Meta:
        abstract = True
