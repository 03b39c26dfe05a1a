"""What a caller says about a person, as digests. Pure; the values go no further than this."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from lineage.errors import IdentifierMalformed
from lineage.identifiers import Digest, Identifier, IdentifierKind, standardise
from lineage.places import NAME

SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
LONGEST_VALUE: Final = 1024  # characters, before white space is dropped
MOST_IDENTIFIERS: Final = 20
WORD: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
"""How identity was verified: no sentence, no address, no name of a person."""
KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
"""A caller's own key for a demand: visible ASCII, as it stands in a header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawIdentifier:
    """An identifier as the person wrote it."""

    namespace: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HashedIdentifier:
    """The SHA-256 of an identifier that the caller has standardised, in hexadecimal."""

    namespace: str
    sha256: str = field(repr=False)


SaidIdentifier = RawIdentifier | HashedIdentifier


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidDemand:
    """One person's demand as a caller said it."""

    regime: str
    identifiers: tuple[SaidIdentifier, ...]
    verification: str


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Claim:
    """One identifier of the person who asks, as a digest. Personal data."""

    namespace: str
    digest: Digest = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the person keeps: it proves that the trail and the certificate are about them.

    Each commitment is what `deletion.keys.commitment` makes of the key and an identifier.
    """

    request_id: UUID
    commitment_key: bytes = field(repr=False)
    commitments: tuple[tuple[str, str], ...]  # (namespace, commitment)


def identifier_said(data: object) -> SaidIdentifier | None:
    """Return the identifier that an object of JSON says, or None if it says none as documented."""
    match data:
        case {"namespace": str(namespace), "value": str(value), **rest} if (
            not rest and NAME.fullmatch(namespace) and 0 < len(value) <= LONGEST_VALUE
        ):
            return RawIdentifier(namespace=namespace, value=value)
        case {"namespace": str(namespace), "sha256": str(digest), **rest} if (
            not rest and NAME.fullmatch(namespace) and SHA256.fullmatch(digest)
        ):
            return HashedIdentifier(namespace=namespace, sha256=digest)
        case _:
            return None


def claims_of(
    identifiers: Sequence[SaidIdentifier], *, kinds: Mapping[str, IdentifierKind]
) -> tuple[Claim, ...]:
    """Return the different identifiers among those said, sorted; raise `IdentifierMalformed`."""
    if not identifiers:
        raise IdentifierMalformed("a request names at least one identifier")
    return tuple(sorted({_claim(said, kinds[said.namespace]) for said in identifiers}))


def body_of(*, regime: str, verification: str, claims: Sequence[Claim]) -> bytes:
    """Return one spelling of a request, equal exactly for equal demands."""
    return json.dumps(
        [regime, verification, [[claim.namespace, claim.digest.hex()] for claim in claims]]
    ).encode()


def _claim(said: SaidIdentifier, kind: IdentifierKind) -> Claim:
    match said:
        case RawIdentifier(namespace=namespace, value=value):
            person = Identifier(namespace=namespace, value=standardise(value, kind=kind))
            return Claim(namespace=namespace, digest=person.digest)
        case HashedIdentifier(namespace=namespace, sha256=digest):
            if not SHA256.fullmatch(digest):
                raise IdentifierMalformed("not a SHA-256 in hexadecimal")
            return Claim(namespace=namespace, digest=Digest(bytes.fromhex(digest)))
