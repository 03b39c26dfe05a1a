"""What an identifier is, which spellings name one person, and how a person becomes a pseudonym."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final, NewType
from uuid import UUID

from lineage.errors import IdentifierMalformed
from lineage.keyed import keyed

SubjectId = NewType("SubjectId", int)
"""A person inside Lethe: dense, never reused, meaningless outside."""

Pseudonym = NewType("Pseudonym", UUID)
Digest = NewType("Digest", bytes)
"""SHA-256 of the standardised value, as OpenDSR and California's DROP send it. Personal data."""

_LONGEST: Final = 512  # characters; longer values are free text, not identifiers
_LONGEST_RAW: Final = 2 * _LONGEST  # before white space is dropped
_HEX: Final = "[0-9a-fA-F]"
_UUID: Final = re.compile(
    rf"(?:urn:uuid:)?\{{?(?:{_HEX}{{32}}|{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}})\}}?",
    re.ASCII | re.IGNORECASE,
)


class IdentifierKind(StrEnum):
    """How values of a namespace are written, and so which spellings are the same."""

    TEXT = "text"  # outer white space dropped, canonical caseless form (Unicode 3.13, D145) in NFC
    EMAIL = "email"  # all white space dropped, lower case (California DROP's rule), NFC
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
    value = _spelling(_text_of(raw).strip(), kind=kind)
    if not value or len(value) > _LONGEST or not value.isprintable():
        raise IdentifierMalformed(f"empty, unprintable or longer than {_LONGEST} characters")
    return value


def _spelling(text: str, *, kind: IdentifierKind) -> str:
    match kind:
        case IdentifierKind.TEXT:
            return _fold(text)
        case IdentifierKind.EMAIL:
            return _email(text)
        case IdentifierKind.INTEGER:
            return _integer(text)
        case IdentifierKind.UUID:
            return _uuid(text)


def _text_of(raw: object) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int | UUID):
        raise IdentifierMalformed(f"a {type(raw).__name__} cannot be an identifier")
    # Checked before `str` and `int` see it: they refuse long numbers with an error of their own.
    if isinstance(raw, int) and raw.bit_length() > _LONGEST * 3:
        raise IdentifierMalformed(f"longer than {_LONGEST} characters")
    text = str(raw)
    if len(text) > _LONGEST_RAW:
        raise IdentifierMalformed(f"longer than {_LONGEST} characters")
    return text


def _nfc(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    # NFD first: an iota subscript folds to a letter, across which marks cannot be reordered.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def _email(text: str) -> str:
    value = _nfc("".join(text.split()).lower())
    if value.count("@") != 1 or value.startswith("@") or value.endswith("@"):
        raise IdentifierMalformed("not an e-mail address")
    return value


def _integer(text: str) -> str:
    if not (text.isascii() and text.removeprefix("-").isdigit()):
        raise IdentifierMalformed("not a whole number")
    return str(int(text))


def _uuid(text: str) -> str:
    if not _UUID.fullmatch(text):  # `UUID` alone takes underscores and the digits of other scripts
        raise IdentifierMalformed("not a UUID")
    return str(UUID(text))


def marker(*, namespace: str, key: bytes) -> Callable[[Digest], UUID]:
    """Return the function from digests to marks.

    A mark is HMAC-SHA256(key, namespace ‖ 0x00 ‖ digest), first 128 bits.
    """
    mark = marking_bytes(namespace=namespace, key=key)
    return lambda digest: UUID(bytes=mark(digest))


def marking_bytes(*, namespace: str, key: bytes) -> Callable[[bytes], bytes]:
    """Return what `marker` returns, on plain bytes: a `UUID` object costs more than its HMAC."""
    return keyed(key, context=namespace.encode() + b"\x00", width=16)


def pseudonym_of(digest: Digest, *, namespace: str, key: bytes) -> Pseudonym:
    """Return the mark under the pseudonym key: the name by which Lethe knows a person."""
    return Pseudonym(marker(namespace=namespace, key=key)(digest))


def suppression_tag_of(digest: Digest, *, namespace: str, key: bytes) -> UUID:
    """Return the mark by which a forgotten person is recognised, under the list's own key.

    It starts from the digest, not from the pseudonym: rotating the pseudonym key loses nobody.
    """
    return marker(namespace=namespace, key=key)(digest)


def guess_kind(values: Sequence[object]) -> IdentifierKind:
    """Return the narrowest kind that fits every value of a column's beginning.

    Digits written as text stay text: `007` and `7` may be two people.
    """
    if values and all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return IdentifierKind.INTEGER
    for kind in (IdentifierKind.UUID, IdentifierKind.EMAIL):
        if values and all(_fits(value, kind=kind) for value in values):
            return kind
    return IdentifierKind.TEXT


def _fits(raw: object, *, kind: IdentifierKind) -> bool:
    try:
        standardise(raw, kind=kind)
    except IdentifierMalformed:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The people that somebody looks for in one identifier column.

    `mark` turns a digest into a keyed mark, `marks` holds those of the wanted people. A store thus
    finds people in whatever spelling it holds them, and no identifier has to be handed to it.
    """

    kind: IdentifierKind
    marks: frozenset[UUID]
    mark: Callable[[Digest], UUID]

    def mark_of(self, raw: object) -> UUID | None:
        """Return the mark of a raw value if it is wanted; malformed values are nobody's."""
        try:
            value = standardise(raw, kind=self.kind)
        except IdentifierMalformed:
            return None
        mark = self.mark(Digest(sha256(value.encode()).digest()))
        return mark if mark in self.marks else None
