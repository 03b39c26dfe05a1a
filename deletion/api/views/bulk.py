"""Many deletion requests in one upload, answered line by line."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Any, Final

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.views import APIView

from audits.permissions import Role, any_of
from deletion import actions
from deletion.answers import Answer, Ended, as_json
from deletion.api.uploads import (
    CsvLines,
    JsonLines,
    JsonLinesOut,
    blocks_of,
    form_of,
    is_gzipped,
)
from deletion.api.views.answers import actor_of, problems
from deletion.api.views.requests import IDEMPOTENCY_KEY, idempotency_key_of
from deletion.bulk import lines_in

_CODING: Final = OpenApiParameter(
    "Content-Encoding",
    {"type": "string", "enum": ["gzip", "identity"]},
    OpenApiParameter.HEADER,
    description="`gzip` if the body is packed.",
)
_BODY: Final[dict[str, dict[str, Any]]] = {
    CsvLines.media_type: {
        "description": (
            "A header, and a request a line. Columns: `regime`, `verification`, `key` (optional),"
            " and for each identifier `value:NAMESPACE` or `sha256:NAMESPACE`."
        )
    },
    JsonLines.media_type: {
        "description": (
            "A request a line: the body of `POST /api/v1/deletion-requests`, and optionally `key`."
        )
    },
}
_ANSWER: Final[dict[str, Any]] = {
    "type": "object",
    "description": (
        "One line of the answer. Each line of the upload that is not blank has one, in order; the"
        " last says how the import ended. An answer without that last line was cut: send the same"
        " upload again."
    ),
    "properties": {
        "line": {"type": "integer", "description": "Which line, as an editor counts."},
        "result": {
            "type": "string",
            "enum": ["accepted", "known", "refused", "finished", "broken-off"],
        },
        "id": {"type": "string", "format": "uuid"},
        "acknowledge_by": {"type": ["string", "null"], "format": "date-time"},
        "erase_by": {"type": "string", "format": "date-time"},
        "models_by": {"type": "string", "format": "date-time"},
        "commitment_key": {
            "type": "string",
            "description": "The person's receipt, hexadecimal. Give it to the person.",
        },
        "problem": {
            "type": "object",
            "properties": {name: {"type": "string"} for name in ("type", "title", "detail")},
        },
        "import": {"type": "string", "format": "uuid"},
        **{name: {"type": "integer"} for name in ("lines", "accepted", "known", "refused")},
    },
    "required": ["result"],
}


class Imports(APIView):
    """Uploads of many deletion requests."""

    permission_classes = [any_of(Role.INTAKE, Role.OFFICER)]
    parser_classes = [CsvLines, JsonLines]
    renderer_classes = [JsonLinesOut]

    @extend_schema(
        operation_id="deletion_requests_import",
        parameters=[IDEMPOTENCY_KEY, _CODING],
        request=_BODY,
        responses={
            (200, JsonLinesOut.media_type): _ANSWER,
            **problems(status.HTTP_400_BAD_REQUEST, status.HTTP_415_UNSUPPORTED_MEDIA_TYPE),
        },
    )
    def post(self, request: Request) -> StreamingHttpResponse:
        """Open a request for each line, while the lines arrive; each line is answered with one.

        A line without a key of its own has the upload's key, `#` and its number. The same upload
        again opens nothing twice. Read the answers while you send.
        """
        actor = actor_of(request)
        upload = actions.Upload(caller=actor, key=idempotency_key_of(request))
        lines = lines_in(blocks_of(request), form=form_of(request), gzipped=is_gzipped(request))
        answers = actions.import_requests(
            import_id=actions.start_import(
                upload=upload, source="http", actor=actor, now=timezone.now()
            ),
            lines=lines,
            upload=upload,
            actor=actor,
            clock=timezone.now,
        )
        return StreamingHttpResponse(
            _written(answers),
            content_type=JsonLinesOut.media_type,
            headers={"X-Accel-Buffering": "no"},  # nginx would hold the answers back
        )


def _written(answers: Generator[Sequence[Answer | Ended], None, None]) -> Iterator[bytes]:
    # Closed with this generator, so that an import ends also when nobody reads its answers.
    with closing(answers):
        for some in answers:
            yield b"".join(map(as_json, some))
