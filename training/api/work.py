"""Where an outside trainer reads what it is given, and brings what it made: parse, act, answer."""

from io import BytesIO
from uuid import UUID

from django.http import FileResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audits.trail import Actor
from training import actions, queries
from training.api.tokens import IsTrainer, TokenOfWork
from training.errors import JobEnded, JobUnknown
from training.models import OutsideJob
from training.outside import inbox
from training.outside.contract import FILES, MADE, Work

_REFUSED = dict.fromkeys((status.HTTP_409_CONFLICT,), OpenApiTypes.OBJECT)
_BYTES = {(200, "application/octet-stream"): OpenApiTypes.BINARY}


class AnyBytes(BaseParser):
    """Leaves a body where it is, to be read piece by piece."""

    media_type = "application/octet-stream"


class ResultIn(serializers.Serializer[None]):
    """How a piece of work ended."""

    state = serializers.ChoiceField(["succeeded", "failed"])
    result = serializers.DictField(default=dict, help_text="Of the contract; if it succeeded.")


def _job_of(request: Request) -> OutsideJob:
    job = request.auth
    assert isinstance(job, OutsideJob)  # noqa: S101  # `IsTrainer` let it in
    queries.require_open(job)
    return job


class Input(APIView):
    """A file that a trainer may read."""

    authentication_classes = [TokenOfWork]
    permission_classes = [IsTrainer]

    @extend_schema(
        operation_id="training_run_input",
        parameters=[
            OpenApiParameter("name", str, OpenApiParameter.PATH, enum=["rows", "artefact"])
        ],
        responses={**_BYTES, 404: OpenApiTypes.OBJECT, **_REFUSED},
    )
    def get(self, request: Request, run_id: UUID, name: str) -> FileResponse:  # noqa: ARG002  # the token names the run
        """Read the rows, as Parquet, or the artefact that predictions are wanted of."""
        place = queries.place_of(_job_of(request)) / "input" / FILES.get(name, "nothing")
        if not place.is_file():
            raise JobUnknown
        return FileResponse(place.open("rb"), content_type="application/octet-stream")


class Output(APIView):
    """What a trainer made."""

    authentication_classes = [TokenOfWork]
    permission_classes = [IsTrainer]
    parser_classes = [AnyBytes]

    @extend_schema(
        operation_id="training_run_output",
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={204: None, 422: OpenApiTypes.OBJECT, **_REFUSED},
    )
    def put(self, request: Request, run_id: UUID) -> Response:  # noqa: ARG002  # the token names the run
        """Bring the artefact, or the predictions, before the result that names its digest."""
        job = _job_of(request)
        if job.answer_digest:
            raise JobEnded
        inbox.keep_output(queries.place_of(job), MADE[Work(job.work)], request.stream or BytesIO())
        return Response(status=status.HTTP_204_NO_CONTENT)


class Result(APIView):
    """The word of a trainer that its work has ended."""

    authentication_classes = [TokenOfWork]
    permission_classes = [IsTrainer]

    @extend_schema(
        operation_id="training_run_result",
        request=ResultIn,
        responses={202: None, 422: OpenApiTypes.OBJECT, **_REFUSED},
    )
    def post(self, request: Request, run_id: UUID) -> Response:  # noqa: ARG002  # the token names the run
        """Take a trainer's result; the same again is taken, another one is not.

        Whether it agrees with what the trainer was given, a worker checks afterwards.
        """
        said = ResultIn(data=request.data)
        said.is_valid(raise_exception=True)
        job = _job_of(request)
        answer = inbox.written(said.validated_data)
        actions.note_answer(
            job_id=job.pk,
            answer=answer,
            actor=Actor(f"trainer:{job.revision.partition(',')[0]}"),
            now=timezone.now(),
        )
        if said.validated_data["state"] == "failed":
            inbox.keep_failure(queries.place_of(job))
        else:
            inbox.keep_result(queries.place_of(job), said.validated_data["result"])
        return Response(status=status.HTTP_202_ACCEPTED)
