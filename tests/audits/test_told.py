"""The recipients of a request, as the facts of the trail leave them."""

import csv
import io
import json

from audits.renderers import as_csv, as_json, as_pdf
from audits.reports import rows_of
from audits.told import Word
from tests.audits.builders import completed, fact, received
from tests.audits.test_renderers import report


def reached(name="hospital", request_id="1"):
    return fact("RecipientReached", request_id=request_id, recipient=name)


def told(name="hospital", **changes):
    said = {
        "request_id": "1",
        "recipient": name,
        "told_by": "webhook",
        "told_at": "2026-01-06T10:00:00Z",
        "recorded_by": "",
        "proof_digest": "",
    }
    return fact("RecipientTold", **{**said, **changes})


def attached(digest, *, after_certificate=False):
    return fact(
        "EvidenceAttached",
        request_id="1",
        recipient="hospital",
        name="receipt",
        digest=digest,
        after_certificate=after_certificate,
    )


EXCUSED = fact("RecipientExcused", request_id="1", recipient="museum", ground="impossible")


def test_a_recipient_is_not_told_then_told_or_excused_and_may_be_proven_later():
    (row,) = rows_of(
        [
            received("1"),
            reached(),
            reached("museum"),
            reached("archive"),
            told(),
            EXCUSED,
            completed("1"),
            attached("ab" * 32, after_certificate=True),
        ]
    )

    assert {name: one.standing for name, one in row.told.items()} == {
        "hospital": Word.TOLD,
        "museum": Word.EXCUSED,
        "archive": Word.OPEN,
    }
    (proof,) = row.told["hospital"].evidence
    assert (proof.digest, proof.after_certificate) == ("ab" * 32, True)


def test_who_was_told_before_the_duty_was_recorded_is_named_all_the_same():
    (row,) = rows_of([received("1"), told()])

    assert row.told["hospital"].sentence == "hospital: told 2026-01-06, webhook"


def test_a_merged_request_has_the_recipients_of_the_one_that_answers_it_until_it_is_told_apart():
    merged = fact("RequestMerged", request_id="2", merged_into="1")
    apart = fact("RequestUnmerged", request_id="2", merged_into="1")
    facts = [received("1"), received("2"), merged, reached()]

    leader, follower = rows_of(facts)
    _, alone = rows_of([*facts, apart])

    assert follower.told == leader.told != {}
    assert alone.told == {}


def test_every_form_of_the_report_names_them():
    shown = report(received("1"), reached("=cmd()"), told(), EXCUSED, attached("ab" * 32))

    (line,) = csv.DictReader(io.StringIO(as_csv.render(shown).decode(), newline=""))
    assert line["recipients"] == (
        "'=cmd(): not told yet; hospital: told 2026-01-06, webhook; museum: excused, impossible"
    )
    named = json.loads(as_json.render(shown))["requests"][0]["recipients"]
    assert [one["recipient"] for one in named] == ["=cmd()", "hospital", "museum"]
    assert named[1]["evidence"][0]["digest"] == "ab" * 32
    assert as_pdf.render(shown).startswith(b"%PDF")
    assert as_pdf.render(shown) != as_pdf.render(report(received("1")))
