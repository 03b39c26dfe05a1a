"""What the page of one request shows."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audits import queries as trail
from audits.entries import TrailEntry
from audits.pages.cells import (
    NOTHING,
    Tone,
    badge,
    code,
    moment,
    number,
    prose,
    span_words,
)
from audits.pages.records import Figure, Page
from audits.pages.sections import Facts, Table, Words, name_of, names_of, raw, timeline_of
from deletion.admin.clocks import (
    STOPPED,
    batch_link,
    clock_left,
    left_of,
    outcome_of,
    progress_of,
    request_link,
    run_link,
    short,
    state_of,
    target_link,
    with_note,
)
from deletion.admin.links import added_by_links
from deletion.admin.told import recipients_of
from deletion.models import Certificate, DeletionRequest, Denial, Extension, Hold, Pause, Share
from deletion.queries.pauses import lawful_until, paused_for
from deletion.queries.waiting import waits_for
from deletion.regimes import REGIMES, Regime
from deletion.states import ENDED_WELL, Outcome, RequestState

_SAID_ABOVE: Final = frozenset(
    {
        "batch_id",
        "commitments",
        "completed_at",
        "erase_by",
        "erased_at",
        "models_by",
        "received_at",
        "request_id",
    }
)


def page_of(request: DeletionRequest, *, now: datetime) -> Page:
    """Return everything that an officer or auditor needs to judge one request."""
    shares = list(_shares(request))
    holds = list(request.holds.order_by("-placed_at"))
    pauses = list(request.pauses.order_by("-asked_at"))
    denial = Denial.objects.filter(request=request).first()
    certificate = Certificate.objects.filter(request=request).first()
    ended = sum(share.outcome in ENDED_WELL for share in shares)
    return Page(
        title=f"Deletion request {short(request.pk)}",
        badges=[state_of(request), left_of(request, now=now)],
        lead=_lead(request, ended=ended, targets=len(shares), now=now),
        figures=[
            _clock_figure("Data erased by", request.erase_by, request.erased_at, request, now),
            _clock_figure("Models clean by", request.models_by, request.completed_at, request, now),
            Figure(
                label="Targets that have ended",
                value=f"{ended} of {len(shares)}" if shares else "not planned",
                tone="good" if shares and ended == len(shares) else "calm",
            ),
            Figure(
                label="Received",
                value=moment(request.received_at),
                note=f"{span_words(now - request.received_at)} ago",
            ),
        ],
        links=_links(certificate),
        sections=[
            *_warnings(request, holds, shares),
            _targets(shares),
            *recipients_of(request, certificate),
            _clocks(request, now=now),
            *([_holds(holds)] if holds else []),
            *([_pauses(pauses)] if pauses else []),
            *added_by_links(request),
            *_merged(request),
            *([_denial(denial)] if denial else []),
            _intake(request),
            *([_certificate(certificate)] if certificate else []),
            timeline_of(_told(request), hidden=_SAID_ABOVE),
            *(
                [raw("The certificate as it was signed", certificate.envelope)]
                if certificate
                else []
            ),
        ],
    )


def _shares(request: DeletionRequest) -> QuerySet[Share]:
    return request.shares.select_related(
        "obligation__store",
        "obligation__model",
        "obligation__recipient",
        "obligation__run",
        "run",
    ).order_by("obligation__batch", "obligation__kind", "obligation_id")


def _lead(  # noqa: PLR0911  # one a state
    request: DeletionRequest, *, ended: int, targets: int, now: datetime
) -> str:
    match RequestState(request.state):
        case RequestState.UNVERIFIED:
            return "Its person has not confirmed their address yet; the clocks run all the same."
        case RequestState.RECEIVED | RequestState.MERGED | RequestState.PLANNED:
            return waits_for(request, now=now)
        case RequestState.HELD:
            return "Kept for a legal reason. Nothing is forgotten: the clocks go on."
        case RequestState.PAUSED:
            return "The person was asked for something; both clocks stand still until the answer."
        case RequestState.IN_PROGRESS:
            going = f"Work is going on: {targets - ended} of {targets} targets have still to end."
            return f"{going} {waits_for(request, now=now)}".rstrip()
        case RequestState.COMPLETE:
            return "Every target has ended well; the certificate proves it without Lethe."
        case RequestState.DENIED:
            return "Refused before any work began; what it said about the person is destroyed."
        case RequestState.CANCELLED:
            return "Withdrawn before any work began; what it said about the person is destroyed."


def _clock_figure(
    label: str, due_at: datetime, ended_at: datetime | None, request: DeletionRequest, now: datetime
) -> Figure:
    if request.state in STOPPED:
        return Figure(label=label, value=moment(due_at), note="stopped")
    left = clock_left(request, due_at=due_at, ended_at=ended_at, now=now)
    return Figure(label=label, value=moment(due_at), note=left)


def _links(certificate: Certificate | None) -> list[tuple[str, str]]:
    if certificate is None:
        return []
    address = reverse("admin:deletion_deletionrequest_certificate", args=[certificate.request_id])
    return [("Download the certificate", address)]


def _warnings(
    request: DeletionRequest, holds: Sequence[Hold], shares: Sequence[Share]
) -> list[Words]:
    standing = [hold for hold in holds if hold.released_at is None]
    stuck = [share for share in shares if share.outcome == Outcome.UNREACHABLE]
    held = [
        Words(
            title=f"On hold under {hold.article}",
            text="Somebody other than the person who placed it can release it.",
            tone="warn",
        )
        for hold in standing
        if request.state == RequestState.HELD
    ]
    unreachable = Words(
        title=f"Stuck on {number(len(stuck))} of {number(len(shares))} targets",
        text="Every attempt failed. Repair what the note below says, then open the run, or what a "
        "recipient is told, and let it try again; the clocks go on.",
        tone="bad",
    )
    return [*held, *([unreachable] if stuck else [])]


def _targets(shares: Sequence[Share]) -> Table:
    runs = {
        share.obligation.run.pk: share.obligation.run for share in shares if share.obligation.run
    }
    runs |= {share.run.pk: share.run for share in shares if share.run}
    progress = progress_of(runs.values())
    return Table(
        title="Targets",
        note="Each must be free of this person by its date; the request is complete when all are.",
        headers=["Target", "Why", "Outcome", "Due", "Work"],
        rows=[
            [
                target_link(share.obligation),
                prose(share.obligation.because),
                with_note(outcome_of(share.outcome, run=share.obligation.run), share.note),
                moment(share.obligation.due_at),
                run_link(share.run or share.obligation.run, progress),
            ]
            for share in shares
        ],
        empty="No target is known before the request is planned.",
    )


def _clocks(request: DeletionRequest, *, now: datetime) -> Table:
    law = REGIMES.get(request.regime)
    return Table(
        title="Clocks",
        note=f"{law.title}. Reviewed {law.reviewed}." if law else "",
        headers=["Clock", "Due", "Ended", "Standing", "Why this date"],
        rows=[_clock(row, request, now) for row in _clock_rows(request, law)],
        empty="No clock runs.",
    )


_ClockRow = tuple[str, datetime, datetime | None, str]


def _clock_rows(request: DeletionRequest, law: Regime | None) -> Iterable[_ClockRow]:
    if request.acknowledge_by is not None:
        why = f"{law.clock_article}, the duty to acknowledge" if law else ""
        # The answer to the caller is the acknowledgement: it is given at receipt.
        yield ("Acknowledged", request.acknowledge_by, request.received_at, why)
    own = f"the earlier of {law.clock_article} and this organisation's own window" if law else ""
    data = models = own
    extension = Extension.objects.filter(request=request).first()
    if extension is not None:
        told = f"; extended, told on {extension.told_at:%Y-%m-%d}: {extension.reason}. Before: "
        data = f"{own}{told}{extension.erase_by_before:%Y-%m-%d}"
        models = f"{own}{told}{extension.models_by_before:%Y-%m-%d}"
    stood_still = paused_for(request)
    if stood_still:
        later = f"; later by {span_words(stood_still)}, for which it was paused"
        data, models = data + later, models + later
    yield ("Data erased", request.erase_by, request.erased_at, data)
    yield ("Models clean", request.models_by, request.completed_at, models)
    if law is not None:
        lawful = f"{law.clock_article}: {law.act} from receipt"
        lawful += f", extended by {law.extend}" if extension else ""
        lawful += f", and {span_words(stood_still)} of pauses" if stood_still else ""
        yield ("The law's own date", lawful_until(request), request.completed_at, lawful)


def _clock(row: _ClockRow, request: DeletionRequest, now: datetime) -> list[str | SafeString]:
    name, due_at, ended_at, why = row
    stopped = request.state in STOPPED and ended_at is None
    return [
        name,
        moment(due_at),
        moment(ended_at),
        badge("stopped")
        if stopped
        else clock_left(request, due_at=due_at, ended_at=ended_at, now=now),
        why,
    ]


def _holds(holds: Sequence[Hold]) -> Table:
    people = names_of(
        {hold.placed_by for hold in holds}
        | {hold.released_by for hold in holds if hold.released_by}
    )
    return Table(
        title="Holds",
        headers=["Article", "Reason", "Placed by", "Placed", "Released by", "Released"],
        rows=[
            [
                hold.article,
                hold.reason or NOTHING,
                people.get(hold.placed_by, hold.placed_by),
                moment(hold.placed_at),
                people.get(hold.released_by, hold.released_by) or badge("in force", Tone.WARN),
                moment(hold.released_at),
            ]
            for hold in holds
        ],
        empty="It was never held.",
    )


def _pauses(pauses: Sequence[Pause]) -> Table:
    people = names_of(
        {pause.paused_by for pause in pauses}
        | {pause.ended_by for pause in pauses if pause.ended_by}
    )
    return Table(
        title="Pauses",
        note="From the question to the answer the clocks stand still.",
        headers=["Article", "Reason", "Asked", "Paused by", "Answered", "Ended by", "Lasted"],
        rows=[
            [
                pause.article,
                prose(pause.reason),
                moment(pause.asked_at),
                people.get(pause.paused_by, pause.paused_by),
                moment(pause.answered_at),
                people.get(pause.ended_by, pause.ended_by) or badge("lasts", Tone.WARN),
                span_words(pause.answered_at - pause.asked_at) if pause.answered_at else NOTHING,
            ]
            for pause in pauses
        ],
        empty="It was never paused.",
    )


def _merged(request: DeletionRequest) -> list[Table]:
    """Return the other requests of the same person, if any stood behind this one."""
    followers = request.followers.order_by("received_at", "pk")
    table = Table(
        title="Other requests of the same person",
        note="A merged one is answered with this one; any other is planned when this has ended.",
        headers=["Request", "State", "Received", "Data erased by", "Models clean by"],
        rows=[
            [
                request_link(one.pk),
                state_of(one),
                moment(one.received_at),
                moment(one.erase_by),
                moment(one.models_by),
            ]
            for one in followers
        ],
        empty="There is none.",
    )
    return [table] if followers else []


def _denial(denial: Denial) -> Facts:
    return Facts(
        title="Denial",
        rows=[
            ("Article", denial.article),
            ("Reason", denial.reason),
            ("The person was told", moment(denial.told_at)),
            ("Before the law's own date", "yes" if denial.in_time else badge("no", Tone.BAD)),
            ("Denied by", name_of(denial.denied_by)),
            ("Denied", moment(denial.denied_at)),
        ],
    )


def _intake(request: DeletionRequest) -> Facts:
    named = request.identifiers.filter(by_link=False)
    namespaces = sorted(named.values_list("namespace_id", flat=True))
    return Facts(
        title="Intake",
        rows=[
            ("Number", format_html('<code class="lt-code">{}</code>', request.pk)),
            ("Regime", request.regime.upper()),
            ("Identity", request.verification),
            ("Confirmed", moment(request.verified_at)),
            ("Handed in by", name_of(request.caller)),
            ("Person named by", ", ".join(namespaces) or "nothing any more: destroyed at the end"),
            ("Batch", batch_link(request.batch_id)),
            ("Stands behind, or merged into", request_link(request.behind_id)),
        ],
    )


def _certificate(certificate: Certificate) -> Facts:
    return Facts(
        title="Certificate",
        note="Signed, and verifiable without Lethe: see manage.py verify_bundle.",
        rows=[
            ("Issued", moment(certificate.issued_at)),
            ("Digest", code(certificate.digest, shown=64)),
        ],
    )


def _told(request: DeletionRequest) -> list[TrailEntry]:
    entries = trail.timeline(f"request/{request.pk}")
    if request.batch_id:
        entries += trail.timeline(f"batch/{request.batch_id}")
    return entries
