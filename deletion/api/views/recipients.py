"""Recipients and what they are told over HTTP."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import override

from audits.permissions import Reading, Role, any_of
from deletion import actions
from deletion.api.pages import NewestFirst
from deletion.api.recipients import (
    DisablingIn,
    EvidenceIn,
    ExcuseIn,
    RecipientIn,
    RecipientOut,
    TellingDetailOut,
    TellingOut,
    ToldIn,
)
from deletion.api.views.answers import DECIDE, REFUSED, SEE_ALL, UNKNOWN, actor_of
from deletion.models import Recipient, Telling
from deletion.queries import recipients as queries
from deletion.telling import Ground, Way


class RecipientPages(NewestFirst):
    """Pages of recipients."""

    ordering = "-id"


class TellingPages(NewestFirst):
    """Pages of what recipients are told."""

    ordering = "-share_id"


class Recipients(ListAPIView[Recipient]):
    """Collection of recipients."""

    permission_classes = [Reading & any_of(*SEE_ALL) | any_of(Role.ADMINISTRATOR)]
    serializer_class = RecipientOut
    pagination_class = RecipientPages

    @override
    def get_queryset(self) -> QuerySet[Recipient]:
        return queries.recipients_seen()

    @extend_schema(
        operation_id="recipients_list", responses={200: RecipientOut(many=True), **UNKNOWN}
    )
    @override
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List recipients with how telling them stands, the newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(request=RecipientIn, responses={201: RecipientOut, **REFUSED})
    def post(self, request: Request) -> Response:
        """Declare how a recipient can be told; it replaces what was declared before."""
        said = RecipientIn(data=request.data)
        said.is_valid(raise_exception=True)
        declared = actions.declare_recipient(
            **said.validated_data | {"way": Way(said.validated_data["way"])},
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(_shown(declared.pk), status=status.HTTP_201_CREATED)


class OneRecipient(APIView):
    """One recipient."""

    permission_classes = [any_of(*SEE_ALL)]

    @extend_schema(responses={200: RecipientOut, **UNKNOWN})
    def get(self, _request: Request, recipient_id: int) -> Response:
        """Show a recipient with how telling it stands."""
        return Response(_shown(recipient_id))


class RecipientTest(APIView):
    """A message that names nobody."""

    permission_classes = [any_of(Role.ADMINISTRATOR)]

    @extend_schema(request=None, responses={202: RecipientOut, **REFUSED})
    def post(self, request: Request, recipient_id: int) -> Response:
        """Ask for a test message; how it went stands in the recipient a moment later."""
        row = queries.recipient_numbered(recipient_id)
        actions.ask_test(recipient=row.name, actor=actor_of(request), now=timezone.now())
        return Response(_shown(row.pk), status=status.HTTP_202_ACCEPTED)


class RecipientOff(APIView):
    """A recipient to which nothing is sent."""

    permission_classes = [any_of(Role.ADMINISTRATOR)]

    @extend_schema(request=DisablingIn, responses={200: RecipientOut, **REFUSED})
    def post(self, request: Request, recipient_id: int) -> Response:
        """Send nothing until it is enabled again."""
        said = DisablingIn(data=request.data)
        said.is_valid(raise_exception=True)
        row = queries.recipient_numbered(recipient_id)
        actions.disable_recipient(
            recipient=row.name,
            because=said.validated_data["reason"],
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(_shown(row.pk))


class RecipientOn(APIView):
    """A recipient to which messages are sent again."""

    permission_classes = [any_of(Role.ADMINISTRATOR)]

    @extend_schema(request=None, responses={200: RecipientOut, **REFUSED})
    def post(self, request: Request, recipient_id: int) -> Response:
        """Send again what waits."""
        row = queries.recipient_numbered(recipient_id)
        actions.enable_recipient(recipient=row.name, actor=actor_of(request), now=timezone.now())
        return Response(_shown(row.pk))


class Tellings(ListAPIView[Telling]):
    """Collection of what recipients are told."""

    permission_classes = [any_of(*SEE_ALL)]
    serializer_class = TellingOut
    pagination_class = TellingPages

    @override
    def get_queryset(self) -> QuerySet[Telling]:
        found = Telling.objects.select_related("share__obligation__recipient")
        return found.prefetch_related("evidence")

    @extend_schema(operation_id="tellings_list", responses={200: TellingOut(many=True), **UNKNOWN})
    @override
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List what recipients are told, the newest first."""
        return super().get(request, *args, **kwargs)


class OneTelling(APIView):
    """What one recipient is told about one request."""

    permission_classes = [any_of(*SEE_ALL)]

    @extend_schema(responses={200: TellingDetailOut, **UNKNOWN})
    def get(self, _request: Request, telling_id: UUID) -> Response:
        """Show how telling stands, with every attempt."""
        return Response(TellingDetailOut(queries.telling_numbered(telling_id)).data)


class Recording(APIView):
    """An officer's word that a recipient was told."""

    permission_classes = [any_of(*DECIDE)]

    @extend_schema(request=ToldIn, responses={200: TellingOut, **REFUSED})
    def post(self, request: Request, telling_id: UUID) -> Response:
        """Record that a recipient was told, how, when, and the digest of what proves it."""
        said = ToldIn(data=request.data)
        said.is_valid(raise_exception=True)
        actions.record_told(
            telling_id=telling_id,
            **said.validated_data,
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(TellingOut(queries.telling_numbered(telling_id)).data)


class Excusing(APIView):
    """A reason why a recipient need not be told."""

    permission_classes = [any_of(*DECIDE)]

    @extend_schema(request=ExcuseIn, responses={200: TellingOut, **REFUSED})
    def post(self, request: Request, telling_id: UUID) -> Response:
        """Keep why telling a recipient is impossible or takes disproportionate effort."""
        said = ExcuseIn(data=request.data)
        said.is_valid(raise_exception=True)
        actions.excuse(
            telling_id=telling_id,
            ground=Ground(said.validated_data["ground"]),
            reason=said.validated_data["reason"],
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(TellingOut(queries.telling_numbered(telling_id)).data)


class Attaching(APIView):
    """A document that proves a telling."""

    permission_classes = [any_of(*DECIDE)]

    @extend_schema(request=EvidenceIn, responses={200: TellingOut, **REFUSED})
    def post(self, request: Request, telling_id: UUID) -> Response:
        """Attach a document that you keep to a telling that has ended, by name and digest."""
        said = EvidenceIn(data=request.data)
        said.is_valid(raise_exception=True)
        actions.attach_evidence(
            telling_id=telling_id,
            **said.validated_data,
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(TellingOut(queries.telling_numbered(telling_id)).data)


class TellingAgain(APIView):
    """Another try of what could not be told."""

    permission_classes = [any_of(*DECIDE)]

    @extend_schema(request=None, responses={200: TellingOut, **REFUSED})
    def post(self, request: Request, telling_id: UUID) -> Response:
        """Send the message again under its number, with all its attempts."""
        actions.retry_telling(telling_id=telling_id, actor=actor_of(request), now=timezone.now())
        return Response(TellingOut(queries.telling_numbered(telling_id)).data)


def _shown(recipient_id: int) -> dict[str, Any]:
    return dict(RecipientOut(queries.recipient_shown(recipient_id)).data)
