"""What is said to a processor that speaks OpenDSR 2.0, and what it answers. Pure.

Source: specification.md of OpenDSR 2.0 (2020-06-29). Its examples have mistakes; where text and
example differ, the text counts. A processor's base address begins the paths of the specification.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from deletion.telling import Answer
from deletion.webhooks import Notice

IDENTITY_TYPES: Final = frozenset(
    {
        "android_advertising_id",
        "android_id",
        "controller_customer_id",
        "email",
        "fire_advertising_id",
        "ios_advertising_id",
        "ios_vendor_id",
        "microsoft_advertising_id",
        "microsoft_publisher_id",
        "roku_advertising_id",
        "roku_publisher_id",
    }
)
"""Section 7.2, identity_type."""

_API_VERSION: Final = "2.0"
_REGULATIONS: Final = {"ccpa": "ccpa"}  # the specification knows this one and gdpr


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How far a processor is with one request."""

    answer: Answer
    expected_at: datetime | None


def request_of(notice: Notice, *, telling_id: UUID, at: datetime) -> bytes:
    """Return the body of `POST /requests` (section 7.2)."""
    said = {
        "api_version": _API_VERSION,
        "regulation": _REGULATIONS.get(notice.regime, "gdpr"),
        "subject_request_id": str(telling_id),
        "subject_request_type": "erasure",
        "submitted_time": at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "subject_identities": [
            {
                "identity_type": one.called,
                "identity_value": one.digest.hex(),
                "identity_format": "sha256",
            }
            for one in notice.identifiers
        ],
    }
    return json.dumps(said, separators=(",", ":")).encode()


def requests_url(base: str) -> str:
    """Return where requests are sent."""
    return f"{base.rstrip('/')}/requests"


def status_url(base: str, *, telling_id: UUID) -> str:
    """Return where a processor says how far it is."""
    return f"{requests_url(base)}/{telling_id}"


def discovery_url(base: str) -> str:
    """Return where a processor describes itself; asking there names nobody."""
    return f"{base.rstrip('/')}/discovery"


def accepted(body: bytes, *, telling_id: UUID) -> Status | None:
    """Read the answer to a request (section 7.3), or None if it is not one about this request.

    Its `encoded_request` repeats the request and must not be kept.
    """
    said = _about(body, telling_id)
    if said is None:
        return None
    return Status(answer=Answer.PENDING, expected_at=_moment(said.get("expected_completion_time")))


def status_in(body: bytes, *, telling_id: UUID) -> Status | None:
    """Read the answer to a question (section 8.2), or None if it is not one about this request."""
    said = _about(body, telling_id)
    if said is None or said.get("request_status") not in set(Answer):
        return None
    return Status(
        answer=Answer(said["request_status"]),
        expected_at=_moment(said.get("expected_completion_time")),
    )


def _about(body: bytes, telling_id: UUID) -> dict[str, Any] | None:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or said.get("subject_request_id") != str(telling_id):
        return None
    return said


def _moment(said: object) -> datetime | None:
    """Read an RFC 3339 moment; what is none, or has no offset, says nothing."""
    if not isinstance(said, str):
        return None
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
