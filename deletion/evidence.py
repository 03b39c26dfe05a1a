"""What the work on one target left behind, in numbers and digests. Pure; no personal data."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from audits.canonical import to_json
from lineage.keyed import keyed
from lineage.stores.protocol import Erasure


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvidence:
    """The evidence of all parts of a run in a few figures, and a digest of the whole."""

    parts: int
    rounds: int
    rows_before: int
    rows_erased: int
    values_removed: int
    readers: tuple[str, ...]  # the second readers, who found nobody
    residual: tuple[str, ...]  # what erasing there does not reach, in words
    digest: str

    def as_json(self) -> dict[str, Any]:
        """Return it as a row or the trail keeps it."""
        return asdict(self) | {"readers": list(self.readers), "residual": list(self.residual)}


def of_part(erasure: Erasure, *, proven_by: str, key: bytes) -> dict[str, Any]:
    """Return what one part's erasure leaves behind.

    The state before held those who left. A plain digest of it would let whoever has the file as it
    is now put a guessed row back and see whether they were right, so it is keyed.
    """
    before = keyed(key, context=b"\x00state before\x00")(erasure.digest_before.encode()).hex()
    return asdict(erasure) | {"digest_before": before, "proven_by": proven_by}


def sum_up(parts: Sequence[Mapping[str, Any]], *, rounds: int) -> RunEvidence:
    """Sum the evidence of the parts up; each is what its row keeps, with its name and round.

    They come in the order of their rounds: what a part held at first is counted once.
    """
    first = {part["part"]: part for part in reversed(parts)}
    return RunEvidence(
        parts=len(first),
        rounds=rounds,
        rows_before=sum(part["rows_before"] for part in first.values()),
        rows_erased=sum(part["rows_erased"] for part in parts),
        values_removed=sum(part["values_removed"] for part in parts),
        readers=tuple(sorted({part["proven_by"] for part in parts})),
        residual=tuple(sorted({part["residual"] for part in parts if part["residual"]})),
        digest=sha256(to_json([dict(part) for part in parts])).hexdigest(),
    )
