"""Turning a scan into a version of a training set."""

from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction

from audits.actions import answer_alerts, raise_alert
from audits.trail import Actor, audited
from lineage.actions import membership
from lineage.actions.locks import keep_people
from lineage.errors import FamilyRetired, NodeUnknown, ScanOutdated
from lineage.events import DatasetVersionRegistered, DatasetVersionsRetired
from lineage.graph import NodeKind, VersionState
from lineage.marks import Marks
from lineage.models import DatasetFamily, DatasetVersion, Node
from lineage.queries import suppressed
from lineage.scanning import Scanned

RETURNED: Final = "suppressed-person-returned"


def register_version(  # noqa: PLR0913  # keyword-only, one a fact
    *,
    family_id: int,
    scanned: Scanned,
    since: int,
    after_erasure: bool = False,
    actor: Actor,
    now: datetime,
) -> DatasetVersion:
    """Register what a scan found as the family's next version; unchanged, return the newest.

    `since` is the newest version's number when the scan began (`head_of`): a slow scan must not
    undo what a faster one has found meanwhile, so `ScanOutdated` is raised for it.

    Locks: people (shared), then the family's row, so that its versions follow one another; then,
    only if somebody is new, interning. A version that holds a forgotten person is quarantined
    and alerts an officer; it counts them, and the index does not learn who they are. Of a family
    that was given up only an erasure registers what it left, so that the index follows.
    """
    with transaction.atomic():
        keep_people()
        family = _locked(family_id)
        if family.retired_at is not None and not after_erasure:
            raise FamilyRetired(family.name)
        head = family.versions.order_by("-seq").first()
        returned = _returned(scanned, now=now)
        state = VersionState.QUARANTINED if returned else VersionState.CLEAR
        if family.retired_at is not None:
            state = VersionState.RETIRED
        if head is not None and head.state == state and _describes(head, scanned):  # noqa: SIM102  # the comment
            # Who was forgotten since and then let go is in the files and not in the index.
            if state == VersionState.QUARANTINED or _knows_everybody(family, scanned):
                return head
        if (head.seq if head is not None else 0) != since:
            raise ScanOutdated(f"another scan of {family.name} was registered meanwhile")
        with audited(actor=actor, now=now) as trail:
            seq = head.seq + 1 if head is not None else 1
            change = membership.replace(
                family_id=family.pk, seq=seq, scanned=scanned, returned=returned
            )
            node = Node.objects.create(
                kind=NodeKind.DATASET_VERSION,
                name=family.name,
                version=str(seq),
                registered_at=now,
            )
            version = DatasetVersion.objects.create(
                family=family,
                seq=seq,
                node=node,
                state=state,
                row_count=scanned.row_count,
                member_count=len(scanned.pseudonyms),
                member_digest=scanned.member_digest,
                parts=[
                    {"name": part.name, "digest": part.digest, "rows": part.rows}
                    for part in scanned.parts
                ],
                registered_at=now,
            )
            if family.expected_parts < len(scanned.parts):
                family.expected_parts = len(scanned.parts)
                family.save(update_fields=["expected_parts"])
            trail.record(
                DatasetVersionRegistered(
                    family=family.name,
                    seq=seq,
                    state=state.value,
                    rows=scanned.row_count,
                    members=len(scanned.pseudonyms),
                    member_digest=scanned.member_digest,
                    parts=len(scanned.parts),
                    parts_digest=scanned.parts_digest(key=settings.PSEUDONYM_KEY),
                    joined=change.joined,
                    left=change.left,
                    suppressed=len(returned),
                ),
                about=f"dataset/{family.name}",
            )
            for retired in _retire_older(version, scanned):
                trail.record(retired, about=f"dataset/{family.name}")
            if returned:
                raise_alert(
                    kind=RETURNED,
                    about=f"dataset/{family.name}",
                    detail={"version": seq, "people": len(returned)},
                    actor=actor,
                    now=now,
                )
            else:
                answer_alerts(
                    about=f"dataset/{family.name}",
                    kinds={RETURNED},
                    resolution=f"version {seq} holds nobody who was forgotten",
                    actor=actor,
                    now=now,
                )
    return version


def _locked(family_id: int) -> DatasetFamily:
    family = DatasetFamily.objects.select_for_update(no_key=True).filter(pk=family_id).first()
    if family is None:
        raise NodeUnknown("no such dataset family")
    return family


def _returned(scanned: Scanned, *, now: datetime) -> Marks:
    """Return the pseudonyms of the forgotten people whom the scan found."""
    listed = suppressed(now=now).filter(namespace=scanned.namespace).values_list("tag", flat=True)
    return scanned.suppressed(Marks.of(listed.iterator(chunk_size=50_000)))


def _knows_everybody(family: DatasetFamily, scanned: Scanned) -> bool:
    return family.memberships.filter(to_seq=None).count() == len(scanned.pseudonyms)


def _digests(scanned: Scanned) -> dict[str, str]:
    return {part.name: part.digest for part in scanned.parts}


def _described(version: DatasetVersion) -> dict[str, str]:
    return {part["name"]: part["digest"] for part in version.parts}


def _describes(version: DatasetVersion, scanned: Scanned) -> bool:
    return version.member_digest == scanned.member_digest and _described(version) == _digests(
        scanned
    )


def _retire_older(version: DatasetVersion, scanned: Scanned) -> list[DatasetVersionsRetired]:
    """Retire the versions that are not there any more, or are what is quarantined now.

    A quarantine is over when its files are not there any more, or the newest version is clear.
    """
    now_there = _digests(scanned)
    retired: dict[VersionState, list[int]] = {
        VersionState.SUPERSEDED: [],
        VersionState.QUARANTINED: [],
    }
    older = version.family.versions.filter(seq__lt=version.seq).exclude(
        state=VersionState.SUPERSEDED
    )
    for row in older.order_by("seq"):
        described = _described(row)
        was_quarantined = row.state == VersionState.QUARANTINED
        is_quarantined = version.state == VersionState.QUARANTINED
        is_over = was_quarantined and not is_quarantined
        if is_over or not described.items() <= now_there.items():
            retired[VersionState.SUPERSEDED].append(row.seq)
        elif is_quarantined and not was_quarantined and described == now_there:
            retired[VersionState.QUARANTINED].append(row.seq)
    facts = []
    for state, seqs in retired.items():
        if seqs:
            older.filter(seq__in=seqs).update(state=state)
            facts.append(
                DatasetVersionsRetired(
                    family=version.family.name,
                    state=state.value,
                    versions=tuple(seqs),
                    because_of=version.seq,
                )
            )
    return facts
