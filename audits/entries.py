"""One fact of the trail, as it is read back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailEntry:
    """What happened, when, by whom and about what; `index` is None until the fact is sealed."""

    index: int | None
    at: datetime
    actor: str
    event: str
    about: str
    facts: Mapping[str, object]


def read_entry(entry: bytes, *, index: int | None) -> TrailEntry:
    """Read the bytes of a leaf; how they are written is in `audits.trail`."""
    said = json.loads(entry)
    if not isinstance(said["facts"], dict):
        raise TypeError("facts are named")
    return TrailEntry(
        index=index,
        at=datetime.fromisoformat(said["at"]),
        actor=said["actor"],
        event=said["event"],
        about=said["about"],
        facts=said["facts"],
    )
