"""What happens to people in the index: they are looked up, and they are forgotten."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from audits.trail import Actor, audited
from lineage.actions.locks import lock_people
from lineage.errors import NamespaceUnknown, NotSuppressed
from lineage.events import PersonLookedUp, SubjectsForgotten, SuppressionLifted, SuppressionsExpired
from lineage.identifiers import (
    Identifier,
    SubjectId,
    pseudonym_of,
    standardise,
    suppression_tag_of,
)
from lineage.models import Membership, Namespace, Pseudonym, Subject, Suppression
from lineage.queries import kind_of_namespace, resolve, suppressed, where_is
from lineage.suppression import LiftReason, expiry_of
from lineage.whereabouts import Whereabouts


def look_up(*, namespace: str, value: object, actor: Actor, now: datetime) -> Whereabouts:
    """Return where a person is, and record that somebody asked."""
    with audited(actor=actor, now=now) as trail:
        person = Identifier(
            namespace=namespace,
            value=standardise(value, kind=kind_of_namespace(namespace)),
        )
        pseudonym = pseudonym_of(person.digest, namespace=namespace, key=settings.PSEUDONYM_KEY)
        tag = suppression_tag_of(person.digest, namespace=namespace, key=settings.SUPPRESSION_KEY)
        subjects = resolve([pseudonym]).values()
        forgotten = suppressed(now=now).filter(pk=tag).exists()
        found = replace(where_is(list(subjects)), forgotten=forgotten)
        trail.record(
            PersonLookedUp(namespace=namespace, known=bool(subjects)),
            about=f"namespace/{namespace}",
        )
    return found


def lift_suppression(
    *, namespace: str, value: object, because: LiftReason, actor: Actor, now: datetime
) -> None:
    """Take one identifier of a person off the list: the next scan may know them again.

    What was erased stays erased, and a quarantined version stays so until its place is scanned.
    """
    with audited(actor=actor, now=now) as trail:
        person = Identifier(
            namespace=namespace,
            value=standardise(value, kind=kind_of_namespace(namespace)),
        )
        tag = suppression_tag_of(person.digest, namespace=namespace, key=settings.SUPPRESSION_KEY)
        lock_people()
        listed = suppressed(now=now).select_for_update(no_key=True).filter(pk=tag).first()
        if listed is None:
            raise NotSuppressed
        listed.delete()
        trail.record(
            SuppressionLifted(namespace=namespace, because=because.value), about="suppression"
        )


def let_expired_go(*, actor: Actor, now: datetime) -> int:
    """Delete the marks whose time is over, and return how many; nothing is left of them then."""
    expired = Suppression.objects.filter(expires_at__lte=now)
    with transaction.atomic():
        if not expired.exists():
            return 0
        lock_people()
        with audited(actor=actor, now=now) as trail:
            gone, _ = expired.delete()
            trail.record(SuppressionsExpired(tags=gone), about="suppression")
    return gone


def forget_subjects(
    *,
    subjects: Collection[SubjectId],
    tags: Collection[tuple[str, UUID]],
    actor: Actor,
    now: datetime,
) -> int:
    """Cut people out of the index; only the marks stay by which they are recognised if they return.

    Returns how many subjects were still there. At the same moment once more, it changes nothing
    and records nothing; later it renews the marks: a backup made in between may hold the person.
    """
    with transaction.atomic():
        lock_people()
        there = set(Subject.objects.filter(pk__in=list(subjects)).values_list("pk", flat=True))
        wanted = {tag: namespace for namespace, tag in tags}
        declared = set(
            Namespace.objects.filter(pk__in=set(wanted.values())).values_list("pk", flat=True)
        )
        if missing := sorted(set(wanted.values()) - declared):
            raise NamespaceUnknown(f"not declared: {', '.join(missing)}")
        listed = suppressed(now=now).filter(pk__in=wanted.keys(), suppressed_at__gte=now)
        new = wanted.keys() - set(listed.values_list("pk", flat=True))
        if not there and not new:
            return 0
        with audited(actor=actor, now=now) as trail:
            Suppression.objects.bulk_create(
                (
                    Suppression(
                        tag=tag,
                        namespace_id=wanted[tag],
                        suppressed_at=now,
                        expires_at=expiry_of(now, days=settings.SUPPRESSION_DAYS),
                    )
                    for tag in sorted(new)
                ),
                update_conflicts=True,  # a mark that has expired, or is older, counts anew
                unique_fields=["tag"],
                update_fields=["suppressed_at", "expires_at"],
            )
            Membership.objects.filter(subject__in=there).delete()
            Pseudonym.objects.filter(subject__in=there).delete()
            Subject.objects.filter(pk__in=there).delete()
            trail.record(SubjectsForgotten(subjects=len(there), tags=len(new)), about="suppression")
    return len(there)
