"""Signed notes and checkpoints (C2SP signed-note and tlog-checkpoint), signed with Ed25519.

A *verifier key* is one line of text, `name+id+key`, that an auditor can compare with one published
elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from audits.canonical import from_base64, from_decimal, to_base64
from audits.errors import BundleInvalid
from audits.merkle import HASH_SIZE, Hash

_ED25519: Final = b"\x01"  # the signature type, see signed-note
_KEY_SIZE: Final = 32
_ID_SIZE: Final = 4
_DASH: Final = "— "
_SIGNATURES_READ: Final = 64  # signed-note asks for at least 16, and for some limit


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteKey:
    """A public key under a name."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes by which a signature line names its key; not a secure digest."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:_ID_SIZE]

    @property
    def text(self) -> str:
        """The verifier key as one line."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(_ED25519 + self.public_key)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeHead:
    """What a checkpoint says: which log, how many leaves, and the root over them."""

    origin: str
    size: int
    root: Hash

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedCheckpoint:
    """A checkpoint as it was signed and stored."""

    size: int
    root: Hash
    note: str
    sealed_at: datetime


def read_key(text: str) -> NoteKey:
    """Read a verifier key of type Ed25519."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    data = from_base64(encoded, what="the verifier key")
    if not _is_name(name) or data[:1] != _ED25519 or len(data) != 1 + _KEY_SIZE:
        raise BundleInvalid("the verifier key is not of the form name+id+Ed25519 key")
    key = NoteKey(name=name, public_key=data[1:])
    if key.key_id.hex() != key_id:
        raise BundleInvalid("the verifier key does not have the id that it states")
    return key


def sign_note(text: str, *, name: str, seed: bytes) -> str:
    """Sign a text that ends in a newline; `seed` is the private key's 32 bytes."""
    if not text.endswith("\n") or not _is_printable(text):
        raise ValueError("a note is lines of printable text")
    if not _is_name(name):
        raise ValueError("a key's name has no space and no plus")
    private = Ed25519PrivateKey.from_private_bytes(seed)
    key = NoteKey(name=name, public_key=private.public_key().public_bytes_raw())
    signature = to_base64(key.key_id + private.sign(text.encode()))
    return f"{text}\n{_DASH}{name} {signature}\n"


def open_note(note: str, *, keys: Sequence[NoteKey]) -> str:
    """Return the text of a note that at least one of the keys has signed, and none of them wrongly.

    Signatures by other keys are ignored, as the specification demands: witnesses add theirs.
    """
    text, blank, lines = note.rpartition("\n\n")
    text += "\n"
    if not blank or not lines.endswith("\n") or not _is_printable(note):
        raise BundleInvalid("the checkpoint is not a signed note")
    signatures = lines.splitlines()
    if len(signatures) > _SIGNATURES_READ:
        raise BundleInvalid("the checkpoint has too many signatures")
    signed = [_signed_by(line, text, keys) for line in signatures]
    if not any(signed):
        raise BundleInvalid("the checkpoint is not signed by a known key")
    return text


def read_checkpoint(note: str, *, keys: Sequence[NoteKey]) -> TreeHead:
    """Return what a signed checkpoint says."""
    origin, size, root, *_ = (*open_note(note, keys=keys).splitlines(), "", "", "")
    if not origin:
        raise BundleInvalid("the checkpoint does not state an origin")
    data = from_base64(root, what="the checkpoint's root")
    if len(data) != HASH_SIZE:
        raise BundleInvalid("the checkpoint's root is not a SHA-256 hash")
    return TreeHead(
        origin=origin, size=from_decimal(size, what="the checkpoint's size"), root=Hash(data)
    )


def _signed_by(line: str, text: str, keys: Sequence[NoteKey]) -> NoteKey | None:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not name:
        raise BundleInvalid("the checkpoint has a malformed signature line")
    data = from_base64(encoded, what="a signature of the checkpoint")
    for key in keys:
        if key.name == name and key.key_id == data[:_ID_SIZE]:
            try:
                Ed25519PublicKey.from_public_bytes(key.public_key).verify(
                    data[_ID_SIZE:], text.encode()
                )
            except InvalidSignature as exc:
                raise BundleInvalid("the checkpoint's signature does not fit its text") from exc
            return key
    return None


def _is_printable(text: str) -> bool:
    return all(character == "\n" or character >= " " for character in text)


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(character.isspace() for character in name)
