"""Taking many demands at once: a chunk of lines is one transaction, on the road of a single one."""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Final
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError

from audits.problems import detail_of, reasons_in
from audits.trail import Actor, Trail, audited
from deletion import errors
from deletion.actions.links import record_links
from deletion.actions.merging import locked_leaders, overtake, record_standing
from deletion.actions.requests import (
    Demand,
    Draft,
    Opened,
    demand_of,
    draft_of,
    line_up,
    repeated,
    somebody_was_first,
    with_links,
)
from deletion.answers import Acceptable, Answer, Count, Ended, Refused, Taken
from deletion.bulk import Line, chunks_of
from deletion.errors import UploadUnreadable
from deletion.events import ImportEnded, ImportStarted, LinesTaken
from deletion.intake import SaidDemand
from deletion.keys import idempotency_tag
from deletion.merging import Leader
from deletion.models import DeletionRequest, Import, RequestIdentifier
from deletion.queries.merging import leaders_for
from deletion.states import RequestState
from lineage import errors as lineage_errors
from lineage.queries import kinds_of_namespaces

_REFUSALS: Final = reasons_in(errors, lineage_errors)
_TRIES: Final = 5  # of a chunk, when others open requests for the same people in the same moment
_WORDS: Final = 200  # characters of a reason that are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Who sends, and under which key. A line without a key of its own has `KEY#NUMBER`."""

    caller: str
    key: str

    def key_of(self, line: Line) -> str:
        """Return the idempotency key of a line."""
        return line.key or f"{self.key}#{line.number}"


def import_requests(
    *,
    import_id: UUID,
    lines: Iterable[Line],
    upload: Upload,
    actor: Actor,
    clock: Callable[[], datetime],
) -> Generator[Sequence[Answer | Ended], None, None]:
    """Open a request for each line, and answer each in order; the last answer is the end's.

    Answers come a chunk at a time, when they are true, and nothing is held but that chunk. Killed
    at any point, it loses nothing that was answered, and opens nothing twice when the same upload
    is sent again.
    """
    count = Count()
    broken: UploadUnreadable | None = None
    try:
        for chunk in chunks_of(lines):
            answers = take_lines(
                import_id=import_id, lines=chunk, upload=upload, actor=actor, now=clock()
            )
            count = count.with_these(answers)
            yield answers
    except UploadUnreadable as exc:
        broken = exc
    except GeneratorExit:  # whoever read the answers went away
        gone = UploadUnreadable("the caller went away before the end")
        end_import(import_id=import_id, broken=gone, actor=actor, now=clock())
        raise
    end_import(import_id=import_id, broken=broken, actor=actor, now=clock())
    yield [Ended(import_id=import_id, count=count, broken=broken)]


def check_requests(
    *, lines: Iterable[Line], upload: Upload, clock: Callable[[], datetime]
) -> Iterator[Sequence[Answer | Ended]]:
    """Answer each line as `import_requests` would, and open nothing."""
    count = Count()
    broken: UploadUnreadable | None = None
    try:
        for chunk in chunks_of(lines):
            answers = [
                Acceptable(line=line.number) if isinstance(verdict, Draft) else verdict
                for line, verdict in zip(
                    chunk,
                    _judge(chunk, upload=upload, leaders_of=leaders_for, now=clock()),
                    strict=True,
                )
            ]
            count = count.with_these(answers)
            yield answers
    except UploadUnreadable as exc:
        broken = exc
    yield [Ended(import_id=None, count=count, broken=broken)]


def start_import(*, upload: Upload, source: str, actor: Actor, now: datetime) -> UUID:
    """Note that somebody sends an upload; each sending is one import."""
    with audited(actor=actor, now=now) as trail:
        begun = Import.objects.create(
            pk=uuid4(),
            source=source,
            started_by=actor,
            started_at=now,
            last_at=now,
            upload_tag=idempotency_tag(
                upload.key,
                caller=upload.caller,
                key_encryption_key=settings.REQUEST_KEY_ENCRYPTION_KEY,
            ),
        )
        trail.record(
            ImportStarted(import_id=str(begun.pk), source=source), about=f"import/{begun.pk}"
        )
    return begun.pk


def take_lines(
    *, import_id: UUID, lines: Sequence[Line], upload: Upload, actor: Actor, now: datetime
) -> list[Answer]:
    """Open a request for each line that may have one, all in one transaction; answer each line."""
    for _ in range(_TRIES - 1):
        try:
            return _take(import_id, lines, upload, actor, now)
        except IntegrityError as exc:
            # Somebody asked for one of these people, or with one of these keys, in this moment:
            # who they are is seen now, and refuses or answers that line alone.
            if not somebody_was_first(exc):
                raise
    return _take(import_id, lines, upload, actor, now)


def end_import(
    *, import_id: UUID, broken: UploadUnreadable | None, actor: Actor, now: datetime
) -> None:
    """Note that an upload was read to its end, or why not."""
    with audited(actor=actor, now=now) as trail:
        row = Import.objects.select_for_update(no_key=True).get(pk=import_id)
        row.ended_at = row.last_at = now
        row.broken_because = detail_of(broken)[:_WORDS] if broken else ""
        row.save()
        trail.record(
            ImportEnded(
                import_id=str(row.pk),
                accepted=row.accepted,
                known=row.known,
                refused=row.refused,
                broken_because=row.broken_because,
            ),
            about=f"import/{row.pk}",
        )


def _take(
    import_id: UUID, lines: Sequence[Line], upload: Upload, actor: Actor, now: datetime
) -> list[Answer]:
    with audited(actor=actor, now=now) as trail:
        row = Import.objects.select_for_update(no_key=True).get(pk=import_id)
        verdicts = _judge(lines, upload=upload, leaders_of=locked_leaders, now=now)
        drafts = [verdict for verdict in verdicts if isinstance(verdict, Draft)]
        _save(drafts, trail=trail)
        answers = [
            _taken(line.number, verdict.opened, known=False)
            if isinstance(verdict, Draft)
            else verdict
            for line, verdict in zip(lines, verdicts, strict=True)
        ]
        more = Count().with_these(answers)
        row.accepted += more.accepted
        row.known += more.known
        row.refused += more.refused
        row.last_at = now
        row.save()
        for draft in drafts:
            trail.record(draft.event, about=draft.about)
            record_links(draft.request, draft.linked, trail=trail, actor=actor, now=now)
            record_standing(draft.request, trail=trail)
        trail.record(
            LinesTaken(
                import_id=str(row.pk),
                up_to_line=lines[-1].number,
                accepted=more.accepted,
                known=more.known,
                refused=more.refused,
            ),
            about=f"import/{row.pk}",
        )
    return answers


def _save(drafts: Sequence[Draft], *, trail: Trail) -> None:
    # Keys before people, and each in order: two uploads of the same people wait for one another,
    # but never in a circle.
    DeletionRequest.objects.bulk_create(
        sorted((draft.request for draft in drafts), key=attrgetter("idempotency_tag"))
    )
    for draft in drafts:
        overtake(draft.request, draft.overtakes, trail=trail)
    RequestIdentifier.objects.bulk_create(
        sorted(
            (identifier for draft in drafts for identifier in draft.identifiers),
            key=attrgetter("pseudonym"),
        )
    )


def _judge(
    lines: Sequence[Line],
    *,
    upload: Upload,
    leaders_of: Callable[[Collection[UUID]], dict[UUID, Leader]],
    now: datetime,
) -> list[Draft | Answer]:
    """Say of each line what is to be opened, or else what is answered."""
    demands = _demands(lines, upload)
    asked = [demand for demand in demands if isinstance(demand, Demand)]
    opened = {
        request.idempotency_tag: request
        for request in DeletionRequest.objects.filter(
            caller=upload.caller, idempotency_tag__in=[demand.tag for demand in asked]
        )
    }
    leaders = leaders_of([mark for demand in asked for mark in demand.marks])
    found: list[Draft | Answer] = []
    for line, demand in zip(lines, demands, strict=True):
        if isinstance(demand, Exception):
            found.append(Refused(line=line.number, refusal=demand))
            continue
        try:
            # As for a single one: the key is asked first, then the person.
            if (known := opened.get(demand.tag)) is not None:
                found.append(_taken(line.number, repeated(known, demand), known=True))
                continue
            draft = line_up(draft_of(demand, caller=upload.caller, now=now), leaders)
        except _REFUSALS as refusal:
            found.append(Refused(line=line.number, refusal=refusal))
            continue
        opened[demand.tag] = draft.request
        if draft.overtakes:
            leaders = {
                mark: leader
                for mark, leader in leaders.items()
                if leader.request_id not in draft.overtakes
            }
        if draft.request.behind_id is None:
            mine = Leader(
                request_id=draft.request.pk,
                state=RequestState(draft.request.state),
                is_begun=False,
                pseudonyms=frozenset(demand.marks),
            )
            leaders |= dict.fromkeys(demand.marks, mine)
        found.append(draft)
    return found


def _demands(lines: Sequence[Line], upload: Upload) -> list[Demand | Exception]:
    kinds = kinds_of_namespaces(
        {
            identifier.namespace
            for line in lines
            if isinstance(line.said, SaidDemand)
            for identifier in line.said.identifiers
        }
    )
    found: list[Demand | Exception] = []
    for line in lines:
        if not isinstance(line.said, SaidDemand):
            found.append(line.said)
            continue
        try:
            found.append(
                demand_of(line.said, key=upload.key_of(line), caller=upload.caller, kinds=kinds)
            )
        except _REFUSALS as refusal:
            found.append(refusal)
    linked = iter(with_links([one for one in found if isinstance(one, Demand)]))
    return [next(linked) if isinstance(one, Demand) else one for one in found]


def _taken(line: int, opened: Opened, *, known: bool) -> Taken:
    request = opened.request
    return Taken(
        line=line,
        known=known,
        request_id=request.pk,
        acknowledge_by=request.acknowledge_by,
        erase_by=request.erase_by,
        models_by=request.models_by,
        commitment_key=opened.receipt.commitment_key,
    )
