"""What is said to a processor that speaks OpenDSR 2.0, and what it answers. Pure.

Source: specification.md of OpenDSR 2.0 (2020-06-29). Its examples have mistakes; where text and
example differ, the text counts. A processor's base address begins the paths of the specification.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from deletion.errors import CallbackUnreadable
from deletion.telling import DIGEST, WORD, Answer
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
_MOST_DOCUMENTS: Final = 8
_REGULATIONS: Final = {"ccpa": "ccpa"}  # the specification knows this one and gdpr


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How far a processor is with one request."""

    answer: Answer
    expected_at: datetime | None
    documents: tuple[tuple[str, str], ...] = ()  # name and SHA-256 of what the processor keeps


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a processor says by itself, of one request, in a callback (section 8.6)."""

    telling_id: UUID
    status: Status
    digest: str  # SHA-256 of the body as it was signed


def request_of(notice: Notice, *, telling_id: UUID, at: datetime, callback_url: str = "") -> bytes:
    """Return the body of `POST /requests` (section 7.2); without an address nobody calls back."""
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
        **({"status_callback_urls": [callback_url]} if callback_url else {}),
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


def status_in(body: bytes, *, telling_id: UUID, domain: str) -> Status | None:
    """Read the answer to a question (section 8.2), or None if it is not one about this request."""
    said = _about(body, telling_id)
    return None if said is None else _status(said, domain)


def call_in(body: bytes, *, address: str, domain: str) -> Call:
    """Read a callback whose signature is verified, or raise `CallbackUnreadable`.

    `address` is the path at which it came; what the body names is another one if it was meant for
    somebody else.
    """
    said = _read(body)
    if said is None:
        raise CallbackUnreadable("it is no JSON object")
    number = said.get("subject_request_id")
    try:
        telling_id = UUID(number) if isinstance(number, str) else None
    except ValueError:
        telling_id = None
    if telling_id is None or str(telling_id) != number:
        raise CallbackUnreadable("its subject_request_id is no UUID in lower case")
    meant_for = said.get("status_callback_url", address)
    if not isinstance(meant_for, str) or not meant_for.endswith(address):
        raise CallbackUnreadable("its status_callback_url is another address")
    status = _status(said, domain)
    if status is None:
        raise CallbackUnreadable("its request_status is none that OpenDSR knows")
    return Call(telling_id=telling_id, status=status, digest=sha256(body).hexdigest())


def _status(said: dict[str, Any], domain: str) -> Status | None:
    status = said.get("request_status")
    if not isinstance(status, str) or status not in set(Answer):
        return None
    return Status(
        answer=Answer(status),
        expected_at=_moment(said.get("expected_completion_time")),
        documents=_documents(said.get("extensions"), domain),
    )


def _documents(extensions: object, domain: str) -> tuple[tuple[str, str], ...]:
    """Read what a processor attaches below its own domain (section 7.1.2).

    `"evidence": [{"name": "certificate-of-destruction", "sha256": "…"}]`; what is not written so,
    or comes after the eighth, is left out.
    """
    own = extensions.get(domain) if isinstance(extensions, dict) else None
    listed = own.get("evidence") if isinstance(own, dict) else None
    return tuple(
        (one["name"], one["sha256"])
        for one in (listed if isinstance(listed, list) else [])[:_MOST_DOCUMENTS]
        if isinstance(one, dict)
        and isinstance(one.get("name"), str)
        and isinstance(one.get("sha256"), str)
        and WORD.fullmatch(one["name"])
        and DIGEST.fullmatch(one["sha256"])
    )


def _about(body: bytes, telling_id: UUID) -> dict[str, Any] | None:
    said = _read(body)
    return said if said and said.get("subject_request_id") == str(telling_id) else None


def _read(body: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _moment(said: object) -> datetime | None:
    """Read an RFC 3339 moment in UTC; what is none, or has no offset, says nothing.

    In UTC, since PostgreSQL keeps moments outside of Python's years and takes no offset of a day.
    """
    try:
        at = datetime.fromisoformat(said) if isinstance(said, str) else None
        return at.astimezone(UTC) if at is not None and at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
