"""What a caller is told about each line of an upload, and at its end. Pure; no identifier in it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from audits.problems import detail_of, title_of, type_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The line's request is open: since now, or since the same line was taken before."""

    line: int
    known: bool
    request_id: UUID
    acknowledge_by: datetime | None
    erase_by: datetime
    models_by: datetime
    commitment_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The line opened nothing."""

    line: int
    refusal: Exception


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptable:
    """The line would open a request."""

    line: int


Answer = Taken | Refused | Acceptable


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many lines were answered how."""

    accepted: int = 0
    known: int = 0
    refused: int = 0

    def with_these(self, answers: Sequence[Answer]) -> "Count":
        """Return the count with more answers in it."""
        refused = sum(isinstance(answer, Refused) for answer in answers)
        known = sum(isinstance(answer, Taken) and answer.known for answer in answers)
        return Count(
            accepted=self.accepted + len(answers) - refused - known,
            known=self.known + known,
            refused=self.refused + refused,
        )

    @property
    def lines(self) -> int:
        """Return how many lines were answered."""
        return self.accepted + self.known + self.refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The last answer. `broken` says why the upload was not read to its end, and where."""

    import_id: UUID | None  # none when nothing was to be opened
    count: Count
    broken: Exception | None = None


def as_json(answer: Answer | Ended) -> bytes:
    """Return an answer as one line of NDJSON."""
    return json.dumps(_members(answer), separators=(",", ":")).encode() + b"\n"


def _members(answer: Answer | Ended) -> dict[str, Any]:
    match answer:
        case Taken():
            acknowledge_by = answer.acknowledge_by
            return {
                "line": answer.line,
                "result": "known" if answer.known else "accepted",
                "id": str(answer.request_id),
                "acknowledge_by": acknowledge_by and _moment(acknowledge_by),
                "erase_by": _moment(answer.erase_by),
                "models_by": _moment(answer.models_by),
                "commitment_key": answer.commitment_key.hex(),
            }
        case Acceptable():
            return {"line": answer.line, "result": "acceptable"}
        case Refused():
            return {
                "line": answer.line,
                "result": "refused",
                "problem": _problem(answer.refusal),
            }
        case Ended():
            count = answer.count
            ended: dict[str, Any] = {
                "result": "broken-off" if answer.broken else "finished",
                "import": answer.import_id and str(answer.import_id),
                "lines": count.lines,
                "accepted": count.accepted,
                "known": count.known,
                "refused": count.refused,
            }
            return {**ended, "problem": _problem(answer.broken)} if answer.broken else ended


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _problem(refusal: Exception) -> dict[str, str]:
    name = type(refusal).__name__
    return {"type": type_of(name), "title": title_of(name), "detail": detail_of(refusal)}
