"""Facts about demands, what is decided about them, the work for them, and their end."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionRequested:
    """A request was received and its clocks started."""

    request_id: str
    regime: str
    commitments: tuple[str, ...]  # HMAC(request key, namespace ‖ 0x00 ‖ digest), hexadecimal
    verification: str
    received_at: datetime
    acknowledge_by: datetime | None
    erase_by: datetime
    models_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeAsked:
    """Another code was asked for, by which the person confirms their address."""

    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeMade:
    """A code was made, to be sent at once; the ones before are worthless."""

    request_id: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeNotSent:
    """A code could not be sent; another one is made, until the attempts end."""

    request_id: str
    error: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRefused:
    """Somebody repeated a wrong code."""

    request_id: str
    tries_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestVerified:
    """The person has confirmed who they are; their address is destroyed."""

    request_id: str
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationExpired:
    """Nobody repeated a code in time; the address is destroyed, and an officer decides."""

    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHeld:
    """A legal reason to keep suspended the request."""

    request_id: str
    article: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldReleased:
    """The reason to keep is gone; the request goes on."""

    request_id: str
    article: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestExtended:
    """The law gave more time, once; both dates moved and the person was told why."""

    request_id: str
    article: str
    reason: str
    told_at: datetime
    erase_by: datetime
    models_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPaused:
    """The person was asked for something; until they answer, the law stops both clocks."""

    request_id: str
    article: str
    reason: str
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseEnded:
    """The person has answered; both dates moved by as long as they took, and the clocks go on."""

    request_id: str
    article: str
    asked_at: datetime
    answered_at: datetime
    erase_by: datetime
    models_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCancelled:
    """The demand was withdrawn before any work began."""

    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDenied:
    """The law lets the demand be refused; the person was told why, and what they may do."""

    request_id: str
    article: str
    reason: str
    told_at: datetime
    in_time: bool  # they were told before the law's own date


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPlanned:
    """The request became part of a batch."""

    request_id: str
    batch_id: int
    plan_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanApproved:
    """Somebody, or a policy, approved exactly the plan with this digest."""

    batch_id: int
    plan_digest: str
    approved_by: str
    requests: int
    obligations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDissolved:
    """Lineage moved on before the approval; the requests are planned again."""

    batch_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """One piece of work began, for as many obligations as were open."""

    run_id: str
    kind: str
    target: str
    because: str
    obligations: int
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayStarted:
    """A store was restored from a backup, and the erasures since then begin there once more."""

    run_id: str
    target: str
    since: datetime
    marks: int  # how many marks of forgotten people are looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsListed:
    """The files or tables of a place were listed, again if something changed meanwhile."""

    run_id: str
    round: int
    parts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptBegan:
    """A worker took a piece of work; `part` is empty for the run as a whole."""

    run_id: str
    part: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStep:
    """One file or table reached a step of its erasure."""

    run_id: str
    part: str
    step: str
    evidence: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailed:
    """One attempt ended without a result; it is tried again until the attempts end."""

    run_id: str
    part: str
    error: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStuck:
    """The attempts ended; the run waits for a person."""

    run_id: str
    part: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRetried:
    """Somebody looked at a stuck run and lets it try again."""

    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """The work is done and what was expected has been compared with what happened."""

    run_id: str
    kind: str
    target: str
    evidence: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeDecided:
    """One target has ended for one request, waits for something, or is open again (no outcome)."""

    request_id: str
    target: str
    outcome: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShieldEnded:
    """No policy shields the models behind a release any more: what was deferred is due."""

    release: str
    policy: str  # the last one that did
    requests: int  # finished ones whose person is in the release


@dataclass(frozen=True, slots=True, kw_only=True)
class ShieldRenewed:
    """Another policy shields the models behind a release from now on."""

    release: str
    policy: str
    approved_by: str
    expires_at: datetime
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataErased:
    """Every store has ended well for the request: the first of its two clocks has stopped."""

    request_id: str
    erased_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestReopened:
    """Every target had ended, but lineage still shows the person somewhere: planned once more."""

    request_id: str
    still_in: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCompleted:
    """Every target has ended well; the request's key is destroyed in the same transaction."""

    request_id: str
    regime: str
    received_at: datetime
    erase_by: datetime
    models_by: datetime
    erased_at: datetime
    completed_at: datetime
    outcomes: dict[str, int]
    certificate_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMerged:
    """Another open request does the work for the same person; it answers this one as well."""

    request_id: str
    merged_into: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestUnmerged:
    """The other request ended without an answer, or an officer told the two apart."""

    request_id: str
    merged_into: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestQueued:
    """Another open request names the same person: this one is planned when that one has ended."""

    request_id: str
    behind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestUnqueued:
    """No other request stands before this one any more: it is planned by itself."""

    request_id: str
