"""What an identifier is, when two spellings name the same person, and how a person becomes a pseudonym."""

import hmac
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final, NewType
from uuid import UUID

from lineage.errors import IdentifierMalformed

SubjectId = NewType("SubjectId", int)
"""A person inside Lethe: dense, never reused, meaningless outside."""

Pseudonym = NewType("Pseudonym", UUID)
Digest = NewType("Digest", bytes)
"""SHA-256 of the standardised value: what OpenDSR `sha256` and California's DROP send. Personal data."""

_LONGEST: Final = 512  # characters; longer values are free text, not identifiers


class IdentifierKind(StrEnum):
    """How values of a namespace are written, and so which spellings are the same."""

    TEXT = "text"  # Unicode NFC, outer white space dropped, case folded
    EMAIL = "email"  # all white space dropped, lower case (California DROP's rule)
    INTEGER = "integer"  # canonical decimal, no sign on zero, no leading zeros
    UUID = "uuid"  # lower case with hyphens


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """One way to name a person: a declared namespace and a standardised value."""

    namespace: str
    value: str

    @property
    def digest(self) -> Digest:
        """Return the SHA-256 of the standardised value."""
        return Digest(sha256(self.value.encode()).digest())


def standardise(raw: object, *, kind: IdentifierKind) -> str:
    """Return the one spelling of a raw value, or raise `IdentifierMalformed`.

    The message never holds the value.
    """
    if isinstance(raw, bool) or not isinstance(raw, str | int | UUID):
        raise IdentifierMalformed(f"a {type(raw).__name__} cannot be an identifier")
    text = unicodedata.normalize("NFC", str(raw)).strip()
    match kind:
        case IdentifierKind.TEXT:
            value = unicodedata.normalize("NFC", text.casefold())
        case IdentifierKind.EMAIL:
            value = "".join(text.split()).lower()
            if value.count("@") != 1 or value.startswith("@") or value.endswith("@"):
                raise IdentifierMalformed("not an e-mail address")
        case IdentifierKind.INTEGER:
            if not (text.isascii() and text.removeprefix("-").isdigit()):
                raise IdentifierMalformed("not a whole number")
            value = str(int(text)) if len(text) <= _LONGEST else ""
        case IdentifierKind.UUID:
            try:
                value = str(UUID(text))
            except ValueError:
                raise IdentifierMalformed("not a UUID") from None
    if not value or len(value) > _LONGEST or not value.isprintable():
        raise IdentifierMalformed(f"empty, unprintable or longer than {_LONGEST} characters")
    return value


def pseudonym_of(digest: Digest, *, namespace: str, key: bytes) -> Pseudonym:
    """Return HMAC-SHA256(key, namespace ‖ 0x00 ‖ digest), first 128 bits (DESIGN: *pseudonym*)."""
    return Pseudonym(_keyed(digest, namespace=namespace, key=key))


def suppression_tag_of(digest: Digest, *, namespace: str, key: bytes) -> UUID:
    """Return the mark by which a forgotten person is recognised, under the suppression list's own key.

    It starts from the digest, not from the pseudonym, so that rotating the pseudonym key loses nobody.
    """
    return _keyed(digest, namespace=namespace, key=key)


def _keyed(digest: Digest, *, namespace: str, key: bytes) -> UUID:
    mac = hmac.digest(key, namespace.encode() + b"\x00" + digest, "sha256")
    return UUID(bytes=mac[:16])


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The people that somebody looks for in one identifier column.

    `mark` turns a digest into a keyed mark, `marks` holds those of the wanted people. A store thus finds
    people in whatever spelling it holds them, and no identifier has to be handed to it.
    """

    kind: IdentifierKind
    marks: frozenset[UUID]
    mark: Callable[[Digest], UUID]

    def mark_of(self, raw: object) -> UUID | None:
        """Return the mark of a raw value if it is wanted, else None; malformed values are nobody's."""
        try:
            value = standardise(raw, kind=self.kind)
        except IdentifierMalformed:
            return None
        mark = self.mark(Digest(sha256(value.encode()).digest()))
        return mark if mark in self.marks else None
