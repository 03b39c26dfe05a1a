"""Reports, the newest checkpoint and alerts over HTTP: parse, act, answer."""

from typing import Any, Final

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import override

from audits import actions, queries
from audits.api.serializers import (
    AlertOut,
    ReportIn,
    ReportOut,
    ResolutionIn,
    ResolvedAlertOut,
)
from audits.errors import NotSealedYet
from audits.permissions import Role, any_of
from audits.renderers import as_csv, as_json, as_pdf
from audits.reports import Report
from audits.trail import Actor

READERS: Final = (Role.AUDITOR, Role.OFFICER, Role.ADMINISTRATOR)


def _problems(*statuses: int) -> dict[tuple[int, str], OpenApiTypes]:
    return {
        (code, "application/problem+json"): OpenApiTypes.OBJECT
        for code in (
            *statuses,
            status.HTTP_401_UNAUTHORIZED,
            status.HTTP_403_FORBIDDEN,
            status.HTTP_406_NOT_ACCEPTABLE,
        )
    }


class FileRenderer(BaseRenderer):
    """Hands out bytes that are made already; problems are rendered by `config.api_errors`."""

    @override
    def render(
        self,
        data: bytes,
        accepted_media_type: str | None = None,
        renderer_context: Any = None,
    ) -> bytes:
        return data


class CsvRenderer(FileRenderer):
    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"


class PdfRenderer(FileRenderer):
    media_type = "application/pdf"
    format = "pdf"
    charset = None
    render_style = "binary"


class NoteRenderer(FileRenderer):
    media_type = "text/plain"
    format = "txt"
    charset = "utf-8"


def _report(request: Request) -> Report:
    said = ReportIn(data=request.query_params.dict())
    said.is_valid(raise_exception=True)
    return queries.request_report(
        since=said.validated_data.get("since"),
        until=said.validated_data.get("until"),
        now=timezone.now(),
    )


def _file(content: bytes, name: str) -> Response:
    return Response(content, headers={"Content-Disposition": f'attachment; filename="{name}"'})


class RequestReportJson(APIView):
    """The report on deletion requests, as JSON."""

    permission_classes = [any_of(*READERS)]
    renderer_classes = [JSONRenderer]

    @extend_schema(parameters=[ReportIn], responses={200: ReportOut, **_problems(400)})
    def get(self, request: Request) -> Response:
        """Report what became of every request, as of the newest checkpoint."""
        return Response(as_json.plain(_report(request)))


class RequestReportCsv(APIView):
    """The report on deletion requests, as CSV."""

    permission_classes = [any_of(*READERS)]
    renderer_classes = [CsvRenderer]

    @extend_schema(
        parameters=[ReportIn],
        responses={(200, "text/csv"): OpenApiTypes.STR, **_problems(400)},
    )
    def get(self, request: Request) -> Response:
        """Report what became of every request, one line a request."""
        return _file(as_csv.render(_report(request)), "requests.csv")


class RequestReportPdf(APIView):
    """The report on deletion requests, as PDF."""

    permission_classes = [any_of(*READERS)]
    renderer_classes = [PdfRenderer]

    @extend_schema(
        parameters=[ReportIn],
        responses={(200, "application/pdf"): OpenApiTypes.BINARY, **_problems(400)},
    )
    def get(self, request: Request) -> Response:
        """Report what became of every request, for printing and keeping (PDF/A)."""
        return _file(as_pdf.render(_report(request)), "requests.pdf")


class TrailCheckpoint(APIView):
    """The newest checkpoint of the trail."""

    permission_classes = [any_of(*READERS)]
    renderer_classes = [NoteRenderer]

    @extend_schema(
        responses={(200, "text/plain"): OpenApiTypes.STR, **_problems(status.HTTP_409_CONFLICT)}
    )
    def get(self, _request: Request) -> Response:
        """Return the signed note (C2SP tlog-checkpoint); keep it, to compare with a later one."""
        checkpoint = queries.newest_checkpoint()
        if checkpoint is None:
            raise NotSealedYet
        return Response(checkpoint.note.encode())


class Alerts(APIView):
    """What people must look at."""

    permission_classes = [any_of(Role.ENGINEER, *READERS)]

    @extend_schema(responses={200: AlertOut(many=True), **_problems()})
    def get(self, _request: Request) -> Response:
        """List every open alert, oldest first."""
        return Response(AlertOut(queries.open_alerts(), many=True).data)


class AlertResolution(APIView):
    """The answer to one alert."""

    permission_classes = [any_of(Role.OFFICER, Role.ADMINISTRATOR)]

    @extend_schema(
        request=ResolutionIn,
        responses={
            200: ResolvedAlertOut,
            **_problems(
                status.HTTP_400_BAD_REQUEST,
                status.HTTP_404_NOT_FOUND,
                status.HTTP_415_UNSUPPORTED_MEDIA_TYPE,
            ),
        },
    )
    def post(self, request: Request, alert_id: int) -> Response:
        """Close an alert with what was done about it."""
        said = ResolutionIn(data=request.data)
        said.is_valid(raise_exception=True)
        resolved = actions.resolve_alert(
            alert_id=alert_id,
            resolution=said.validated_data["resolution"],
            actor=Actor(f"user:{request.user.pk}"),
            now=timezone.now(),
        )
        return Response(ResolvedAlertOut(resolved).data)
