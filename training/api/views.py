"""Models, their trainings and what serving systems are told, over HTTP: parse, act, answer."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.http import HttpResponseBase
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audits.permissions import Reading, Role, any_of
from audits.trail import Actor
from lineage.queries import family_named
from training import actions, queries
from training.api.serializers import (
    AttestationIn,
    AttestationOut,
    EnvelopeOut,
    GatesIn,
    GatesOut,
    ModelIn,
    ModelOut,
    ModelShownOut,
    StopIn,
    StopOut,
    TrainingRunIn,
    TrainingRunOut,
)
from training.descent import Descent
from training.summaries import Serving

READERS: Final = (Role.ENGINEER, Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR)
BUILDERS: Final = (Role.ENGINEER, Role.ADMINISTRATOR)
STOPPERS: Final = (Role.OFFICER, Role.ADMINISTRATOR)
NEWEST: Final = 100  # rows of a list; older ones are in the trail


def _problems(*statuses: int) -> dict[int, OpenApiTypes]:
    """Name the refusals beyond those that the schema adds to every operation of a kind."""
    return dict.fromkeys(statuses, OpenApiTypes.OBJECT)


REFUSED: Final = _problems(
    status.HTTP_404_NOT_FOUND,
    status.HTTP_409_CONFLICT,
    status.HTTP_422_UNPROCESSABLE_ENTITY,
)
NAMED: Final = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="The ETag of the known statement."
)


def _actor(request: Request) -> Actor:
    return Actor(f"user:{request.user.pk}")


class Models(APIView):
    """Collection of models."""

    permission_classes = [Reading & any_of(*READERS) | any_of(*BUILDERS)]

    @extend_schema(operation_id="models_list", responses={200: ModelOut(many=True)})
    def get(self, _request: Request) -> Response:
        """List the registered models."""
        return Response(ModelOut(queries.models(), many=True).data)

    @extend_schema(request=ModelIn, responses={201: ModelOut, **REFUSED})
    def post(self, request: Request) -> Response:
        """Register a model; the same declaration again answers with the registered one."""
        said = ModelIn(data=request.data)
        said.is_valid(raise_exception=True)
        declared = said.validated_data
        registered = actions.register_model(
            name=declared["name"],
            purpose=declared["purpose"],
            trainer=declared["trainer"],
            parameters=declared["parameters"],
            features=declared["features"],
            family_id=family_named(declared["family"]).pk,
            margin_permille=declared["margin_permille"],
            fallback=declared["fallback"],
            uses=declared["uses"],
            qualified_days=declared["qualified_days"],
            parent=_parent(declared["comes_from"]),
            actor=_actor(request),
            now=timezone.now(),
        )
        return Response(ModelOut(registered).data, status=status.HTTP_201_CREATED)


class Gates(APIView):
    """What is declared about the data of one training set."""

    permission_classes = [Reading & any_of(*READERS) | any_of(*BUILDERS)]

    @extend_schema(responses={200: GatesOut})
    def get(self, _request: Request, family: str) -> Response:
        """Show what the data has to be before anything learns from it."""
        return Response(GatesOut(queries.gates_shown(family_named(family))).data)

    @extend_schema(request=GatesIn, responses={200: GatesOut, **REFUSED})
    def put(self, request: Request, family: str) -> Response:
        """Declare it anew, as a whole; the same declaration again changes nothing."""
        said = GatesIn(data=request.data)
        said.is_valid(raise_exception=True)
        known = family_named(family)
        actions.declare_gates(
            family_id=known.pk,
            rules=said.validated_data["rules"],
            actor=_actor(request),
            now=timezone.now(),
        )
        return Response(GatesOut(queries.gates_shown(known)).data)


class OneModel(APIView):
    """One model."""

    permission_classes = [any_of(*READERS)]

    @extend_schema(responses={200: ModelShownOut})
    def get(self, _request: Request, name: str) -> Response:
        """Show a model with its versions."""
        return Response(ModelShownOut(queries.shown(name)).data)


def _parent(said: Mapping[str, str] | None) -> tuple[Descent, str] | None:
    return (Descent(said["descent"]), said["model"]) if said else None


def _fresh_for(told: Serving, *, now: datetime) -> int:
    """Return the seconds for which a serving system need not ask again."""
    longest: timedelta = settings.RELEASE_FRESH
    left = told.ends_at - now if told.ends_at else longest
    return int(min(longest, left).total_seconds())


class ServedRelease(APIView):
    """What serving systems are told about one model."""

    permission_classes = [any_of(*READERS)]

    @extend_schema(
        operation_id="model_release",
        parameters=[NAMED],
        responses={200: EnvelopeOut, 304: None},
    )
    def get(self, request: Request, name: str) -> HttpResponseBase:
        """Return the signed statement of which version may serve, or that the fallback must.

        Under a stop, when the version is not qualified any more, or when every version was
        withdrawn, the statement says `"stop": true` and names the fallback. Who cannot ask keeps
        the newest statement for its `keep_seconds`, never beyond its `qualified_until`, and then
        falls back.
        """
        now = timezone.now()
        return _told(request, queries.serving(name, now=now), now=now)


class Withdrawals(APIView):
    """What nobody may load of one model any more."""

    permission_classes = [any_of(*READERS)]

    @extend_schema(
        operation_id="model_withdrawals",
        parameters=[NAMED],
        responses={200: EnvelopeOut, 304: None},
    )
    def get(self, request: Request, name: str) -> HttpResponseBase:
        """Return the signed list of a model's withdrawn versions, with their artefacts' digests."""
        now = timezone.now()
        return _told(request, queries.withdrawals(name, now=now), now=now)


def _told(request: Request, told: Serving, *, now: datetime) -> HttpResponseBase:
    """Answer with an envelope, or with 304 if the caller has it."""
    etag = f'"{told.digest}"'
    headers = {"ETag": etag, "Cache-Control": f"private, max-age={_fresh_for(told, now=now)}"}
    if told.ends_at is not None:
        headers["Sunset"] = http_date(told.ends_at.timestamp())  # RFC 8594
    answer = Response(told.envelope, headers=headers)
    return get_conditional_response(request, etag=etag, response=answer) or answer


class TrainingRuns(APIView):
    """Collection of a model's trainings."""

    permission_classes = [Reading & any_of(*READERS) | any_of(*BUILDERS)]

    @extend_schema(operation_id="model_runs_list", responses={200: TrainingRunOut(many=True)})
    def get(self, _request: Request, name: str) -> Response:
        """List the newest trainings of a model."""
        runs = queries.runs_of(queries.model_named(name).pk, newest=NEWEST)
        return Response(TrainingRunOut(runs, many=True).data)

    @extend_schema(request=TrainingRunIn, responses={202: TrainingRunOut, **REFUSED})
    def post(self, request: Request, name: str) -> Response:
        """Train a model on its newest data; a training that is open already is answered with."""
        said = TrainingRunIn(data=request.data)
        said.is_valid(raise_exception=True)
        model = queries.model_named(name)
        run_id = actions.start_run(
            model_id=model.pk,
            source_node_id=queries.newest_source(model.pk),
            reason=said.validated_data["reason"],
            forced=False,
            actor=_actor(request),
            now=timezone.now(),
        )
        return Response(
            TrainingRunOut(queries.run_summary(run_id)).data, status=status.HTTP_202_ACCEPTED
        )


class OneTrainingRun(APIView):
    """One training."""

    permission_classes = [any_of(*READERS)]

    @extend_schema(operation_id="training_run", responses={200: TrainingRunOut})
    def get(self, _request: Request, run_id: UUID) -> Response:
        """Show how a training stands, or how it ended."""
        return Response(TrainingRunOut(queries.run_summary(run_id)).data)


class Cancellation(APIView):
    """The end of a training before it makes a version."""

    permission_classes = [any_of(*BUILDERS, *STOPPERS)]

    @extend_schema(
        request=None,
        responses={
            200: TrainingRunOut,
            **_problems(status.HTTP_404_NOT_FOUND, status.HTTP_409_CONFLICT),
        },
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """Cancel a training, and what an outside trainer does for it; a deletion asks again."""
        actions.cancel_run(run_id=run_id, actor=_actor(request), now=timezone.now())
        return Response(TrainingRunOut(queries.run_summary(run_id)).data)


class Attestations(APIView):
    """Collection of what officers attested of other tools' models."""

    permission_classes = [Reading & any_of(*READERS) | any_of(*STOPPERS)]

    @extend_schema(operation_id="attestations_list", responses={200: AttestationOut(many=True)})
    def get(self, _request: Request) -> Response:
        """List the newest attestations."""
        return Response(AttestationOut(queries.attestations(newest=NEWEST), many=True).data)

    @extend_schema(request=AttestationIn, responses={201: AttestationOut, **REFUSED})
    def post(self, request: Request) -> Response:
        """Attest that another tool's model version is gone; certificates will say who did."""
        said = AttestationIn(data=request.data)
        said.is_valid(raise_exception=True)
        attestation = actions.attest_gone(
            **said.validated_data, actor=_actor(request), now=timezone.now()
        )
        return Response(AttestationOut(attestation).data, status=status.HTTP_201_CREATED)


class Stops(APIView):
    """Collection of stops."""

    permission_classes = [Reading & any_of(*READERS) | any_of(*STOPPERS)]

    @extend_schema(operation_id="stops_list", responses={200: StopOut(many=True)})
    def get(self, _request: Request) -> Response:
        """List the newest stops, lifted ones included."""
        return Response(StopOut(queries.stops(newest=NEWEST), many=True).data)

    @extend_schema(request=StopIn, responses={201: StopOut, **REFUSED})
    def post(self, request: Request) -> Response:
        """Let nothing start in a scope, and let its fallback answer, from this moment on."""
        said = StopIn(data=request.data)
        said.is_valid(raise_exception=True)
        raised = actions.stop(
            scope=said.validated_data["scope"],
            reason=said.validated_data["reason"],
            actor=_actor(request),
            now=timezone.now(),
        )
        return Response(StopOut(raised).data, status=status.HTTP_201_CREATED)


class StopProposal(APIView):
    """The first of two people's word that a stop may be lifted."""

    permission_classes = [any_of(*STOPPERS)]

    @extend_schema(request=None, responses={200: StopOut, **REFUSED})
    def post(self, request: Request, scope: str) -> Response:
        """Propose to lift a stop."""
        proposed = actions.propose_lift(scope=scope, actor=_actor(request), now=timezone.now())
        return Response(StopOut(proposed).data)


class StopLift(APIView):
    """The second of two people's word that a stop may be lifted."""

    permission_classes = [any_of(*STOPPERS)]

    @extend_schema(request=None, responses={200: StopOut, **REFUSED})
    def post(self, request: Request, scope: str) -> Response:
        """Lift a stop that somebody else has proposed to lift."""
        lifted = actions.lift(scope=scope, actor=_actor(request), now=timezone.now())
        return Response(StopOut(lifted).data)
