"""Whom the person of a request had reached outside, by name, told from the trail alone.

GDPR Art. 19, second sentence: the person is informed about those recipients if they ask for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from audits.entries import TrailEntry

TOLD_EVENTS: Final = frozenset(
    {"RecipientReached", "RecipientTold", "RecipientExcused", "EvidenceAttached"}
)


class Word(StrEnum):
    """What became of the duty to tell one recipient."""

    OPEN = "not told yet"
    TOLD = "told"
    EXCUSED = "excused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A document that somebody keeps about it."""

    name: str
    digest: str
    attached_at: datetime
    after_certificate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientRow:
    """One recipient of one request."""

    recipient: str
    standing: Word = Word.OPEN
    told_at: datetime | None = None
    told_by: str = ""
    recorded_by: str = ""  # empty: no person's word, but an answer to a message
    excused_on: str = ""  # the ground
    proof_digest: str = ""
    evidence: tuple[Proof, ...] = ()

    @property
    def sentence(self) -> str:
        """Say it in one line."""
        said = f"{self.recipient}: {self.standing}"
        if self.standing is Word.TOLD:
            return f"{said} {self.told_at:%Y-%m-%d}, {self.told_by}"
        return f"{said}, {self.excused_on}" if self.standing is Word.EXCUSED else said


def told(before: Mapping[str, RecipientRow], entry: TrailEntry) -> dict[str, RecipientRow]:
    """Return the recipients of a request, by name, as a fact leaves them."""
    facts = entry.facts
    name = str(facts["recipient"])
    row = before.get(name, RecipientRow(recipient=name))
    match entry.event:
        case "RecipientTold":
            row = replace(
                row,
                standing=Word.TOLD,
                told_at=datetime.fromisoformat(str(facts["told_at"])),
                told_by=str(facts["told_by"]),
                recorded_by=str(facts["recorded_by"]),
                proof_digest=str(facts["proof_digest"]),
            )
        case "RecipientExcused":
            row = replace(row, standing=Word.EXCUSED, excused_on=str(facts["ground"]))
        case "EvidenceAttached":
            proof = Proof(
                name=str(facts["name"]),
                digest=str(facts["digest"]),
                attached_at=entry.at,
                after_certificate=bool(facts["after_certificate"]),
            )
            row = replace(row, evidence=(*row.evidence, proof))
        case _:
            pass  # reached: there is a row, and nothing in it yet
    return {**before, name: row}
