"""What became of every deletion request, told from the trail alone.

Nothing here is read from anywhere else: a report that needs a fact needs an action that records it.
Unsealed facts are left out, and their number is said.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from enum import StrEnum
from typing import Any, Final

from audits.entries import TrailEntry
from audits.errors import TrailDamaged
from audits.notes import SealedCheckpoint
from audits.told import TOLD_EVENTS, RecipientRow, told

REQUEST_EVENTS: Final = TOLD_EVENTS | frozenset(
    {
        "DeletionRequested",
        "RequestExtended",
        "RequestHeld",
        "HoldReleased",
        "RequestPaused",
        "PauseEnded",
        "RequestCancelled",
        "RequestDenied",
        "DataErased",
        "RequestReopened",
        "RequestCompleted",
        "RequestMerged",
        "RequestUnmerged",
    }
)
ALL_REGIMES: Final = "all"

_DAY: Final = timedelta(days=1)
_HUNDREDTH: Final = Decimal("0.01")
_TENTH: Final = Decimal("0.1")


class Standing(StrEnum):
    """How a request stands."""

    OPEN = "open"
    HELD = "held"
    PAUSED = "paused"
    COMPLETE = "complete"
    CANCELLED = "cancelled"
    DENIED = "denied"


class Clock(StrEnum):
    """How one of a request's two clocks stands: the data's, or the models'."""

    RUNNING = "running"
    OVERDUE = "overdue"  # still running, past its date
    IN_TIME = "in time"
    LATE = "late"
    HELD_PAST = "held, past its date"  # a legal reason to keep: it goes on, and is not late
    PAUSED = "paused"  # the person was asked: it stands still until they answer
    STOPPED = "stopped"  # the demand was withdrawn, or refused before the law's own date


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """One request."""

    request_id: str
    regime: str
    verification: str
    received_at: datetime
    acknowledge_by: datetime | None
    erase_by: datetime
    models_by: datetime
    held_since: datetime | None = None
    held_under: str = ""  # the article
    paused_since: datetime | None = None
    paused_under: str = ""  # the article
    paused_for: timedelta = timedelta(0)  # the pauses that have ended: the dates have moved by it
    erased_at: datetime | None = None
    completed_at: datetime | None = None
    cancelled_at: datetime | None = None
    denied_at: datetime | None = None
    denied_under: str = ""  # the article
    denied_because: str = ""
    denial_told_at: datetime | None = None
    denied_late: bool = False  # the person was told after the law's own date
    outcomes: Mapping[str, int]
    certificate_digest: str = ""
    merged_into: str = ""  # the request that does the work for both
    told: Mapping[str, RecipientRow] = field(default_factory=dict)  # by the recipient's name

    @property
    def standing(self) -> Standing:
        """How the request stands."""
        if self.completed_at:
            return Standing.COMPLETE
        if self.cancelled_at:
            return Standing.CANCELLED
        if self.denied_at:
            return Standing.DENIED
        if self.paused_since:
            return Standing.PAUSED
        return Standing.HELD if self.held_since else Standing.OPEN

    @property
    def taken(self) -> timedelta | None:
        """The time from receipt to completion."""
        return self.completed_at - self.received_at if self.completed_at else None

    def data_clock(self, now: datetime) -> Clock:
        """How the clock stands that ends when every store is free of the person."""
        return self._clock(self.erased_at, self.erase_by, now)

    def models_clock(self, now: datetime) -> Clock:
        """How the clock stands that ends when every model is free of the person as well."""
        return self._clock(self.completed_at, self.models_by, now)

    def missed(self, now: datetime) -> bool:
        """Say whether one of the two dates has passed unmet, or was met late."""
        clocks = {self.data_clock(now), self.models_clock(now)}
        return bool(clocks & {Clock.LATE, Clock.OVERDUE})

    def held_past(self, now: datetime) -> bool:
        """Say whether one of the two dates has passed while a hold is in force."""
        return Clock.HELD_PAST in {self.data_clock(now), self.models_clock(now)}

    def _clock(self, ended_at: datetime | None, due_at: datetime, now: datetime) -> Clock:
        if ended_at:
            return Clock.IN_TIME if ended_at <= due_at else Clock.LATE
        if self.cancelled_at or self.denied_at:
            return Clock.LATE if self.denied_late else Clock.STOPPED
        if self.paused_since:
            return Clock.PAUSED if self.paused_since <= due_at else Clock.OVERDUE
        if now <= due_at:
            return Clock.RUNNING
        return Clock.HELD_PAST if self.held_since else Clock.OVERDUE


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Requests of one regime, counted. Received are all the standings together."""

    regime: str
    received: int
    complete: int
    in_time: int  # of the complete ones: both clocks
    late: int  # of the complete ones
    open: int
    overdue: int  # of the open and paused ones: a date has passed
    held: int
    held_past_date: int  # of the held ones: a date has passed
    paused: int
    cancelled: int
    denied: int
    denied_late: int  # of the denied ones: the person was told after the law's own date
    median_days: Decimal | None  # from receipt to completion, rounded up
    p95_days: Decimal | None  # nearest rank, rounded up
    attainment: Decimal | None  # per cent of complete, overdue and denied late, rounded down


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Every request received in a period, as of a checkpoint."""

    origin: str
    now: datetime
    since: date | None
    until: date | None
    checkpoint: SealedCheckpoint | None
    unsealed: int  # facts about requests that no checkpoint covers yet; they are not in here
    rows: Sequence[RequestRow]
    totals: Sequence[Totals]  # by regime, then all together


def report_of(  # noqa: PLR0913  # what a report states about itself
    entries: Iterable[TrailEntry],
    *,
    origin: str,
    checkpoint: SealedCheckpoint | None,
    unsealed: int,
    since: date | None = None,
    until: date | None = None,
    now: datetime,
) -> Report:
    """Project sealed facts into a report on the requests received from one day to another."""
    rows = [
        row
        for row in rows_of(entries)
        if (since is None or row.received_at.date() >= since)
        and (until is None or row.received_at.date() <= until)
    ]
    regimes = sorted({row.regime for row in rows})
    return Report(
        origin=origin,
        now=now,
        since=since,
        until=until,
        checkpoint=checkpoint,
        unsealed=unsealed,
        rows=rows,
        totals=[
            *[_totals(name, [row for row in rows if row.regime == name], now) for name in regimes],
            _totals(ALL_REGIMES, rows, now),
        ],
    )


def rows_of(entries: Iterable[TrailEntry]) -> list[RequestRow]:
    """Return every request as the facts leave it, in the order of receipt in the trail."""
    rows: dict[str, RequestRow] = {}
    for entry in entries:
        request_id = str(entry.facts["request_id"])
        if entry.event == "DeletionRequested":
            rows[request_id] = _received(entry)
        elif request_id in rows:
            row = rows[request_id]
            rows[request_id] = replace(row, **_changes(entry, row))
        else:
            raise TrailDamaged(f"leaf {entry.index} is about a request that was never received")
    # Who was merged into another request had reached the recipients that are told for that one.
    return [
        replace(row, told=rows[row.merged_into].told) if row.merged_into in rows else row
        for row in rows.values()
    ]


def _received(entry: TrailEntry) -> RequestRow:
    facts = entry.facts
    return RequestRow(
        request_id=str(facts["request_id"]),
        regime=str(facts["regime"]),
        verification=str(facts["verification"]),
        received_at=_moment(facts["received_at"]),
        acknowledge_by=_moment(by) if (by := facts["acknowledge_by"]) else None,
        erase_by=_moment(facts["erase_by"]),
        models_by=_moment(facts["models_by"]),
        outcomes={},
    )


def _changes(entry: TrailEntry, row: RequestRow) -> dict[str, Any]:  # noqa: C901, PLR0912  # one an event
    """Return the fields of a row that a fact changes."""
    facts = entry.facts
    changes: dict[str, Any] = {}
    match entry.event:
        case "RequestExtended":
            changes = {name: _moment(facts[name]) for name in ("erase_by", "models_by")}
        case "RequestHeld":
            changes = {"held_since": entry.at, "held_under": str(facts["article"])}
        case "HoldReleased":
            changes = {"held_since": None, "held_under": ""}
        case "RequestPaused":
            changes = {
                "paused_since": _moment(facts["asked_at"]),
                "paused_under": str(facts["article"]),
            }
        case "PauseEnded":
            took = _moment(facts["answered_at"]) - _moment(facts["asked_at"])
            changes = {
                "paused_since": None,
                "paused_under": "",
                "paused_for": row.paused_for + took,
                **{name: _moment(facts[name]) for name in ("erase_by", "models_by")},
            }
        case "RequestCancelled":
            changes = {"cancelled_at": entry.at, "paused_since": None, "paused_under": ""}
        case "RequestDenied":
            changes = {
                "denied_at": entry.at,
                "denied_under": str(facts["article"]),
                "denied_because": str(facts["reason"]),
                "denial_told_at": _moment(facts["told_at"]),
                "denied_late": not facts["in_time"],
                "paused_since": None,
                "paused_under": "",
            }
        case "DataErased":
            changes = {"erased_at": _moment(facts["erased_at"])}
        case "RequestReopened":
            # The person was found once more, so the data's clock had not ended after all.
            changes = {"erased_at": None}
        case "RequestCompleted":
            changes = {
                # A pause or an extension moves the dates; these are the ones that counted.
                **{name: _moment(facts[name]) for name in ("erase_by", "models_by")},
                **{name: _moment(facts[name]) for name in ("erased_at", "completed_at")},
                "outcomes": facts["outcomes"],
                "certificate_digest": str(facts["certificate_digest"]),
            }
        case "RequestMerged":
            changes = {"merged_into": str(facts["merged_into"])}
        case "RequestUnmerged":
            changes = {"merged_into": ""}
        case name if name in TOLD_EVENTS:
            changes = {"told": told(row.told, entry)}
        case _:
            pass  # facts of other names change nothing here
    return changes


def _totals(regime: str, rows: Sequence[RequestRow], now: datetime) -> Totals:
    standing = Counter(row.standing for row in rows)
    late = sum(row.standing is Standing.COMPLETE and row.missed(now) for row in rows)
    in_time = standing[Standing.COMPLETE] - late
    running = {Standing.OPEN, Standing.PAUSED}
    overdue = sum(row.standing in running and row.missed(now) for row in rows)
    taken = sorted(row.taken for row in rows if row.taken is not None)
    denied_late = sum(row.denied_late for row in rows)
    decided = in_time + late + overdue + denied_late
    return Totals(
        regime=regime,
        received=len(rows),
        complete=standing[Standing.COMPLETE],
        in_time=in_time,
        late=late,
        open=standing[Standing.OPEN],
        overdue=overdue,
        held=standing[Standing.HELD],
        held_past_date=sum(row.held_past(now) for row in rows),
        paused=standing[Standing.PAUSED],
        cancelled=standing[Standing.CANCELLED],
        denied=standing[Standing.DENIED],
        denied_late=denied_late,
        median_days=days(_median(taken)) if taken else None,
        p95_days=days(taken[-(-95 * len(taken) // 100) - 1]) if taken else None,
        attainment=(
            (Decimal(100 * in_time) / decided).quantize(_TENTH, ROUND_DOWN) if decided else None
        ),
    )


def days(taken: timedelta) -> Decimal:
    """Return a duration in days with two digits, rounded up."""
    exact = Decimal(taken // timedelta(microseconds=1)) / Decimal(_DAY // timedelta(microseconds=1))
    return exact.quantize(_HUNDREDTH, ROUND_UP)


def _median(ranked: Sequence[timedelta]) -> timedelta:
    return (ranked[(len(ranked) - 1) // 2] + ranked[len(ranked) // 2]) / 2


def _moment(value: object) -> datetime:
    return datetime.fromisoformat(str(value))
