"""Bodies that are read while they arrive. Nothing of them is kept."""

import time
from collections.abc import Iterator, Mapping
from typing import IO, Any, Final

from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from typing_extensions import override

from deletion.bulk import BLOCK, Form
from deletion.errors import UploadUnreadable

STALL_SECONDS: Final = 60.0  # for a caller that neither sends nor reads its answers
LONGEST_SECONDS: Final = 3600.0  # for one upload
_GZIP: Final = frozenset({"gzip", "x-gzip"})  # the second is the first's old name (RFC 9110)


class Unread(BaseParser):
    """Leaves a body of its media type to the view, which reads it as it comes."""

    form: Form

    @override
    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        raise NotImplementedError("the view reads the body itself")


class CsvLines(Unread):
    """CSV with a header, a demand a line."""

    media_type = "text/csv"
    form = Form.CSV


class JsonLines(Unread):
    """NDJSON: an object of JSON a line."""

    media_type = "application/x-ndjson"
    form = Form.NDJSON


class JsonLinesOut(JSONRenderer):
    """NDJSON: the view writes the lines of its answers itself."""

    media_type = "application/x-ndjson"
    format = "ndjson"


def form_of(request: Request) -> Form:
    """Return how the lines of a body are written, or refuse its media type."""
    parser = DefaultContentNegotiation().select_parser(request, [CsvLines(), JsonLines()])
    if not isinstance(parser, Unread):
        raise UnsupportedMediaType(request.content_type)
    return parser.form


def is_gzipped(request: Request) -> bool:
    """Say whether a body is packed, or refuse any other way to code it (RFC 9110, 8.4)."""
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in {"identity", *_GZIP}:
        raise UnsupportedMediaType(request.content_type)
    return coding in _GZIP


def blocks_of(request: Request) -> Iterator[bytes]:
    """Yield a body as it arrives, or raise `UploadUnreadable` when it breaks off.

    A body that ends before its length is reached must not pass for a whole one: its last line may
    be cut to the identifier of somebody else.
    """
    said = request.META
    # Django reads as much as Content-Length says; a body sent in chunks says no length.
    chunked = bool(said.get("HTTP_TRANSFER_ENCODING")) and bool(said.get("wsgi.input_terminated"))
    stream = said["wsgi.input"] if chunked else request._request  # noqa: SLF001  # DRF's own way to it
    missing = 0 if chunked else int(said.get("CONTENT_LENGTH") or 0)
    if (connection := said.get("gunicorn.socket")) is not None:
        connection.settimeout(STALL_SECONDS)
    until = time.monotonic() + LONGEST_SECONDS
    try:
        while block := stream.read(BLOCK):
            missing -= len(block)
            yield block
            if time.monotonic() > until:
                raise UploadUnreadable(
                    f"it took longer than {LONGEST_SECONDS:.0f} seconds; send it again to go on"
                )
    except OSError:
        raise UploadUnreadable("the connection broke, or nothing came for a while") from None
    if missing > 0:
        raise UploadUnreadable("the body is shorter than its Content-Length says")
