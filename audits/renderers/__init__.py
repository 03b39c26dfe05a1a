"""One module for each form in which a report leaves the house. Nothing is decided here."""

from collections.abc import Callable, Mapping
from typing import Final

from audits.renderers import as_csv, as_json, as_pdf
from audits.reports import Report

RENDER: Final[Mapping[str, Callable[[Report], bytes]]] = {
    "csv": as_csv.render,
    "json": as_json.render,
    "pdf": as_pdf.render,
}
