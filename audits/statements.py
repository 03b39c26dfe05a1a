"""Signed claims: in-toto Statements v1 in DSSE envelopes, signed with Ed25519."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from audits.canonical import from_base64, from_json, to_base64, to_json
from audits.errors import BundleInvalid, StatementMalformed
from audits.notes import NoteKey

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A private key under a name."""

    name: str
    seed: bytes = field(repr=False)

    @property
    def public_key(self) -> bytes:
        """The public key's 32 bytes."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()

    @property
    def key_id(self) -> str:
        """The public key's SHA-256: what an envelope's `keyid` says."""
        return sha256(self.public_key).hexdigest()

    @property
    def verifier_key(self) -> NoteKey:
        """The public key as a line of text that can be published."""
        return NoteKey(name=self.name, public_key=self.public_key)


def statement_of(
    *, subjects: Mapping[str, str], predicate_type: str, predicate: Mapping[str, object]
) -> dict[str, object]:
    """Make a Statement about things that are named with their SHA-256, in hexadecimal."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": name, "digest": {"sha256": digest}} for name, digest in subjects.items()
        ],
        "predicateType": predicate_type,
        "predicate": dict(predicate),
    }


def sign(statement: Mapping[str, object], *, signer: Signer) -> dict[str, object]:
    """Put a Statement into a signed envelope; its bytes are fixed from here on."""
    if not _is_statement(statement):
        raise StatementMalformed
    payload = to_json(dict(statement))
    private = Ed25519PrivateKey.from_private_bytes(signer.seed)
    return {
        "payload": to_base64(payload),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [
            {"keyid": signer.key_id, "sig": to_base64(private.sign(_authenticated(payload)))}
        ],
    }


def open_envelope(
    envelope: Mapping[str, object], *, public_keys: Mapping[str, bytes]
) -> dict[str, object]:
    """Return the Statement of an envelope that one of the keys has signed; raise `BundleInvalid`.

    Keys are given by any name. `keyid` is a hint that nobody signed, so it selects nothing; but one
    that is not its key's is refused, since a reader might rely on it.
    """
    payload = _payload(envelope)
    signatures = envelope.get("signatures")
    if not isinstance(signatures, list) or not signatures:
        raise BundleInvalid("the certificate is not signed")
    if not any([_fits(signature, payload, public_keys) for signature in signatures]):  # noqa: C419  # every signature is looked at, so that a malformed one is never skipped
        raise BundleInvalid("the certificate is not signed by a known key")
    statement = from_json(payload, what="the certificate's payload")
    if not _is_statement(statement):
        raise BundleInvalid("the certificate's payload is not an in-toto Statement v1")
    return statement


def subjects_of(statement: Mapping[str, object]) -> list[object]:
    """Return the names of the things that a statement is about."""
    subjects = statement.get("subject")
    if not isinstance(subjects, list):
        return []
    return [subject.get("name") for subject in subjects if isinstance(subject, dict)]


def digest_of(envelope: Mapping[str, object]) -> str:
    """Return the SHA-256 of the signed bytes, in hexadecimal; the signature is not part of it."""
    return sha256(_payload(envelope)).hexdigest()


def _payload(envelope: Mapping[str, object]) -> bytes:
    payload, kind = envelope.get("payload"), envelope.get("payloadType")
    if kind != PAYLOAD_TYPE or not isinstance(payload, str):
        raise BundleInvalid("the certificate is not a DSSE envelope of an in-toto Statement")
    return from_base64(payload, what="the certificate's payload")


def _fits(signature: object, payload: bytes, public_keys: Mapping[str, bytes]) -> bool:
    if not isinstance(signature, dict):
        raise BundleInvalid("the certificate has a malformed signature")
    said, key_id = signature.get("sig"), signature.get("keyid")
    if not isinstance(said, str) or not isinstance(key_id, str):
        raise BundleInvalid("the certificate has a malformed signature")
    data = from_base64(said, what="the certificate's signature")
    for public_key in public_keys.values():
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(data, _authenticated(payload))
        except InvalidSignature:
            continue
        if key_id != sha256(public_key).hexdigest():
            raise BundleInvalid("the certificate names another key than the one that signed it")
        return True
    return False


def _authenticated(payload: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding: type and payload, each after its length."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _is_statement(statement: Mapping[str, object]) -> bool:
    subjects = statement.get("subject")
    return (
        statement.get("_type") == STATEMENT_TYPE
        and isinstance(statement.get("predicateType"), str)
        and isinstance(statement.get("predicate"), dict)
        and isinstance(subjects, list)
        and bool(subjects)
        and all(isinstance(subject, dict) and subject.get("digest") for subject in subjects)
    )
