"""What recipients are told by webhooks. Pure; `training.calling.signing` signs it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from lineage.identifiers import Digest

ERASURE: Final = "person.erased"
ORDER: Final = "data.ordered-given-up"
TEST: Final = "lethe.test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashed:
    """An identifier of the person: SHA-256 of the standardised value. Personal data."""

    called: str  # the recipient's own name for the namespace
    digest: Digest = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a recipient needs to know to erase somebody, and nothing beyond it."""

    request_id: UUID
    regime: str
    erased_at: datetime
    due_at: datetime
    identifiers: Sequence[Hashed] = field(repr=False)


def message_id(telling_id: UUID) -> str:
    """Return the webhook-id; a full stop would make what is signed ambiguous."""
    return f"msg_{telling_id.hex}"


def erasure_body(notice: Notice) -> bytes:
    """Return the body of the message that somebody's data was erased and is to be erased there."""
    return _body(
        ERASURE,
        at=notice.erased_at,
        data={
            "request": str(notice.request_id),
            "do": "erase",
            "regime": notice.regime,
            "due_at": _moment(notice.due_at),
            "identifiers": [
                {"type": one.called, "format": "sha256", "value": one.digest.hex()}
                for one in notice.identifiers
            ],
        },
    )


def order_body(
    *, disgorgement: int, reference: str, what: str, approved_at: datetime, due_at: datetime
) -> bytes:
    """Return the body of the message that what was passed on is to be given up; about nobody."""
    return _body(
        ORDER,
        at=approved_at,
        data={
            "disgorgement": disgorgement,
            "do": "give up",
            "order": reference,
            "what": what,
            "due_at": _moment(due_at),
        },
    )


def trial_body(*, at: datetime) -> bytes:
    """Return the body of a message that names nobody."""
    return _body(TEST, at=at, data={"do": "nothing"})


def _body(kind: str, *, at: datetime, data: Mapping[str, object]) -> bytes:
    said = {"type": kind, "timestamp": _moment(at), "data": data}
    return json.dumps(said, separators=(",", ":")).encode()


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
