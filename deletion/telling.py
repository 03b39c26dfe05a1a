"""How recipients can be told, what they may answer, and when the next attempt is. Pure.

GDPR Art. 19: each erasure that was carried out is communicated to each recipient, unless this
proves impossible or takes disproportionate effort. So telling waits until the data is erased, and
does not wait for models.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Final

TOLD_WHEN_ERASED: Final = "told once the data is erased"
"""What a plan says of a recipient."""


class Way(StrEnum):
    """How a recipient is told."""

    WEBHOOK = "webhook"  # Standard Webhooks 1.0.0
    OPENDSR = "opendsr"  # OpenDSR 2.0: the recipient is a processor
    BY_HAND = "by hand"  # a person tells, and an officer records it


BY_HTTP: Final = frozenset({Way.WEBHOOK, Way.OPENDSR})
"""The ways that need no person."""


class Answer(StrEnum):
    """What a processor says of a request (OpenDSR 2.0, request_status)."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


AWAITED: Final = (Answer.PENDING, Answer.IN_PROGRESS)
"""The answers after which another one is to come."""


class Hearing(StrEnum):
    """What an answer adds to the one before: callbacks come late, twice and out of order."""

    NEWS = "news"
    KNOWN = "known"  # the same status, with another date perhaps
    BEHIND = "behind"  # a status that is over: it changes nothing
    CONTRADICTION = "contradiction"  # completed and cancelled: people must look


_STEPS: Final = {
    Answer.PENDING: 0,
    Answer.IN_PROGRESS: 1,
    Answer.COMPLETED: 2,
    Answer.CANCELLED: 2,
}


def heard(before: Answer | None, now: Answer) -> Hearing:
    """Say what a processor's answer adds; nothing of OpenDSR says when a callback was written."""
    if before is None:
        return Hearing.NEWS
    if before is now:
        return Hearing.KNOWN
    if _STEPS[before] == _STEPS[now]:
        return Hearing.CONTRADICTION
    return Hearing.NEWS if _STEPS[before] < _STEPS[now] else Hearing.BEHIND


class Ground(StrEnum):
    """Why a recipient need not be told (GDPR Art. 19)."""

    IMPOSSIBLE = "impossible"
    DISPROPORTIONATE = "disproportionate effort"


RETRIES: Final = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""How long after the attempt before each one is made (Standard Webhooks 1.0.0, "Retries")."""

_JITTER: Final = 0.2  # of the delay at most: who failed together must not come back together
_LONGEST_ASKED: Final = timedelta(days=1)  # a Retry-After beyond that is taken for this
_ANSWER_LOOKS: Final = timedelta(hours=6)  # how often a processor is asked how far it is


class Fate(StrEnum):
    """What one HTTP answer means for the message."""

    DELIVERED = "delivered"
    AGAIN = "again"
    GONE = "gone"  # 410: the recipient wants nothing at this address any more


def fate_of(status: int) -> Fate:
    """Say what an HTTP status means: only 2xx is success; a redirect is not followed."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Fate.DELIVERED
    return Fate.GONE if status == HTTPStatus.GONE else Fate.AGAIN


def next_attempt(
    attempts: int, *, jitter: float, asked: timedelta | None = None, now: datetime
) -> datetime | None:
    """Return when to try again after so many attempts, or None when a person must look.

    `jitter` is from 0 to 1; `asked` is what the recipient's Retry-After says: never sooner.
    """
    if attempts >= len(RETRIES):
        return None
    delay = RETRIES[attempts] * (1 + _JITTER * jitter)
    return now + max(delay, min(asked or timedelta(0), _LONGEST_ASKED))


def next_look(expected_at: datetime | None, *, now: datetime) -> datetime:
    """Return when to ask a processor again: a few times a day, and when it said it would end."""
    later = now + _ANSWER_LOOKS
    return min(later, expected_at) if expected_at is not None and expected_at > now else later


WORD: Final = re.compile("[a-z][a-z0-9-]{0,63}")
"""How people name a way of telling, or a document: it stands in the trail, so it is one word."""

DIGEST: Final = re.compile("[0-9a-f]{64}")
"""A SHA-256 as it is written everywhere here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What somebody keeps about a telling, by its SHA-256."""

    name: str
    digest: str
    attached_by: str
    attached_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a certificate says of one recipient."""

    recipient: str
    outcome: str
    note: str
    told_by: str
    told_at: datetime | None
    answer: str
    proof_digest: str
    evidence: tuple[Document, ...] = ()


def known_as(namespaces: Mapping[str, str]) -> dict[str, str]:
    """Return the declared namespaces in one order, so that a declaration has one spelling."""
    return dict(sorted(namespaces.items()))
