import csv
import io
import json
from datetime import date, timedelta

from audits.merkle import EMPTY_ROOT
from audits.notes import SealedCheckpoint
from audits.renderers import as_csv, as_json, as_pdf
from audits.reports import Report, report_of
from tests.audits.builders import completed, fact, received
from tests.cast import MONDAY

CHECKPOINT = SealedCheckpoint(
    size=1234, root=EMPTY_ROOT, note="lethe.example/trail/1\n…", sealed_at=MONDAY
)


def report(*entries, checkpoint: SealedCheckpoint | None = CHECKPOINT) -> Report:
    return report_of(
        entries,
        origin="lethe.example/trail/1",
        checkpoint=checkpoint,
        unsealed=2,
        since=date(2026, 1, 1),
        now=MONDAY + timedelta(days=10, microseconds=1),
    )


def lines_of(told: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv.render(told).decode(), newline="")))


def test_json_tells_all_of_it():
    told = json.loads(as_json.render(report(received("1"), completed("1"), received("2"))))

    first, second = told["requests"]
    assert (first["standing"], first["data_clock"], first["days_taken"]) == (
        "complete",
        "in time",
        "2.50",
    )
    assert first["outcomes"] == {"erased": 2, "retrained": 1}
    assert (second["standing"], second["completed_at"], second["days_taken"]) == (
        "open",
        None,
        None,
    )
    assert told["totals"][-1]["attainment_percent"] == "100.0"
    assert told["checkpoint"]["size"] == 1234
    assert told["checkpoint"]["root"] == EMPTY_ROOT.hex()
    assert (told["since"], told["until"], told["unsealed_facts"]) == ("2026-01-01", None, 2)


def test_json_says_when_nothing_was_sealed():
    told = json.loads(as_json.render(report(checkpoint=None)))

    assert told["checkpoint"] is None
    assert told["requests"] == []


def test_csv_has_a_line_for_each_request_and_says_as_of_when():
    cancelled = fact("RequestCancelled", request_id="2")

    first, second = lines_of(
        report(
            received("1", acknowledge_by="2026-01-19T00:00:00Z"),
            completed("1"),
            received("2"),
            cancelled,
        )
    )

    assert (first["request_id"], first["outcomes"]) == ("1", "2 erased; 1 retrained")
    assert (first["as_of_size"], first["as_of_root"]) == ("1234", EMPTY_ROOT.hex())
    assert first["acknowledge_by"] == "2026-01-19T00:00:00+00:00"
    assert (second["standing"], second["models_clock"]) == ("cancelled", "stopped")
    assert tuple(first) == as_csv.COLUMNS


def test_csv_of_nothing_sealed_has_a_header_only():
    assert as_csv.render(report(checkpoint=None)).decode().splitlines() == [
        ",".join(as_csv.COLUMNS)
    ]
    (line,) = lines_of(report(received("1"), checkpoint=None))
    assert (line["as_of_size"], line["as_of_root"]) == ("0", "")


def test_a_spreadsheet_runs_no_cell_as_a_formula():
    for start in ("=", "+", "-", "@", "\t", "\r"):
        (line,) = lines_of(report(received("1", verification=f"{start}HYPERLINK(1)")))

        assert line["verification"] == f"'{start}HYPERLINK(1)"


def test_a_cell_may_hold_separators_quotes_and_lines():
    (line,) = lines_of(report(received("1", verification='by "mail", seen\nat the desk')))

    assert line["verification"] == 'by "mail", seen\nat the desk'


def test_the_pdf_is_an_archivable_file_and_the_same_each_time():
    told = report(
        received("1"),
        completed("1"),
        received("2", verification="#panic() $x$ *bold* \\ <a> @b"),
        received("3"),
        fact("RequestHeld", request_id="3", article="GDPR 17(3)(e)", reason="claim"),
        received("4"),
        fact("RequestCancelled", request_id="4"),
    )

    first, second = as_pdf.render(told), as_pdf.render(told)

    assert first == second
    assert first.startswith(b"%PDF-1.7")
    assert b"pdfaid" in first
    assert as_pdf.render(report(received("1"))) != first


def test_the_pdf_of_an_empty_trail_is_made():
    assert as_pdf.render(report(checkpoint=None)).startswith(b"%PDF")
