"""Reads of the trail: what happened to a thing, and the proof of it."""

from collections.abc import Collection, Iterator
from datetime import date, datetime

from django.conf import settings
from django.db.models import BigIntegerField, F, Min, Value

from audits.alerts import OpenAlert
from audits.entries import TrailEntry, read_entry
from audits.errors import FactUnknown, NotSealedYet
from audits.merkle import Hash, consistency_at, inclusion_at
from audits.models import Alert, Checkpoint, Leaf, OutboxEntry, Tile
from audits.notes import SealedCheckpoint, TreeHead
from audits.proofs import SealedProof
from audits.reports import REQUEST_EVENTS, Report, report_of
from audits.statements import Signer
from audits.tiles import node_in
from audits.witness import read_witness, require_extension


def trail_signer() -> Signer:
    """Return the key that signs checkpoints, under the trail's own name."""
    return Signer(name=settings.TRAIL_ORIGIN, seed=settings.TRAIL_SIGNING_KEY)


def timeline(about: str) -> list[TrailEntry]:
    """Return everything recorded about a thing, in order; what is not sealed yet comes last."""
    columns = ("place", "arrival", "entry")
    sealed = (
        Leaf.objects.filter(about=about)
        .annotate(place=F("index"), arrival=Value(0, BigIntegerField()))
        .values_list(*columns)
    )
    waiting = (
        OutboxEntry.objects.filter(about=about)
        .annotate(place=Value(None, BigIntegerField()), arrival=F("id"))
        .values_list(*columns)
    )
    # One statement, one snapshot: the sealer may move a fact between two reads.
    found = sealed.union(waiting, all=True).order_by("place", "arrival")
    return [read_entry(bytes(entry), index=place) for place, _, entry in found]


def entries_of(events: Collection[str], *, size: int | None = None) -> Iterator[TrailEntry]:
    """Yield the sealed facts of these names in order; with a size, those of that checkpoint."""
    leaves = Leaf.objects.filter(event__in=events)
    if size is not None:
        leaves = leaves.filter(index__lt=size)
    rows = leaves.order_by("index").values_list("index", "entry")
    for index, entry in rows.iterator(chunk_size=2000):
        yield read_entry(bytes(entry), index=index)


def entry_bytes(*, begin: int, end: int) -> list[bytes]:
    """Return the entries of a range of the trail, exactly as they were hashed."""
    rows = Leaf.objects.filter(index__gte=begin, index__lt=end).order_by("index")
    return [bytes(entry) for entry in rows.values_list("entry", flat=True)]


def facts_beyond(events: Collection[str], *, size: int) -> int:
    """Count the facts of these names that the checkpoint of a size does not cover."""
    newer = Leaf.objects.filter(event__in=events, index__gte=size).values("event")
    waiting = OutboxEntry.objects.filter(event__in=events).values("event")
    return newer.union(waiting, all=True).count()


def request_report(*, since: date | None, until: date | None, now: datetime) -> Report:
    """Return the report on the requests received in a period, as of the newest checkpoint."""
    checkpoint = newest_checkpoint()
    size = checkpoint.size if checkpoint else 0
    return report_of(
        entries_of(REQUEST_EVENTS, size=size),
        origin=settings.TRAIL_ORIGIN,
        checkpoint=checkpoint,
        unsealed=facts_beyond(REQUEST_EVENTS, size=size),
        since=since,
        until=until,
        now=now,
    )


def unsealed_since() -> datetime | None:
    """Say when the oldest fact was recorded that still waits for the sealer."""
    oldest: datetime | None = OutboxEntry.objects.aggregate(oldest=Min("recorded_at"))["oldest"]
    return oldest


def outbox_size() -> int:
    """Say how many facts wait for the sealer."""
    return OutboxEntry.objects.count()


def newest_checkpoint() -> SealedCheckpoint | None:
    """Return the newest signed statement of the trail's size and root."""
    row = Checkpoint.objects.order_by("-size").first()
    if row is None:
        return None
    return SealedCheckpoint(
        size=row.size, root=Hash(bytes(row.root)), note=row.note, sealed_at=row.sealed_at
    )


def witnessed_head() -> TreeHead | None:
    """Return what the witness has seen of this trail; None without a witness, or before a seal."""
    if settings.WITNESS_DIR is None:
        return None
    return read_witness(settings.WITNESS_DIR, public_key=trail_signer().public_key)


def require_witnessed_trail() -> None:
    """Raise `TrailRestored` if the database lacks anything that the witness has seen."""
    witnessed = witnessed_head()
    if witnessed is not None:
        size = Checkpoint.objects.order_by("-size").values_list("size", flat=True).first() or 0
        require_extension(
            witnessed, origin=settings.TRAIL_ORIGIN, size=size, node=node_in(read_tile)
        )


def read_tile(level: int, index: int) -> bytes:
    """Return the hashes of a tile, or nothing where there is no such tile."""
    hashes = Tile.objects.filter(level=level, index=index).values_list("hashes", flat=True).first()
    return bytes(hashes or b"")


def proof_of(*, about: str, event: str) -> SealedProof:
    """Return the newest fact of a name about a thing, proven under the newest checkpoint."""
    leaf = Leaf.objects.filter(about=about, event=event).order_by("-index").first()
    if leaf is None:
        if OutboxEntry.objects.filter(about=about, event=event).exists():
            raise NotSealedYet
        raise FactUnknown
    checkpoint = Checkpoint.objects.filter(size__gt=leaf.index).latest("size")
    return SealedProof(
        entry=bytes(leaf.entry),
        index=leaf.index,
        path=tuple(inclusion_at(node_in(read_tile), index=leaf.index, size=checkpoint.size)),
        note=checkpoint.note,
    )


def consistency_with(*, old_size: int, size: int) -> list[Hash]:
    """Return the proof that the trail of a size begins with the trail of an older size."""
    return consistency_at(node_in(read_tile), old_size=old_size, size=size)


def alerted_since(moment: datetime, *, kind: str, about: str) -> bool:
    """Say whether people were asked to look at a thing since a moment, answered or not."""
    return Alert.objects.filter(kind=kind, about=about, raised_at__gte=moment).exists()


def open_alerts() -> list[OpenAlert]:
    """Return what nobody has answered yet, oldest first."""
    return [
        OpenAlert(
            id=alert.pk,
            kind=alert.kind,
            about=alert.about,
            detail=alert.detail,
            raised_at=alert.raised_at,
        )
        for alert in Alert.objects.filter(resolved_at=None).order_by("raised_at", "id")
    ]
