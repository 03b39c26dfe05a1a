"""Sealing the trail, raising and answering alerts, and the groups that hold the roles."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction

from audits.errors import AlertUnknown, BundleInvalid, TrailDamaged
from audits.events import AlertRaised, AlertResolved
from audits.merkle import EMPTY_ROOT, Hash, root_at
from audits.models import Alert, Checkpoint, OutboxEntry, Tile
from audits.notes import TreeHead, read_checkpoint, sign_note
from audits.permissions import Role
from audits.queries import newest_checkpoint, read_tile, trail_signer
from audits.statements import Signer
from audits.tiles import grow, node_in
from audits.trail import Actor, Trail, audited

BATCH: Final = (
    4096  # leaves a transaction: the knee of measured throughput, and a lock of some 50 ms
)

ONE_SEALER: Final = 0x4C45544845  # the advisory lock's number

# The database hashes the leaves where they lie (RFC 9162 section 2.1.1), so that no entry travels.
# ANY(ARRAY(...)) runs the limited subquery once; IN may run it again for each row.
_MOVE: Final = """
    WITH taken AS (
        DELETE FROM audits_outboxentry WHERE id = ANY(ARRAY(
            SELECT id FROM audits_outboxentry ORDER BY id LIMIT %(batch)s FOR UPDATE SKIP LOCKED
        ))
        RETURNING *
    )
    INSERT INTO audits_leaf (index, recorded_at, about, event, entry, leaf_hash)
    SELECT %(size)s + row_number() OVER (ORDER BY id) - 1,
        recorded_at, about, event, entry, sha256('\\x00'::bytea || entry)
    FROM taken
    RETURNING index, leaf_hash
"""


def seal(*, now: datetime) -> int:
    """Move every committed fact into the tree and sign what it has become; return how many.

    Indexes have no gap, whatever gaps the outbox's identities have. One sealer works at a time; a
    second one returns at once. Each batch is one transaction, so a killed sealer leaves the trail
    as it was. The action records nothing: it is the recording.
    """
    sealed = batch = _seal_batch(now=now) if OutboxEntry.objects.exists() else 0
    while batch == BATCH:
        batch = _seal_batch(now=now)
        sealed += batch
    return sealed


def _seal_batch(*, now: datetime) -> int:
    signer = trail_signer()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ONE_SEALER])
            if cursor.fetchone() == (False,):
                return 0
        head = _trusted_head(signer)
        leaves = _move_to_leaves(head.size)
        if not leaves:
            return 0
        changed = grow(read_tile, size=head.size, leaves=leaves)
        Tile.objects.bulk_create(
            [Tile(level=place[0], index=place[1], hashes=row) for place, row in changed.items()],
            update_conflicts=True,
            unique_fields=["level", "index"],
            update_fields=["hashes"],
        )
        size = head.size + len(leaves)
        # Read again from where they are stored: what is signed is what is there.
        sealed = TreeHead(
            origin=settings.TRAIL_ORIGIN, size=size, root=root_at(node_in(read_tile), size)
        )
        Checkpoint.objects.create(
            size=size,
            root=sealed.root,
            note=sign_note(sealed.text, name=signer.name, seed=signer.seed),
            sealed_at=now,
        )
    return len(leaves)


def _trusted_head(signer: Signer) -> TreeHead:
    """Return the head that was signed last, if note, row and tiles agree on it.

    A log must not sign what contradicts an earlier checkpoint, so any doubt ends the sealing.
    """
    newest = newest_checkpoint()
    if newest is None:
        return TreeHead(origin=settings.TRAIL_ORIGIN, size=0, root=EMPTY_ROOT)
    try:
        head = read_checkpoint(newest.note, keys=[signer.verifier_key])
    except BundleInvalid as exc:
        raise TrailDamaged("the newest checkpoint is not signed by this trail's key") from exc
    stored = TreeHead(origin=settings.TRAIL_ORIGIN, size=newest.size, root=newest.root)
    if head != stored:
        raise TrailDamaged("the newest checkpoint's note and row differ")
    if root_at(node_in(read_tile), head.size) != head.root:
        raise TrailDamaged("the tiles do not have the root that was signed")
    return head


def _move_to_leaves(size: int) -> list[Hash]:
    """Move a batch from the outbox behind the first `size` leaves; return the new leaf hashes."""
    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute(_MOVE, {"batch": BATCH, "size": size})
                return [Hash(bytes(leaf)) for _, leaf in sorted(cursor.fetchall(), key=_by_index)]
        except IntegrityError as exc:
            # The fence against a fork: an index is given once.
            raise TrailDamaged("a leaf stands beyond the newest checkpoint") from exc


def _by_index(row: tuple[int, memoryview]) -> int:
    return row[0]


def raise_alert(
    *, kind: str, about: str, detail: Mapping[str, object], actor: Actor, now: datetime
) -> Alert:
    """Ask people to look at something; while an alert of the kind is open, that one is returned."""
    with transaction.atomic():
        alert, is_new = Alert.objects.get_or_create(
            kind=kind,
            about=about,
            resolved_at=None,
            defaults={"detail": dict(detail), "raised_at": now},
        )
        if is_new:
            with audited(actor=actor, now=now) as trail:
                trail.record(
                    AlertRaised(alert_id=alert.pk, kind=kind, detail=dict(detail)), about=about
                )
    return alert


def resolve_alert(*, alert_id: int, resolution: str, actor: Actor, now: datetime) -> Alert:
    """Close an alert with what was done about it."""
    with audited(actor=actor, now=now) as trail:
        alert = (
            Alert.objects.select_for_update(no_key=True)
            .filter(pk=alert_id, resolved_at=None)
            .first()
        )
        if alert is None:
            raise AlertUnknown
        _close(alert, resolution=resolution, trail=trail)
    return alert


def answer_alerts(
    *,
    about: str,
    kinds: Collection[str] | None = None,
    resolution: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Close what is open about a thing, of some kinds or of all; nothing may be open any more."""
    found = Alert.objects.filter(about=about, resolved_at=None)
    if kinds is not None:
        found = found.filter(kind__in=list(kinds))
    with transaction.atomic():
        alerts = list(found.select_for_update(no_key=True).order_by("pk"))
        if alerts:
            with audited(actor=actor, now=now) as trail:
                for alert in alerts:
                    _close(alert, resolution=resolution, trail=trail)


def _close(alert: Alert, *, resolution: str, trail: Trail) -> None:
    alert.resolution = resolution
    alert.resolved_at = trail.now
    alert.resolved_by = trail.actor
    alert.save(update_fields=["resolution", "resolved_at", "resolved_by"])
    trail.record(AlertResolved(alert_id=alert.pk, kind=alert.kind), about=alert.about)


def create_groups(*, using: str) -> None:
    """Let every role have its group in a database that was just migrated.

    Django does the same for permissions. It records nothing: nobody gains anything by it.
    """
    for role in Role:
        Group.objects.using(using).get_or_create(name=role.value)
