"""What people decide about a request over HTTP."""

from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audits.permissions import Role, any_of
from deletion import actions
from deletion.api.serializers import (
    AnswerIn,
    DeletionRequestOut,
    DenialIn,
    ExtensionIn,
    HoldIn,
    PauseIn,
)
from deletion.api.views.answers import DECIDE, REFUSED, actor_of, only_own
from deletion.queries import requests as queries


class Cancellation(APIView):
    """The withdrawal of a demand."""

    permission_classes = [any_of(Role.INTAKE, Role.OFFICER)]

    @extend_schema(request=None, responses={200: DeletionRequestOut, **REFUSED})
    def post(self, request: Request, request_id: UUID) -> Response:
        """Cancel a request before any work began."""
        found = queries.request_numbered(request_id, caller=only_own(request))
        cancelled = actions.cancel(request_id=found.pk, actor=actor_of(request), now=timezone.now())
        return Response(DeletionRequestOut(cancelled).data)


class Holding(APIView):
    """A legal reason to keep."""

    permission_classes = [any_of(*DECIDE)]

    @extend_schema(request=HoldIn, responses={200: DeletionRequestOut, **REFUSED})
    def post(self, request: Request, request_id: UUID) -> Response:
        """Suspend a request on a ground that its regime knows."""
        said = HoldIn(data=request.data)
        said.is_valid(raise_exception=True)
        hold = actions.place_hold(
            request_id=request_id,
            article=said.validated_data["article"],
            reason=said.validated_data["reason"],
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(DeletionRequestOut(hold.request).data)


class Releasing(APIView):
    """The end of a hold."""

    permission_classes = [any_of(*DECIDE)]

    @extend_schema(request=None, responses={200: DeletionRequestOut, **REFUSED})
    def post(self, request: Request, request_id: UUID) -> Response:
        """Let a held request go on; somebody else than who placed the hold must ask for it."""
        released = actions.release_hold(
            request_id=request_id, actor=actor_of(request), now=timezone.now()
        )
        return Response(DeletionRequestOut(released).data)


class Extending(APIView):
    """More time, as the law allows it once."""

    permission_classes = [any_of(*DECIDE)]

    @extend_schema(request=ExtensionIn, responses={200: DeletionRequestOut, **REFUSED})
    def post(self, request: Request, request_id: UUID) -> Response:
        """Move the dates of a request by what its law allows once, after its person was told."""
        said = ExtensionIn(data=request.data)
        said.is_valid(raise_exception=True)
        extended = actions.extend(
            request_id=request_id,
            reason=said.validated_data["reason"],
            told_at=said.validated_data["told_at"],
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(DeletionRequestOut(extended).data)


class Unmerging(APIView):
    """The end of a merge."""

    permission_classes = [any_of(*DECIDE)]

    @extend_schema(request=None, responses={200: DeletionRequestOut, **REFUSED})
    def post(self, request: Request, request_id: UUID) -> Response:
        """Let a merged request be planned by itself, after the one that it was merged into."""
        unmerged = actions.undo_merge(
            request_id=request_id, actor=actor_of(request), now=timezone.now()
        )
        return Response(DeletionRequestOut(unmerged).data)


class Pausing(APIView):
    """A question to the person, where the law stops the clock for it."""

    permission_classes = [any_of(*DECIDE)]

    @extend_schema(request=PauseIn, responses={200: DeletionRequestOut, **REFUSED})
    def post(self, request: Request, request_id: UUID) -> Response:
        """Stop both clocks since the person was asked for what the law lets one ask."""
        said = PauseIn(data=request.data)
        said.is_valid(raise_exception=True)
        paused = actions.pause(
            request_id=request_id,
            article=said.validated_data["article"],
            asked_at=said.validated_data["asked_at"],
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(DeletionRequestOut(paused.request).data)


class Resuming(APIView):
    """The person's answer."""

    permission_classes = [any_of(*DECIDE)]

    @extend_schema(request=AnswerIn, responses={200: DeletionRequestOut, **REFUSED})
    def post(self, request: Request, request_id: UUID) -> Response:
        """Let both clocks go on, later by as long as the person took to answer."""
        said = AnswerIn(data=request.data)
        said.is_valid(raise_exception=True)
        resumed = actions.end_pause(
            request_id=request_id,
            answered_at=said.validated_data["answered_at"],
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(DeletionRequestOut(resumed).data)


class Denying(APIView):
    """The refusal of a demand."""

    permission_classes = [any_of(*DECIDE)]

    @extend_schema(request=DenialIn, responses={200: DeletionRequestOut, **REFUSED})
    def post(self, request: Request, request_id: UUID) -> Response:
        """Refuse a demand on a ground that its regime knows, after its person was told."""
        said = DenialIn(data=request.data)
        said.is_valid(raise_exception=True)
        denial = actions.deny(
            request_id=request_id,
            article=said.validated_data["article"],
            told_at=said.validated_data["told_at"],
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(DeletionRequestOut(denial.request).data)
