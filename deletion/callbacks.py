"""The signed word of a processor about how far it is (OpenDSR 2.0, sections 8.5 to 8.8). Pure.

Who calls is said by the address, which each recipient has of its own; whether it is them, by a
signature over the bytes of the body, which are read only after that. The specification has the
certificate fetched from the processor's discovery endpoint. Here an administrator declares it, or
its public key alone: that is the list of known processors which the specification's own security
guidelines ask for, and no call goes out because somebody calls. So neither the chain nor the
revocation of a certificate is checked: its declaration is the trust, its dates and names are held.
"""

import binascii
from base64 import b64decode
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from deletion.errors import RecipientInvalid

MOST_BYTES: Final = 64 * 1024
"""Of one callback; the specification's own have a few hundred."""

MOST_KEPT: Final = 100
"""Different callbacks about one request; a processor needs one for each of four statuses."""

_LONGEST_KEY: Final = 16 * 1024
_LEAST_RSA_BITS: Final = 2048  # FIPS 186-4, which section 4.2 asks for
_CERTIFICATE: Final = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackKey:
    """What verifies the callbacks of one recipient."""

    public: RSAPublicKey | EllipticCurvePublicKey = field(repr=False)
    names: tuple[str, ...] = ()  # of a certificate
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    @property
    def digest(self) -> str:
        """The SHA-256 of the public key (its SubjectPublicKeyInfo), in hexadecimal."""
        info = self.public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return sha256(info).hexdigest()

    def is_valid(self, now: datetime) -> bool:
        """Say whether the certificate's dates hold; a key alone has none."""
        return (self.valid_from is None or self.valid_from <= now) and (
            self.valid_until is None or now <= self.valid_until
        )


def key_in(pem: str) -> CallbackKey:
    """Read a certificate or a public key, or raise `RecipientInvalid`."""
    if len(pem) > _LONGEST_KEY or not pem.isascii():
        raise RecipientInvalid("the key of callbacks is no certificate and no public key in PEM")
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode()) if _CERTIFICATE in pem else None
        public = certificate.public_key() if certificate else load_pem_public_key(pem.encode())
        names = _names_of(certificate) if certificate else ()
    except (ValueError, UnsupportedAlgorithm):
        raise RecipientInvalid(
            "the key of callbacks is no certificate and no public key in PEM"
        ) from None
    if not isinstance(public, RSAPublicKey | EllipticCurvePublicKey):
        raise RecipientInvalid("the key of callbacks is neither of RSA nor of ECDSA")
    if isinstance(public, RSAPublicKey) and public.key_size < _LEAST_RSA_BITS:
        raise RecipientInvalid(f"the key of callbacks has less than {_LEAST_RSA_BITS} bits")
    return CallbackKey(
        public=public,
        names=names,
        valid_from=certificate.not_valid_before_utc if certificate else None,
        valid_until=certificate.not_valid_after_utc if certificate else None,
    )


def require_key_of(host: str, key: CallbackKey, *, now: datetime) -> None:
    """Raise `RecipientInvalid` unless a certificate is valid and issued to this host."""
    if not key.is_valid(now):
        raise RecipientInvalid("the certificate of callbacks is not valid now")
    if key.valid_until is not None and not any(_covers(name, host) for name in key.names):
        raise RecipientInvalid("the certificate of callbacks is not issued to the address's host")


def is_signed(body: bytes, signature: str, *, key: CallbackKey) -> bool:
    """Say whether a signature in base64 is that of the key over the SHA-256 of the body.

    How RSA pads is left open by the specification: processors use PKCS #1 v1.5, and FIPS 186-4,
    which it cites, knows PSS as well. Both are taken.
    """
    try:
        signed = b64decode("".join(signature.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    public = key.public
    if isinstance(public, EllipticCurvePublicKey):
        try:
            public.verify(signed, body, ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True
    for padding in (PKCS1v15(), PSS(mgf=MGF1(SHA256()), salt_length=PSS.AUTO)):
        try:
            public.verify(signed, body, padding, SHA256())
        except InvalidSignature:
            continue
        return True
    return False


def _names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(name.lower() for name in found.value.get_values_for_type(x509.DNSName))


def _covers(name: str, host: str) -> bool:
    """Say whether a name of a certificate is a host's; `*` stands for one label (RFC 9525)."""
    wanted = host.lower()
    return name == wanted or (name.startswith("*.") and name[2:] == wanted.partition(".")[2] != "")
