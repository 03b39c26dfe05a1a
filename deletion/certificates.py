"""What the certificate of a finished request states. Pure; signing it is `audits.statements`.

It names targets, dates, counts and digests. The person is in it as commitments only, which the
receipt opens.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from audits.canonical import to_json
from audits.statements import statement_of
from deletion.regimes import Regime
from deletion.states import Outcome
from deletion.telling import Told

PREDICATE_TYPE: Final = "https://lethe.example/deletion/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one target ended for the request."""

    target: str
    outcome: Outcome
    note: str
    decided_at: datetime
    evidence: Mapping[str, Any]  # of the run that decided it; empty for a shield


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Why both dates are later than they were at receipt: an extension, or a pause."""

    article: str
    reason: str
    told_at: datetime  # the person: of the extension, or what they were asked for
    answered_at: datetime | None = None  # the end of a pause: the dates moved by what is between


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A request of which every target has ended well."""

    request_id: UUID
    regime: Regime
    verification: str
    commitments: tuple[str, ...]
    linked: int  # identifiers that links added: looked for, but not among the commitments
    searched: tuple[str, ...]  # the namespaces by which the person was looked for
    received_at: datetime
    erase_by: datetime
    models_by: datetime
    erased_at: datetime
    completed_at: datetime
    endings: tuple[Ending, ...]
    recipients: tuple[Told, ...] = ()
    moved: tuple[Moved, ...] = ()
    merged_into: UUID | None = None  # the request for which the work was done

    @property
    def outcomes(self) -> dict[str, int]:
        """Count the targets by outcome."""
        return dict(sorted(Counter(ending.outcome.value for ending in self.endings).items()))


def certificate_of(finished: Finished) -> dict[str, object]:
    """Return the in-toto Statement to sign."""
    law = finished.regime
    predicate: dict[str, object] = {
        "request": str(finished.request_id),
        "regime": {
            "name": law.name,
            "title": law.title,
            "articles": list(law.articles),
            "source": law.erase_source,
        },
        "verification": finished.verification,
        "commitments": list(finished.commitments),
        **({"linked": finished.linked} if finished.linked else {}),
        "namespaces": list(finished.searched),
        "received_at": _moment(finished.received_at),
        **({"merged_into": str(finished.merged_into)} if finished.merged_into else {}),
        **({"moved": [_moved(one) for one in finished.moved]} if finished.moved else {}),
        "data": {
            "due_at": _moment(finished.erase_by),
            "erased_at": _moment(finished.erased_at),
            "in_time": finished.erased_at <= finished.erase_by,
        },
        "models": {
            "due_at": _moment(finished.models_by),
            "clean_at": _moment(finished.completed_at),
            "in_time": finished.completed_at <= finished.models_by,
        },
        "targets": [_target(ending) for ending in finished.endings],
        "outcomes": finished.outcomes,
        "recipients": [_recipient(one) for one in finished.recipients],
    }
    digest = sha256(to_json(predicate)).hexdigest()
    return statement_of(
        subjects={f"request/{finished.request_id}": digest},
        predicate_type=PREDICATE_TYPE,
        predicate=predicate,
    )


def by_target(endings: Sequence[Ending]) -> tuple[Ending, ...]:
    """Return the endings in a stable order; a target that was planned twice stands there twice."""
    return tuple(sorted(endings, key=lambda ending: (ending.target, ending.decided_at)))


def _target(ending: Ending) -> dict[str, object]:
    said: dict[str, object] = {
        "target": ending.target,
        "outcome": ending.outcome.value,
        "decided_at": _moment(ending.decided_at),
    }
    if ending.note:
        said["note"] = ending.note
    if ending.evidence:
        said["evidence_digest"] = sha256(to_json(dict(ending.evidence))).hexdigest()
        said["evidence"] = dict(ending.evidence)
    return said


def _moved(moved: Moved) -> dict[str, object]:
    said: dict[str, object] = {
        "article": moved.article,
        "reason": moved.reason,
        "told_at": _moment(moved.told_at),
    }
    if moved.answered_at is not None:
        said["answered_at"] = _moment(moved.answered_at)
    return said


def _recipient(told: Told) -> dict[str, object]:
    """Say of a recipient that it was told, or why not; what is not known is left out."""
    said: dict[str, object] = {
        "recipient": told.recipient,
        "standing": told.outcome,
        "note": told.note,
        "told_by": told.told_by,
        "told_at": _moment(told.told_at) if told.told_at else "",
        "answer": told.answer,
        "proof_digest": told.proof_digest,
        "evidence": [
            {
                "name": one.name,
                "digest": one.digest,
                "attached_by": one.attached_by,
                "attached_at": _moment(one.attached_at),
            }
            for one in told.evidence
        ],
    }
    return {name: value for name, value in said.items() if value}


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
