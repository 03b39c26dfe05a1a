"""The keys and certificates with which processors of the tests sign."""

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from tests.deletion.builders import right_now


@dataclass(frozen=True)
class Signer:
    """A processor's private key and the certificate that goes with it."""

    private: Any
    certificate: str

    @property
    def public(self) -> str:
        key = self.private.public_key()
        return str(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "ascii")

    def sign(self, body: bytes, *, padding: Any = None) -> str:
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            return b64encode(self.private.sign(body, ec.ECDSA(SHA256()))).decode()
        return b64encode(self.private.sign(body, padding or PKCS1v15(), SHA256())).decode()


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def signer(
    name: str = "one",
    *,
    host: str = "localhost",
    key: Any = None,
    since: datetime | None = None,
    days: int = 30,
) -> Signer:
    """Return a signer; each name has a key of its own, made once."""
    private = key or rsa_key(name)
    begins = since or right_now() - timedelta(days=1)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "processor")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(7)
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(private, SHA256())
    )
    return Signer(private, certificate.public_bytes(Encoding.PEM).decode())
