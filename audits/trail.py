"""The only door to the audit trail: a transaction that must record what it did."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, is_dataclass
from datetime import datetime
from typing import Any, ClassVar, NewType, Protocol

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from typing_extensions import override

from audits.errors import EntryTooLong, UnrecordedChange
from audits.models import OutboxEntry
from audits.tiles import ENTRY_LIMIT

Actor = NewType("Actor", str)
"""Who did it: `user:<id>`, `task:<name>`, `command:<name>` or `recipient:<id>`; never a name."""

SYSTEM = Actor("system")


class Event(Protocol):
    """A frozen dataclass naming one fact, with JSON-ready fields and no personal data."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


class _Facts(DjangoJSONEncoder):
    """Writes a fact within a fact like the one around it."""

    @override
    def default(self, o: Any) -> Any:
        return _members(o) if is_dataclass(o) else super().default(o)


def _members(event: Any) -> dict[str, Any]:
    # Not `asdict`, which copies every moment and text of a fact that is only read here.
    return {name: getattr(event, name) for name in event.__dataclass_fields__}


@dataclass
class Trail:
    """Collects the facts of one action."""

    actor: Actor
    now: datetime
    entries: list[OutboxEntry] = field(default_factory=list)

    def record(self, event: Event, *, about: str) -> None:
        """Append one fact about a thing (`request/<id>`, `model/<name>`, ...).

        It is written when the surrounding `audited` block ends, and sealed into the Merkle tree
        soon after.
        """
        name = type(event).__name__
        # The bytes are the truth from here on: they are hashed and handed out, never re-serialised.
        entry = json.dumps(
            {
                "v": 1,
                "at": self.now.isoformat(),
                "actor": self.actor,
                "event": name,
                "about": about,
                "facts": _members(event),
            },
            cls=_Facts,
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
        ).encode()
        # Found out here, where the action still fails as a whole, and not by the sealer.
        if len(entry) > ENTRY_LIMIT:
            raise EntryTooLong(name)
        self.entries.append(OutboxEntry(recorded_at=self.now, about=about, event=name, entry=entry))


@contextmanager
def audited(*, actor: Actor, now: datetime) -> Iterator[Trail]:
    """Run an action in one transaction and refuse to commit it unrecorded."""
    with transaction.atomic():
        trail = Trail(actor, now)
        yield trail
        if not trail.entries:
            raise UnrecordedChange
        OutboxEntry.objects.bulk_create(trail.entries)
