"""A report as CSV (RFC 4180), one line a request; totals and the note are in the other forms."""

import csv
import io
from typing import Final

from audits.renderers.as_json import plain_row
from audits.reports import Report

COLUMNS: Final = (
    "request_id",
    "regime",
    "standing",
    "verification",
    "received_at",
    "acknowledge_by",
    "erase_by",
    "erased_at",
    "data_clock",
    "models_by",
    "completed_at",
    "models_clock",
    "cancelled_at",
    "held_since",
    "held_under",
    "days_taken",
    "outcomes",
    "certificate_digest",
    "as_of_size",
    "as_of_root",
    "paused_since",
    "paused_under",
    "days_paused",
    "denied_at",
    "denied_under",
    "denied_because",
    "denial_told_at",
    "recipients",
)
"""The order of the columns; new ones only at the end."""

_STARTS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def render(report: Report) -> bytes:
    """Return the report as a CSV file."""
    checkpoint = report.checkpoint
    as_of = {
        "as_of_size": checkpoint.size if checkpoint else 0,
        "as_of_root": checkpoint.root.hex() if checkpoint else "",
    }
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in report.rows:
        outcomes = "; ".join(f"{count} {name}" for name, count in sorted(row.outcomes.items()))
        recipients = "; ".join(one.sentence for _, one in sorted(row.told.items()))
        said = {"outcomes": outcomes, "recipients": recipients, **as_of}
        values = {**plain_row(row, report), **said}
        writer.writerow([_cell(values[column]) for column in COLUMNS])
    return out.getvalue().encode()


def _cell(value: object) -> str:
    """Write a cell so that a spreadsheet shows it and never runs it."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_STARTS_A_FORMULA) else text
