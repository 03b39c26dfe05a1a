"""The proof that an entry stands in the trail, as text (C2SP tlog-proof) and as a check."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from audits.canonical import from_base64, from_decimal, to_base64
from audits.errors import BundleInvalid
from audits.merkle import HASH_SIZE, Hash, hash_leaf, verify_inclusion
from audits.notes import NoteKey, TreeHead, read_checkpoint

_HEADER: Final = "c2sp.org/tlog-proof@v1"
_INDEX: Final = "index "


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedProof:
    """An entry, where it stands, and the way up to a signed checkpoint."""

    entry: bytes
    index: int
    path: tuple[Hash, ...]
    note: str  # the signed checkpoint

    @property
    def text(self) -> str:
        """The proof without the entry, as one text file."""
        lines = [_HEADER, f"{_INDEX}{self.index}", *map(to_base64, self.path)]
        return "\n".join(lines) + "\n\n" + self.note


def read_proof(text: str, *, entry: bytes) -> SealedProof:
    """Read what `SealedProof.text` wrote; `extra` lines prove nothing and are refused."""
    head, blank, note = text.partition("\n\n")
    lines = head.split("\n")
    if not blank or lines[0] != _HEADER or not "".join(lines[1:2]).startswith(_INDEX):
        raise BundleInvalid("the proof is not of the form c2sp.org/tlog-proof@v1")
    index = from_decimal(lines[1].removeprefix(_INDEX), what="the proof's index")
    hashes = tuple(Hash(from_base64(line, what="a line of the proof")) for line in lines[2:])
    if not all(len(value) == HASH_SIZE for value in hashes):
        raise BundleInvalid("a line of the proof is not a SHA-256 hash")
    return SealedProof(entry=entry, index=index, path=hashes, note=note)


def check_proof(proof: SealedProof, *, keys: Sequence[NoteKey]) -> TreeHead:
    """Return the checkpoint under which the entry stands; raise `BundleInvalid` if it does not."""
    head = read_checkpoint(proof.note, keys=keys)
    if not verify_inclusion(
        leaf=hash_leaf(proof.entry),
        index=proof.index,
        size=head.size,
        proof=proof.path,
        root=head.root,
    ):
        raise BundleInvalid("the entry is not in the trail that the checkpoint describes")
    return head
