"""Facts, recorded the way every app records them."""

from dataclasses import dataclass
from datetime import datetime

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
