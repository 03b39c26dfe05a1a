"""Documents that prove a telling: named by digest, in the certificate or beside it, in reports."""

from base64 import b64decode

import pytest

from audits.actions import seal
from audits.queries import request_report
from audits.renderers import as_csv, as_json
from deletion import actions
from deletion.actions import attach_evidence, excuse
from deletion.errors import RecipientInvalid, TellingOpen, TellingUnknown
from deletion.models import Certificate, Evidence
from deletion.telling import Ground
from tests.cast import ALICE, BOB, OFFICER
from tests.deletion.builders import DORA, make_request, raw, right_now, state, walk
from tests.deletion.test_recipients import PROOF, certified, pass_on, tell, telling_of
from tests.lineage.builders import make_dataset, recorded

pytestmark = pytest.mark.django_db

DOCUMENT, LATER = "cd" * 32, "ef" * 32


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


def attach(opened, digest=DOCUMENT, *, name="certificate-of-destruction", to="hospital"):
    return attach_evidence(
        telling_id=telling_of(opened, to).pk,
        name=name,
        digest=digest,
        actor=OFFICER,
        now=right_now(),
    )


def reported(opened):
    """Return what the sealed report says of the recipients of a request."""
    seal(now=right_now())
    report = request_report(since=None, until=None, now=right_now())
    (row,) = [row for row in report.rows if row.request_id == str(opened.request.pk)]
    return as_json.plain_row(row, report)["recipients"]


def test_what_is_attached_before_the_certificate_is_in_it_and_what_comes_later_is_beside_it(
    tmp_path,
):
    version = make_dataset(tmp_path)
    pass_on(version)
    pass_on(version, "university")
    opened = make_request(raw(ALICE), now=right_now())
    walk()
    tell(opened)
    attach(opened)
    tell(opened, "university")
    walk()
    assert state(opened) == "complete"
    issued = Certificate.objects.get()
    before = b64decode(issued.envelope["payload"])

    attach(opened, LATER, name="audit-report")

    hospital, university = certified(opened)["recipients"]
    (said,) = hospital["evidence"]
    assert (said["name"], said["digest"]) == ("certificate-of-destruction", DOCUMENT)
    assert said["attached_by"] == OFFICER
    assert "evidence" not in university
    issued.refresh_from_db()
    assert b64decode(issued.envelope["payload"]) == before
    assert LATER.encode() not in before
    facts = [one["facts"] for one in recorded("EvidenceAttached")]
    assert [(one["digest"], one["after_certificate"]) for one in facts] == [
        (DOCUMENT, False),
        (LATER, True),
    ]
    first, _ = reported(opened)
    assert [(one["digest"], one["after_certificate"]) for one in first["evidence"]] == [
        (DOCUMENT, False),
        (LATER, True),
    ]


def test_a_document_is_attached_once_and_only_to_what_has_ended(tmp_path):
    pass_on(make_dataset(tmp_path))
    opened = make_request(now=right_now())
    walk()

    with pytest.raises(TellingOpen):
        attach(opened)
    tell(opened)
    for wrong in ({"name": "Ann Smith"}, {"name": ""}):
        with pytest.raises(RecipientInvalid):
            attach(opened, **wrong)
    with pytest.raises(RecipientInvalid):
        attach(opened, "no digest")
    assert not Evidence.objects.exists()
    for name in ("letter", "the-same-again"):
        attach(opened, name=name)

    assert [(one.name, one.digest) for one in Evidence.objects.all()] == [("letter", DOCUMENT)]
    assert len(recorded("EvidenceAttached")) == 1
    with pytest.raises(TellingUnknown):
        attach_evidence(
            telling_id=opened.request.pk,
            name="letter",
            digest=DOCUMENT,
            actor=OFFICER,
            now=right_now(),
        )


def test_the_report_names_the_recipients_of_a_request_and_of_no_other(tmp_path):
    version = make_dataset(tmp_path)
    for name in ("hospital", "university", "library"):
        pass_on(version, name)
    opened = make_request(raw(ALICE), key="k1", now=right_now())
    stranger = make_request(raw("nobody-we-know"), key="k2", now=right_now())
    walk()
    tell(opened)
    excuse(
        telling_id=telling_of(opened, "university").pk,
        ground=Ground.IMPOSSIBLE,
        reason="Dr. Smith has left",
        actor=DORA,
        now=right_now(),
    )

    hospital, library, university = reported(opened)

    assert (hospital["recipient"], hospital["standing"]) == ("hospital", "told")
    assert (hospital["told_by"], hospital["recorded_by"]) == ("registered-letter", OFFICER)
    assert hospital["proof_digest"] == PROOF
    assert (library["recipient"], library["standing"]) == ("library", "not told yet")
    assert (university["standing"], university["excused_on"]) == ("excused", "impossible")
    assert reported(stranger) == []
    lines = as_csv.render(request_report(since=None, until=None, now=right_now())).decode()
    assert "library: not told yet" in lines
    assert "university: excused, impossible" in lines
    assert "Smith" not in lines  # an officer's own words are not in the trail


def test_who_was_merged_into_another_request_gets_the_same_names(tmp_path):
    pass_on(make_dataset(tmp_path))
    first = make_request(raw(ALICE), key="k1", now=right_now())
    again = make_request(raw(ALICE), key="k2", now=right_now())
    bystander = make_request(raw(BOB), key="k3", now=right_now())
    actions.place_hold(
        request_id=bystander.request.pk,
        article="GDPR Art. 17(3)(e)",
        reason="",
        actor=OFFICER,
        now=right_now(),
    )
    assert state(again) == "merged"
    walk()
    tell(first)
    walk()

    assert state(again) == "complete"
    assert [one["standing"] for one in reported(first)] == ["told"]
    assert reported(again) == reported(first)
    assert reported(bystander) == []
