"""The tables about recipients: on the page of a request, and on that of one telling."""

from typing import Final

from django.utils.safestring import SafeString

from audits.pages.cells import NOTHING, Tone, badge, code, moment, number, prose, row_link
from audits.pages.sections import Table, names_of
from deletion.admin.clocks import outcome_of, with_note
from deletion.models import Certificate, DeletionRequest, Delivery, Evidence, Telling
from deletion.queries.recipients import reached_before, tellings_of
from deletion.telling import Answer, Hearing

ANSWER_TONES: Final = {
    Answer.PENDING: Tone.BUSY,
    Answer.IN_PROGRESS: Tone.BUSY,
    Answer.COMPLETED: Tone.GOOD,
    Answer.CANCELLED: Tone.BAD,
}


_HEARING_TONES: Final = {
    Hearing.NEWS: Tone.GOOD,
    Hearing.KNOWN: Tone.BUSY,
    Hearing.BEHIND: Tone.WARN,
    Hearing.CONTRADICTION: Tone.BAD,
}


def recipients_of(request: DeletionRequest, certificate: Certificate | None) -> list[Table]:
    """Return whom the person of a request reached, if anybody, and whether they were told."""
    rows = [
        [
            row_link(str(row.share.obligation.recipient), "deletion_telling", row.pk),
            with_note(outcome_of(row.share.outcome, run=None), row.share.note),
            moment(row.told_at),
            row.answer or NOTHING,
            _how_many(row, certificate),
        ]
        for row in tellings_of(request)
    ] + [
        [name, badge(standing, Tone.WARN), NOTHING, NOTHING, NOTHING]
        for name, standing in reached_before(request)
    ]
    table = Table(
        title="Recipients",
        note="Data or a model that this person had reached was passed on to them. Each is told "
        "once the data is erased; the request is complete when all were told or excused. The "
        "person may ask for their names (GDPR Art. 19).",
        headers=["Recipient", "Standing", "Told", "Answer", "Documents"],
        rows=rows,
        empty="Nobody was reached.",
    )
    return [table] if rows else []


def _how_many(row: Telling, certificate: Certificate | None) -> str | SafeString:
    """Say how many documents prove a telling, and how many came after the certificate."""
    documents = list(row.evidence.all())
    if not documents:
        return NOTHING
    later = [one for one in documents if _came_later(one, certificate)]
    return f"{number(len(documents))}{f', {number(len(later))} later' if later else ''}"


def _came_later(document: Evidence, certificate: Certificate | None) -> bool:
    return certificate is not None and document.attached_at > certificate.issued_at


def documents_of(row: Telling) -> list[Table]:
    """Return what proves a telling, if anything was attached."""
    certificate = Certificate.objects.filter(request=row.share.request_id).first()
    documents = list(row.evidence.order_by("pk"))
    people = names_of({one.attached_by for one in documents})
    table = Table(
        title="Documents",
        note="Others keep them; their digests prove that they are the same ones.",
        headers=["Document", "SHA-256", "Attached by", "Attached", "In the certificate"],
        rows=[
            [
                one.name,
                code(one.digest, shown=64),
                people.get(one.attached_by, one.attached_by),
                moment(one.attached_at),
                _is_in(certificate, one),
            ]
            for one in documents
        ],
        empty="No document was attached.",
    )
    return [table] if documents else []


def callbacks_of(row: Telling) -> list[Table]:
    """Return what the recipient said by itself, if it did."""
    callbacks = list(row.callbacks.order_by("-pk"))
    table = Table(
        title="Callbacks",
        note="What they said by themselves, signed. Of each, the status and the SHA-256 are kept.",
        headers=["At", "They said", "Which is", "SHA-256"],
        rows=[
            [
                moment(one.at),
                badge(one.answer, ANSWER_TONES[Answer(one.answer)]),
                badge(one.hearing, _HEARING_TONES[Hearing(one.hearing)]),
                code(one.digest, shown=64),
            ]
            for one in callbacks
        ],
        empty="They did not call.",
    )
    return [table] if callbacks else []


def _is_in(certificate: Certificate | None, document: Evidence) -> SafeString:
    if certificate is None:
        return badge("will be", Tone.BUSY)
    if _came_later(document, certificate):
        return badge("no: it came later, and stands in the trail")
    return badge("yes", Tone.GOOD)


def deliveries_of(row: Telling) -> Table:
    """Return every attempt to tell a recipient about one request."""
    return Table(
        title="Attempts",
        note="Of what they answer, only the HTTP status is kept.",
        headers=["Attempt", "At", "Status", "Trouble"],
        rows=[
            [
                number(each.number),
                moment(each.at),
                str(each.status) if each.status else NOTHING,
                prose(each.trouble),
            ]
            for each in Delivery.objects.filter(telling=row).order_by("-pk")[:100]
        ],
        empty="No message was sent.",
    )
