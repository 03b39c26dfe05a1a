"""A report as PDF: A4, archivable (PDF/A) and tagged, the same bytes for the same report."""

import json
from pathlib import Path
from typing import Final

import typst

from audits.renderers.as_json import plain
from audits.reports import Report

_TEMPLATE: Final = Path(__file__).with_name("report.typ")


def render(report: Report) -> bytes:
    """Return the report as a PDF file."""
    compiler = typst.Compiler(
        _TEMPLATE.read_bytes(),
        # Data is read as data, never as markup, so no text of the trail can become a command.
        sys_inputs={"report": json.dumps(plain(report))},
        ignore_system_fonts=True,  # typst brings its own, which are the same on every machine
    )
    pdf = compiler.compile(
        format="pdf", pdf_standards=["a-2a"], timestamp=report.now.replace(microsecond=0)
    )
    assert isinstance(pdf, bytes)  # noqa: S101  # typst returns pages for pictures, None for files
    return pdf
