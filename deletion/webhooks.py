"""The messages of Standard Webhooks 1.0.0: what is said, and how it is signed. Pure.

Signed is `{id}.{timestamp}.{body}`. Each message carries two signatures, and a recipient verifies
either: `v1a`, Ed25519 by the published key, and `v1`, HMAC-SHA256 with a secret of its own, which
is derived from the signing key and so is stored nowhere.
"""

import hmac
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from lineage.identifiers import Digest

ERASURE: Final = "person.erased"
ORDER: Final = "data.ordered-given-up"
TEST: Final = "lethe.test"

_SECRET_BYTES: Final = 32  # the specification asks for 24 to 64


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


def headers_of(
    body: bytes, *, message: str, at: datetime, signing_key: bytes, recipient: str
) -> dict[str, str]:
    """Return the headers of one attempt; `signing_key` is an Ed25519 seed of 32 bytes."""
    timestamp = str(int(at.timestamp()))
    signed = f"{message}.{timestamp}.".encode() + body
    private = Ed25519PrivateKey.from_private_bytes(signing_key)
    shared = secret_of(recipient, signing_key=signing_key)
    mac = hmac.digest(shared, signed, "sha256")
    return {
        "content-type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1a,{_text(private.sign(signed))} v1,{_text(mac)}",
    }


def public_key(signing_key: bytes) -> str:
    """Return the public key as the specification writes it, to be published."""
    private = Ed25519PrivateKey.from_private_bytes(signing_key)
    return f"whpk_{_text(private.public_key().public_bytes_raw())}"


def shown_secret(recipient: str, *, signing_key: bytes) -> str:
    """Return the shared secret of one recipient as its library reads it."""
    return f"whsec_{_text(secret_of(recipient, signing_key=signing_key))}"


def secret_of(recipient: str, *, signing_key: bytes) -> bytes:
    """Return the shared secret of one recipient (RFC 5869, section 2.3)."""
    info = b"lethe webhook secret/" + recipient.encode()
    return HKDFExpand(algorithm=SHA256(), length=_SECRET_BYTES, info=info).derive(signing_key)


def _body(kind: str, *, at: datetime, data: Mapping[str, object]) -> bytes:
    said = {"type": kind, "timestamp": _moment(at), "data": data}
    return json.dumps(said, separators=(",", ":")).encode()


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _text(content: bytes) -> str:
    return b64encode(content).decode()
