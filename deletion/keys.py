"""The key that each request has for itself. Pure cryptography; destroying the key is an action.

What a request says about its person is readable with this key only: the sealed digests of the
identifiers, and the commitments in the trail. Wrapped key and sealed digests are

    version (1 byte) ‖ nonce (12 bytes) ‖ AES-256-GCM ciphertext and tag

bound to the request, so that nothing can be moved from one request to another.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from lineage.identifiers import Digest

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12  # NIST SP 800-38D: 96 bits
_VERSION: Final = b"\x01"

Entropy = Callable[[int], bytes]
"""Returns that many unpredictable bytes; `secrets.token_bytes` outside of tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestKey:
    """256 random bits of one request, and what is derived from them (RFC 5869 section 2.3)."""

    request_id: UUID
    secret: bytes = field(repr=False)

    @property
    def commitment_key(self) -> bytes:
        """Return the key that the person gets: it opens the commitments and nothing else."""
        return self._derived(b"commitments")

    def seal(self, digest: Digest, *, namespace: str, entropy: Entropy) -> bytes:
        """Encrypt the digest of an identifier, which is personal data."""
        return _encrypt(
            self._derived(b"digests"), digest, context=self._about(namespace), entropy=entropy
        )

    def unseal(self, sealed: bytes, *, namespace: str) -> Digest:
        """Return the digest that was sealed for this request and namespace."""
        return Digest(_decrypt(self._derived(b"digests"), sealed, context=self._about(namespace)))

    def seal_address(self, address: str, *, entropy: Entropy) -> bytes:
        """Encrypt where a code is sent to."""
        return _encrypt(
            self._derived(b"addresses"), address.encode(), context=self._about(""), entropy=entropy
        )

    def unseal_address(self, sealed: bytes) -> str:
        """Return the address that was sealed for this request."""
        return _decrypt(self._derived(b"addresses"), sealed, context=self._about("")).decode()

    def tag(self, content: bytes) -> str:
        """Return a keyed digest by which the same content is recognised while the key lives."""
        return hmac.digest(self._derived(b"tags"), content, "sha256").hex()

    def wrap(self, *, key_encryption_key: bytes, entropy: Entropy) -> bytes:
        """Encrypt the secret for the database."""
        return _encrypt(
            key_encryption_key, self.secret, context=self.request_id.bytes, entropy=entropy
        )

    def _derived(self, purpose: bytes) -> bytes:
        # The secret is uniformly random, so HKDF's extract step would add nothing.
        info = b"lethe request key/" + purpose
        return HKDFExpand(algorithm=SHA256(), length=KEY_BYTES, info=info).derive(self.secret)

    def _about(self, namespace: str) -> bytes:
        return self.request_id.bytes + namespace.encode()


def new_key(request_id: UUID, *, entropy: Entropy) -> RequestKey:
    """Return a fresh key for a request."""
    return RequestKey(request_id=request_id, secret=entropy(KEY_BYTES))


def unwrap(wrapped: bytes, *, request_id: UUID, key_encryption_key: bytes) -> RequestKey:
    """Return the key of a request."""
    secret = _decrypt(key_encryption_key, wrapped, context=request_id.bytes)
    return RequestKey(request_id=request_id, secret=secret)


def idempotency_tag(key: str, *, caller: str, key_encryption_key: bytes) -> str:
    """Return what is kept of a caller's own key for a demand, which may well name the person."""
    secret = HKDFExpand(
        algorithm=SHA256(), length=KEY_BYTES, info=b"lethe idempotency keys"
    ).derive(key_encryption_key)
    return hmac.digest(secret, caller.encode() + b"\x00" + key.encode(), "sha256").hex()


def commitment(key: bytes, namespace: str, digest: Digest) -> str:
    """Return HMAC-SHA256(key, namespace ‖ 0x00 ‖ digest): all that the trail says of a person.

    With the key and the identifier anybody can compute it; without the key nobody can try
    identifiers.
    """
    return hmac.digest(key, namespace.encode() + b"\x00" + digest, "sha256").hex()


def seal_linked(
    digest: Digest, *, pseudonym: UUID, key_encryption_key: bytes, entropy: Entropy
) -> bytes:
    """Encrypt the digest of an identifier that is linked to another, before anybody asks."""
    key = _linking_key(key_encryption_key)
    return _encrypt(key, digest, context=pseudonym.bytes, entropy=entropy)


def unseal_linked(sealed: bytes, *, pseudonym: UUID, key_encryption_key: bytes) -> Digest:
    """Return the digest that was sealed for this pseudonym."""
    return Digest(_decrypt(_linking_key(key_encryption_key), sealed, context=pseudonym.bytes))


def _linking_key(key_encryption_key: bytes) -> bytes:
    info = b"lethe linked identifiers"
    return HKDFExpand(algorithm=SHA256(), length=KEY_BYTES, info=info).derive(key_encryption_key)


def _encrypt(key: bytes, plain: bytes, *, context: bytes, entropy: Entropy) -> bytes:
    nonce = entropy(_NONCE_BYTES)
    return _VERSION + nonce + AESGCM(key).encrypt(nonce, plain, _VERSION + context)


def _decrypt(key: bytes, sealed: bytes, *, context: bytes) -> bytes:
    version, nonce, rest = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    return AESGCM(key).decrypt(nonce, rest, version + context)
