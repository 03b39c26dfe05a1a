"""Signs the messages of Standard Webhooks 1.0.0. Pure.

Signed is `{id}.{timestamp}.{body}`. Each message carries two signatures, and whoever gets it
verifies either: `v1a`, Ed25519 by the published key, and `v1`, HMAC-SHA256 with a secret of its
own, which is derived from the signing key and so is stored nowhere.
"""

import hmac
from base64 import b64encode
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

_SECRET_BYTES: Final = 32  # the specification asks for 24 to 64


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


def _text(content: bytes) -> str:
    return b64encode(content).decode()
