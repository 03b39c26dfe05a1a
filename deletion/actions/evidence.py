"""Documents about tellings: named by their digest, kept by others, never shown to Lethe."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from audits.trail import Actor, Trail, audited
from deletion.actions.tellings import lock_telling, name_of
from deletion.errors import RecipientInvalid, TellingOpen
from deletion.events import EvidenceAttached
from deletion.models import Certificate, Evidence, Telling
from deletion.queries.targets import recipient_target
from deletion.states import ENDED_WELL
from deletion.telling import DIGEST, WORD


def attach_evidence(
    *, telling_id: UUID, name: str, digest: str, actor: Actor, now: datetime
) -> Telling:
    """Attach what proves a telling that has ended; also after the request's certificate.

    A certificate that is issued never changes, so what comes later is a fact beside it. The same
    document again changes nothing.
    """
    with transaction.atomic():
        telling = lock_telling(telling_id)
        if telling.share.outcome not in ENDED_WELL:
            raise TellingOpen
        if not WORD.fullmatch(name):
            raise RecipientInvalid(
                "a document has a short name, such as certificate-of-destruction"
            )
        if not DIGEST.fullmatch(digest):
            raise RecipientInvalid("a digest is a SHA-256 of 64 hexadecimal digits")
        if not telling.evidence.filter(digest=digest).exists():
            with audited(actor=actor, now=now) as trail:
                keep_evidence(telling, name=name, digest=digest, trail=trail)
    return telling


def keep_evidence(telling: Telling, *, name: str, digest: str, trail: Trail) -> None:
    """Keep a document's name and digest, within another action that holds the telling."""
    _, is_new = Evidence.objects.get_or_create(
        telling=telling,
        digest=digest,
        defaults={"name": name, "attached_by": trail.actor, "attached_at": trail.now},
    )
    if not is_new:
        return
    request = telling.share.request_id
    trail.record(
        EvidenceAttached(
            request_id=str(request),
            recipient=name_of(telling),
            telling=str(telling.pk),
            name=name,
            digest=digest,
            after_certificate=Certificate.objects.filter(request=request).exists(),
        ),
        about=recipient_target(name_of(telling)),
    )
