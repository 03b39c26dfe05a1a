"""Namespaces, stores, dataset versions and the graph over HTTP: parse, act, answer."""

from typing import Any, Final

from django.db.models import Max, QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import override

from audits.permissions import Reading, Role, any_of
from audits.trail import Actor
from lineage import actions, queries
from lineage.api.pages import Pages
from lineage.api.serializers import (
    DatasetOut,
    DatasetVersionIn,
    DatasetVersionOut,
    DownstreamOut,
    LiftIn,
    NamespaceIn,
    NamespaceOut,
    PersonIn,
    StoreOut,
    WhereaboutsOut,
)
from lineage.identifiers import IdentifierKind
from lineage.models import DatasetFamily, DatasetVersion, Namespace, Store
from lineage.suppression import LiftReason

READERS: Final = (Role.ENGINEER, Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR)
REGISTRARS: Final = (Role.ENGINEER, Role.ADMINISTRATOR)


def _problems(*statuses: int) -> dict[int, OpenApiTypes]:
    """Name the refusals beyond those that the schema adds to every operation of a kind."""
    return dict.fromkeys(statuses, OpenApiTypes.OBJECT)


NO_SUCH_PAGE: Final = _problems(status.HTTP_404_NOT_FOUND)
REFUSED: Final = _problems(
    status.HTTP_404_NOT_FOUND,
    status.HTTP_409_CONFLICT,
    status.HTTP_422_UNPROCESSABLE_ENTITY,
)


def _actor(request: Request) -> Actor:
    return Actor(f"user:{request.user.pk}")


class Namespaces(ListAPIView[Namespace]):
    """Collection of identifier namespaces."""

    permission_classes = [Reading & any_of(Role.INTAKE, *READERS) | any_of(*REGISTRARS)]
    queryset = Namespace.objects.all()
    serializer_class = NamespaceOut
    pagination_class = Pages

    @extend_schema(responses={200: NamespaceOut(many=True), **NO_SUCH_PAGE})
    @override
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the declared namespaces."""
        return super().get(request, *args, **kwargs)

    @extend_schema(request=NamespaceIn, responses={201: NamespaceOut, **REFUSED})
    def post(self, request: Request) -> Response:
        """Declare a namespace; the same again answers with the declared one."""
        said = NamespaceIn(data=request.data)
        said.is_valid(raise_exception=True)
        declared = actions.declare_namespace(
            name=said.validated_data["name"],
            kind=IdentifierKind(said.validated_data["kind"]),
            actor=_actor(request),
            now=timezone.now(),
        )
        return Response(NamespaceOut(declared).data, status=status.HTTP_201_CREATED)


class Stores(ListAPIView[Store]):
    """Collection of places that hold records."""

    permission_classes = [any_of(*READERS)]
    queryset = Store.objects.prefetch_related("columns", "families")
    serializer_class = StoreOut
    pagination_class = Pages

    @extend_schema(responses={200: StoreOut(many=True), **NO_SUCH_PAGE})
    @override
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the registered stores, with their identifier columns."""
        return super().get(request, *args, **kwargs)


class Datasets(ListAPIView[DatasetFamily]):
    """Collection of training sets."""

    permission_classes = [any_of(*READERS)]
    queryset = DatasetFamily.objects.select_related("store").annotate(
        newest_version=Max("versions__seq")
    )
    serializer_class = DatasetOut
    pagination_class = Pages

    @extend_schema(responses={200: DatasetOut(many=True), **NO_SUCH_PAGE})
    @override
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the registered training sets."""
        return super().get(request, *args, **kwargs)


class VersionsOfDataset(ListAPIView[DatasetVersion]):
    """Collection of the versions of one training set."""

    permission_classes = [any_of(*READERS)]
    queryset = DatasetVersion.objects.none()  # tells the schema what `family` selects from
    serializer_class = DatasetVersionOut
    pagination_class = Pages

    @override
    def get_queryset(self) -> QuerySet[DatasetVersion]:
        family = queries.family_named(self.kwargs["family"])
        return family.versions.select_related("family")

    @extend_schema(responses={200: DatasetVersionOut(many=True), **NO_SUCH_PAGE})
    @override
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the versions of a training set, the oldest first."""
        return super().get(request, *args, **kwargs)


class DatasetVersions(APIView):
    """Where new versions of training sets are registered."""

    permission_classes = [any_of(*REGISTRARS)]

    @extend_schema(
        request=DatasetVersionIn,
        responses={200: DatasetVersionOut, 201: DatasetVersionOut, **REFUSED},
    )
    def post(self, request: Request) -> Response:
        """Scan the place of a training set and register what is there; unchanged, answer 200."""
        said = DatasetVersionIn(data=request.data)
        said.is_valid(raise_exception=True)
        family = queries.family_named(said.validated_data["family"])
        since = queries.head_of(family.pk)
        scanned = queries.scan_family(family.pk)
        now = timezone.now()
        version = actions.register_version(
            family_id=family.pk,
            scanned=scanned,
            since=since,
            actor=_actor(request),
            now=now,
        )
        is_new = version.registered_at == now
        return Response(
            DatasetVersionOut(version).data,
            status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK,
        )


class WhereIs(APIView):
    """Where a person is."""

    permission_classes = [any_of(Role.OFFICER, Role.ADMINISTRATOR)]

    @extend_schema(request=PersonIn, responses={200: WhereaboutsOut, **REFUSED})
    def post(self, request: Request) -> Response:
        """Look a person up. A POST, so that no address holds an identifier; it is recorded."""
        said = PersonIn(data=request.data)
        said.is_valid(raise_exception=True)
        found = actions.look_up(
            namespace=said.validated_data["namespace"],
            value=said.validated_data["value"],
            actor=_actor(request),
            now=timezone.now(),
        )
        return Response(WhereaboutsOut(found).data)


class SuppressionLifts(APIView):
    """Where people are taken off the suppression list."""

    permission_classes = [any_of(Role.OFFICER)]

    @extend_schema(request=LiftIn, responses={204: None, **REFUSED})
    def post(self, request: Request) -> Response:
        """Let an identifier be known again: its person consented anew, or was listed by mistake."""
        said = LiftIn(data=request.data)
        said.is_valid(raise_exception=True)
        actions.lift_suppression(
            namespace=said.validated_data["namespace"],
            value=said.validated_data["value"],
            because=LiftReason(said.validated_data["because"]),
            actor=_actor(request),
            now=timezone.now(),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class Downstream(APIView):
    """What was made from one thing."""

    permission_classes = [any_of(*READERS)]

    @extend_schema(responses={200: DownstreamOut, **_problems(status.HTTP_404_NOT_FOUND)})
    def get(self, _request: Request, node_id: int) -> Response:
        """Show everything downstream of a dataset version, model version or release."""
        graph = queries.downstream_of([node_id])
        shown = {
            "nodes": [graph.nodes[id_] for id_ in sorted(graph.nodes)],
            "edges": graph.sorted_edges(),
            "carried": sorted(graph.carried_from([node_id])),
        }
        return Response(DownstreamOut(shown).data)
