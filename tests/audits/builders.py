"""Facts, recorded the way every app records them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audits.entries import TrailEntry
from audits.trail import Actor, audited
from tests.cast import MONDAY, OFFICER


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A fact with a number, for tests that need many."""

    number: int


def record(
    event: object,
    *,
    about: str = "request/1",
    actor: Actor = OFFICER,
    now: datetime = MONDAY,
) -> None:
    """Record one fact in a transaction of its own."""
    with audited(actor=actor, now=now) as trail:
        trail.record(event, about=about)  # type: ignore[arg-type]  # any frozen dataclass is an Event


def record_many(count: int, *, begin: int = 0, about: str = "request/1") -> None:
    """Record facts with numbers from `begin` on, in one transaction."""
    with audited(actor=OFFICER, now=MONDAY) as trail:
        for number in range(begin, begin + count):
            trail.record(Counted(number=number), about=about)


def fact(
    event: str,
    *,
    index: int = 0,
    about: str = "request/1",
    at: datetime = MONDAY,
    **facts: Any,
) -> TrailEntry:
    """Return a sealed fact as reports read it."""
    return TrailEntry(index=index, at=at, actor=OFFICER, event=event, about=about, facts=facts)


def received(request_id: str, **changes: Any) -> TrailEntry:
    """Return the fact that a request was received on Monday, due in a month."""
    said: dict[str, Any] = {
        "request_id": request_id,
        "regime": "gdpr",
        "commitments": ["ab" * 32],
        "verification": "delegated to the caller",
        "received_at": "2026-01-05T00:00:00Z",
        "acknowledge_by": None,
        "erase_by": "2026-02-05T00:00:00Z",
        "models_by": "2026-02-05T00:00:00Z",
    }
    return fact("DeletionRequested", about=f"request/{request_id}", **{**said, **changes})


def completed(request_id: str, **changes: Any) -> TrailEntry:
    """Return the fact that a request was completed on Wednesday, two and a half days after."""
    said: dict[str, Any] = {
        "request_id": request_id,
        "regime": "gdpr",
        "received_at": "2026-01-05T00:00:00Z",
        "erase_by": "2026-02-05T00:00:00Z",
        "models_by": "2026-02-05T00:00:00Z",
        "erased_at": "2026-01-06T00:00:00Z",
        "completed_at": "2026-01-07T12:00:00Z",
        "outcomes": {"retrained": 1, "erased": 2},
        "certificate_digest": "cd" * 32,
    }
    return fact("RequestCompleted", about=f"request/{request_id}", **{**said, **changes})
