"""Sealing the trail, raising and answering alerts, and the groups that hold the roles."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from audits.errors import (
    AlertUnknown,
    BundleInvalid,
    NothingToRecover,
    OriginNotNew,
    RecoveryNeedsTwo,
    TrailDamaged,
    TrailRestored,
)
from audits.events import AlertRaised, AlertResolved, TrailRecovered
from audits.export import requests_beyond
from audits.merkle import EMPTY_ROOT, Hash, root_at
from audits.models import Alert, Checkpoint, OutboxEntry, Tile
from audits.notes import NoteKey, TreeHead, read_checkpoint, sign_note
from audits.permissions import Role
from audits.queries import (
    entries_of,
    newest_checkpoint,
    read_tile,
    require_witnessed_trail,
    trail_signer,
    witnessed_head,
)
from audits.recovery import Loss
from audits.statements import Signer
from audits.tiles import grow, node_in
from audits.trail import Actor, Trail, audited
from audits.witness import publish, require_extension

BATCH: Final = (
    4096  # leaves a transaction: the knee of measured throughput, and a lock of some 50 ms
)

TRAIL: Final = "trail"
RESTORED: Final = "trail-restored"
LOST: Final = "facts-lost"

_REQUESTS_NAMED: Final = 1000  # more do not fit into one entry of the trail

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
    require_witnessed_trail()
    sealed = batch = _seal_batch(now=now) if OutboxEntry.objects.exists() else 0
    while batch == BATCH:
        batch = _seal_batch(now=now)
        sealed += batch
    show_witness()
    return sealed


def show_witness() -> None:
    """Publish the newest checkpoint to the witness, unless that has seen as much.

    After the commit, never before: a witness that knows more than the database would stop the
    sealer. Killed in between, the next call publishes.
    """
    newest, witnessed = newest_checkpoint(), witnessed_head()
    if newest is None or settings.WITNESS_DIR is None:
        return
    if witnessed is None or witnessed.size < newest.size:
        publish(settings.WITNESS_DIR, newest.note)


def _seal_batch(*, now: datetime, after: str = "") -> int:
    """Seal a batch; `after` is the name of the trail that this one goes on from, if it is new."""
    signer = trail_signer()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ONE_SEALER])
            if cursor.fetchone() == (False,):
                return 0
        head = _trusted_head(signer, origin=after or settings.TRAIL_ORIGIN)
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


def _trusted_head(signer: Signer, *, origin: str) -> TreeHead:
    """Return the head that was signed last, if note, row and tiles agree on it.

    A log must not sign what contradicts an earlier checkpoint, so any doubt ends the sealing.
    """
    newest = newest_checkpoint()
    if newest is None:
        return TreeHead(origin=origin, size=0, root=EMPTY_ROOT)
    try:
        key = NoteKey(name=origin, public_key=signer.public_key)
        head = read_checkpoint(newest.note, keys=[key])
    except BundleInvalid as exc:
        raise TrailDamaged("the newest checkpoint is not signed by this trail's key") from exc
    stored = TreeHead(origin=origin, size=newest.size, root=newest.root)
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


def recover_trail(
    *, recovered_by: str, approved_by: str, export: Path | None, actor: Actor, now: datetime
) -> Loss | None:
    """Let the trail of a restored database go on under a new name, and say in it what is lost.

    The two people are names of accounts. `export` is a folder that `export_trail` wrote before the
    loss; it tells which requests the lost facts are about. None if this was done already and only
    the witness was not told: call `tell_witness` after the commit, either way.
    """
    witnessed = witnessed_head()
    if witnessed is None:
        raise NothingToRecover
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_SEALER])
        if _is_cited(witnessed):
            return None
        people = _two_people(recovered_by, approved_by)
        loss = _loss_since(witnessed, export)
        with audited(actor=actor, now=now) as trail:
            newest = newest_checkpoint()
            trail.record(
                TrailRecovered(
                    old_origin=witnessed.origin,
                    old_size=witnessed.size,
                    old_root=witnessed.root.hex(),
                    kept=loss.kept.size,
                    kept_root=loss.kept.root.hex(),
                    newest_kept_at=newest.sealed_at if newest else None,
                    recovered_by=people[0],
                    approved_by=people[1],
                    lost_requests=loss.requests[:_REQUESTS_NAMED],
                    lost_requests_count=len(loss.requests),
                    is_loss_known=loss.is_known,
                ),
                about=TRAIL,
            )
        answer_alerts(
            about=TRAIL,
            kinds={RESTORED},
            resolution="the trail was recovered",
            actor=actor,
            now=now,
        )
        raise_alert(
            kind=LOST,
            about=TRAIL,
            detail={
                "facts": loss.facts,
                "requests": len(loss.requests),
                "todo": "have every demand since the backup was made sent again",
            },
            actor=actor,
            now=now,
        )
        batch = _seal_batch(now=now, after=loss.kept.origin)
        while batch == BATCH:
            batch = _seal_batch(now=now)
    return loss


def tell_witness() -> None:
    """Publish the newest checkpoint to the witness, whatever that has seen before.

    Only after a recovery: the trail has cited what the witness has seen.
    """
    newest, witnessed = newest_checkpoint(), witnessed_head()
    if newest is None or settings.WITNESS_DIR is None or witnessed is None:
        return
    if not _is_cited(witnessed):
        raise TrailRestored("the trail does not cite what was witnessed")
    publish(settings.WITNESS_DIR, newest.note)


def _is_cited(witnessed: TreeHead) -> bool:
    """Say whether the trail has a recovery from exactly this head."""
    cited = (witnessed.origin, witnessed.size, witnessed.root.hex())
    return any(
        (entry.facts["old_origin"], entry.facts["old_size"], entry.facts["old_root"]) == cited
        for entry in entries_of({TrailRecovered.__name__})
    )


def _two_people(*names: str) -> list[Actor]:
    """Return two active officers or administrators as the trail names them."""
    accounts = get_user_model().objects.filter(username__in=names, is_active=True)
    deciders = accounts.filter(
        Q(is_superuser=True) | Q(groups__name__in=[Role.OFFICER, Role.ADMINISTRATOR])
    )
    numbers = {account.get_username(): account.pk for account in deciders.distinct()}
    if set(numbers) != set(names) or len(numbers) != len(names):
        raise RecoveryNeedsTwo
    return [Actor(f"user:{numbers[name]}") for name in names]


def _loss_since(witnessed: TreeHead, export: Path | None) -> Loss:
    """Compare what the database holds with what was witnessed, and with an export of that."""
    newest, signer = newest_checkpoint(), trail_signer()
    origin = newest.note.partition("\n")[0] if newest else witnessed.origin
    kept = _trusted_head(signer, origin=origin)
    with suppress(TrailRestored):
        require_extension(witnessed, origin=origin, size=kept.size, node=node_in(read_tile))
        if origin == settings.TRAIL_ORIGIN:
            raise NothingToRecover
    new = f"{settings.TRAIL_ORIGIN}\n"
    if f"{witnessed.origin}\n" == new or Checkpoint.objects.filter(note__startswith=new).exists():
        raise OriginNotNew
    if export is None:
        return Loss(witnessed=witnessed, kept=kept)
    key = NoteKey(name=witnessed.origin, public_key=signer.public_key)
    told_up_to, requests = requests_beyond(export, kept=kept, key=key)
    return Loss(witnessed=witnessed, kept=kept, requests=tuple(requests), told_up_to=told_up_to)


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
