"""Batches and runs over HTTP."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import override

from audits.permissions import any_of
from deletion import actions
from deletion.api.pages import BatchPages
from deletion.api.serializers import ApprovalIn, BatchOut, RunOut
from deletion.api.views.answers import DECIDE, REFUSED, SEE_ALL, UNKNOWN, actor_of
from deletion.models import Batch


class Batches(ListAPIView[Batch]):
    """Collection of batches."""

    permission_classes = [any_of(*SEE_ALL)]
    queryset = Batch.objects.all()
    serializer_class = BatchOut
    pagination_class = BatchPages

    @extend_schema(responses={200: BatchOut(many=True), **UNKNOWN})
    @override
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the batches with their plans, the newest first."""
        return super().get(request, *args, **kwargs)


class Approval(APIView):
    """The approval of a plan."""

    permission_classes = [any_of(*DECIDE)]

    @extend_schema(request=ApprovalIn, responses={200: BatchOut, **REFUSED})
    def post(self, request: Request, batch_id: int) -> Response:
        """Approve exactly the plan with this digest; refused if lineage has moved since."""
        said = ApprovalIn(data=request.data)
        said.is_valid(raise_exception=True)
        approved = actions.approve_plan(
            batch_id=batch_id,
            seen_digest=said.validated_data["digest"],
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(BatchOut(approved).data)


class Retrying(APIView):
    """Another try of a stuck run."""

    permission_classes = [any_of(*DECIDE)]

    @extend_schema(request=None, responses={200: RunOut, **REFUSED})
    def post(self, request: Request, run_id: UUID) -> Response:
        """Let a stuck run try again, after somebody looked at what stopped it."""
        run = actions.retry_run(run_id=run_id, actor=actor_of(request), now=timezone.now())
        return Response(RunOut(run).data)
