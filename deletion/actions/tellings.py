"""The duty to tell recipients: it begins with a plan, and ends when each was told or excused.

A message is sent by a task between two short actions here. Whoever is killed in between leaves a
lease that ends, and the message goes out again under the same id.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from audits.actions import answer_alerts, raise_alert
from audits.queries import alerted_since, open_alerts
from audits.trail import Actor, Trail, audited
from deletion.actions.locks import lock_request
from deletion.actions.recipients import begin_anew, lock_recipient
from deletion.errors import RecipientInvalid, TellingUnknown
from deletion.events import (
    OutcomeDecided,
    RecipientExcused,
    RecipientReached,
    RecipientTold,
    TellingRetried,
)
from deletion.models import Batch, DeletionRequest, Obligation, Recipient, Share, Telling
from deletion.planning import ReachedRecipient
from deletion.queries.recipients import late_answers, tasks_for_people, to_oblige
from deletion.queries.targets import recipient_target
from deletion.states import (
    ENDED_WELL,
    OPEN_OUTCOMES,
    ObligationKind,
    Outcome,
    RequestState,
)
from deletion.telling import WORD, Ground

TO_TELL: Final = "recipient-to-tell"
LATE: Final = "recipient-answer-late"

_BECAUSE: Final = "data or a model that they had reached was passed on"
_AGAIN_AFTER: Final = timedelta(days=1)  # people who answered an alert and did nothing are asked


def oblige_to_tell(batch: Batch, reached: Sequence[ReachedRecipient], *, trail: Trail) -> None:
    """Make the recipients of an approved plan duties to tell, within its approval.

    A recipient that an earlier plan of the same request named is not told twice.
    """
    requests = {
        request.pk: request
        for request in DeletionRequest.objects.filter(
            pk__in={UUID(number) for one in reached for number in one.requests}
        )
    }
    new = to_oblige([(one.recipient, UUID(number)) for one in reached for number in one.requests])
    telling: defaultdict[str, list[DeletionRequest]] = defaultdict(list)
    for name, request_id in new:
        telling[name].append(requests[request_id])
    for name, asking in sorted(telling.items()):
        _oblige(batch, name, asking, trail=trail)


def tell_late(
    *, request: DeletionRequest, recipients: Collection[str], actor: Actor, now: datetime
) -> bool:
    """Add the duty to tell recipients who were reached after the plan; False: there are none."""
    new = to_oblige([(name, request.pk) for name in recipients])
    if not new or request.batch is None:
        return False
    with audited(actor=actor, now=now) as trail:
        for name, _ in new:
            _oblige(request.batch, name, [request], trail=trail)
    return True


def _oblige(batch: Batch, name: str, requests: Sequence[DeletionRequest], *, trail: Trail) -> None:
    recipient, _ = Recipient.objects.get_or_create(name=name)
    obligation, _ = Obligation.objects.get_or_create(
        batch=batch,
        kind=ObligationKind.TELL,
        recipient=recipient,
        store=None,
        model=None,
        defaults={
            "because": _BECAUSE,
            "created_at": trail.now,
            "due_at": min(request.models_by for request in requests),
        },
    )
    Obligation.objects.filter(pk=obligation.pk).update(discharged_at=None)
    shares = Share.objects.bulk_create(
        (Share(obligation=obligation, request=request, expected=True) for request in requests),
        batch_size=1000,
    )
    Telling.objects.bulk_create((Telling(share=share) for share in shares), batch_size=1000)
    for request in requests:
        trail.record(
            OutcomeDecided(
                request_id=str(request.pk),
                target=recipient_target(name),
                outcome="",
                note=_BECAUSE,
            ),
            about=f"request/{request.pk}",
        )
        trail.record(
            RecipientReached(request_id=str(request.pk), recipient=name),
            about=recipient_target(name),
        )


def ask_people(*, actor: Actor, now: datetime) -> None:
    """Ask people once a day to tell whom Lethe cannot, and answer what is done."""
    with transaction.atomic():
        tasks = {recipient_target(task.recipient): task for task in tasks_for_people()}
        for about, task in tasks.items():
            if alerted_since(now - _AGAIN_AFTER, kind=TO_TELL, about=about):
                continue
            raise_alert(
                kind=TO_TELL,
                about=about,
                detail={
                    "recipient": task.recipient,
                    "requests": task.requests,
                    "why": task.why,
                },
                actor=actor,
                now=now,
            )
        done = {alert.about for alert in open_alerts() if alert.kind == TO_TELL} - tasks.keys()
        for about in sorted(done):
            answer_alerts(
                about=about,
                kinds={TO_TELL},
                resolution="nobody has to be told by people any more",
                actor=actor,
                now=now,
            )


def ask_about_answers(*, actor: Actor, now: datetime) -> None:
    """Ask people about processors that said by when they would be done, and are not."""
    with transaction.atomic():
        late = late_answers(now=now)
        for name, requests in late.items():
            about = recipient_target(name)
            if not alerted_since(now - _AGAIN_AFTER, kind=LATE, about=about):
                raise_alert(
                    kind=LATE,
                    about=about,
                    detail={"recipient": name, "requests": requests},
                    actor=actor,
                    now=now,
                )
        open_ones = {alert.about for alert in open_alerts() if alert.kind == LATE}
        for about in sorted(open_ones - {recipient_target(name) for name in late}):
            answer_alerts(
                about=about,
                kinds={LATE},
                resolution="every answer that was late has come",
                actor=actor,
                now=now,
            )


def record_told(  # noqa: PLR0913  # keyword-only, one a column
    *,
    telling_id: UUID,
    told_by: str,
    told_at: datetime,
    proof_digest: str,
    actor: Actor,
    now: datetime,
) -> Telling:
    """Keep an officer's word that a recipient was told, how, when, and what proves it.

    It may be recorded of any recipient: also of one that messages cannot reach.
    """
    with audited(actor=actor, now=now) as trail:
        telling = _lock_open(telling_id)
        if told_at > now:
            raise RecipientInvalid("nobody was told in the future")
        if not WORD.fullmatch(told_by):
            raise RecipientInvalid("how they were told is one word, such as registered-letter")
        telling.told_by = told_by
        telling.told_at = told_at
        telling.recorded_by = actor
        telling.proof_digest = proof_digest
        telling.save(update_fields=["told_by", "told_at", "recorded_by", "proof_digest"])
        end(telling, Outcome.NOTIFIED, note=f"{told_by}; recorded by {actor}", trail=trail)
        record_end(telling, trail=trail)
    return telling


def excuse(
    *, telling_id: UUID, ground: Ground, reason: str, actor: Actor, now: datetime
) -> Telling:
    """Keep an officer's reason why a recipient need not be told, as GDPR Art. 19 allows it.

    The reason stands in the certificate, and so must name nobody.
    """
    with audited(actor=actor, now=now) as trail:
        telling = _lock_open(telling_id)
        telling.recorded_by = actor
        telling.save(update_fields=["recorded_by"])
        end(telling, Outcome.EXCUSED, note=ground.value, trail=trail)
        trail.record(
            RecipientExcused(
                request_id=str(telling.share.request_id),
                recipient=name_of(telling),
                telling=str(telling.pk),
                ground=ground.value,
            ),
            about=recipient_target(name_of(telling)),
        )
        # The officer's own words stay out of the trail.
        Share.objects.filter(pk=telling.share_id).update(note=f"{ground}: {reason}"[:300])
    return telling


def retry_telling(*, telling_id: UUID, actor: Actor, now: datetime) -> Telling:
    """Let a recipient be told once more about a request, with all attempts, under the same id."""
    with audited(actor=actor, now=now) as trail:
        telling = _lock_open(telling_id)
        if telling.sent_at is not None and telling.share.outcome != Outcome.UNREACHABLE:
            raise TellingUnknown
        begin_anew(Telling.objects.filter(pk=telling.pk))
        decide(telling, "", note="", trail=trail)
        trail.record(
            TellingRetried(
                request_id=str(telling.share.request_id),
                recipient=name_of(telling),
                telling=str(telling.pk),
            ),
            about=recipient_target(name_of(telling)),
        )
    return telling


def end(telling: Telling, outcome: Outcome, *, note: str, trail: Trail) -> None:
    """Decide what became of one telling, within another action that holds its request."""
    decide(telling, outcome.value, note=note, trail=trail)
    open_shares = telling.share.obligation.shares.exclude(outcome__in=ENDED_WELL)
    if not open_shares.exists():
        Obligation.objects.filter(pk=telling.share.obligation_id).update(discharged_at=trail.now)


def record_end(telling: Telling, *, trail: Trail) -> None:
    """Record that a recipient was told."""
    if telling.told_at is not None:
        trail.record(
            RecipientTold(
                request_id=str(telling.share.request_id),
                recipient=name_of(telling),
                telling=str(telling.pk),
                told_by=telling.told_by,
                told_at=telling.told_at,
                recorded_by=telling.recorded_by,
                proof_digest=telling.proof_digest,
            ),
            about=recipient_target(name_of(telling)),
        )


def name_of(telling: Telling) -> str:
    """Return the name of who is told."""
    recipient = telling.share.obligation.recipient
    return recipient.name if recipient is not None else ""


def lock_telling(telling_id: UUID) -> Telling:
    """Return a telling that nobody else changes meanwhile.

    Locked before it are its request, then its recipient.
    """
    share = (
        Share.objects.filter(telling=telling_id)
        .values_list("request_id", "obligation__recipient__name")
        .first()
    )
    if share is None:
        raise TellingUnknown
    request, recipient = share
    lock_request(request)
    lock_recipient(recipient or "")
    return (
        Telling.objects.select_for_update(no_key=True, of=("self",))
        .select_related("share__request", "share__obligation__recipient")
        .get(pk=telling_id)
    )


def _lock_open(telling_id: UUID) -> Telling:
    telling = lock_telling(telling_id)
    share = telling.share
    if share.outcome not in OPEN_OUTCOMES or share.request.state != RequestState.IN_PROGRESS:
        raise TellingUnknown
    return telling


def decide(telling: Telling, outcome: str, *, note: str, trail: Trail) -> None:
    """Write what became of one telling, and record it for its request."""
    share = telling.share
    share.outcome = outcome
    share.note = note[:300]
    share.decided_at = trail.now if outcome in ENDED_WELL else None
    share.save(update_fields=["outcome", "note", "decided_at"])
    trail.record(
        OutcomeDecided(
            request_id=str(share.request_id),
            target=recipient_target(name_of(telling)),
            outcome=outcome,
            note=share.note,
        ),
        about=f"request/{share.request_id}",
    )
