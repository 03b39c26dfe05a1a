"""Deletion requests and batches over HTTP: parse, act, answer."""

import re
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError
from rest_framework.views import APIView
from typing_extensions import override

from audits.permissions import Reading, Role, any_of, has_role
from audits.queries import proof_of, timeline, trail_signer
from audits.trail import Actor
from deletion import actions
from deletion.api.pages import BatchPages, RequestPages
from deletion.api.serializers import (
    ApprovalIn,
    BatchOut,
    CertificateOut,
    DeletionRequestIn,
    DeletionRequestOut,
    DeletionRequestsIn,
    ExtensionIn,
    HoldIn,
    OpenedRequestOut,
    RequestDetailOut,
    RequestMoreOut,
    RunOut,
)
from deletion.models import Batch, DeletionRequest
from deletion.queries import requests as queries

SEE_ALL: Final = (Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR)
DECIDE: Final = (Role.OFFICER,)

_KEY: Final = r"[\x21-\x7e]{1,200}"
IDEMPOTENCY_KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 200, "pattern": f"^{_KEY}$"},
    OpenApiParameter.HEADER,
    required=True,
    description="Chosen by the caller, one a demand: the same key again gives the same request.",
)


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


UNKNOWN: Final = _problems(status.HTTP_404_NOT_FOUND)
REFUSED: Final = _problems(
    status.HTTP_400_BAD_REQUEST,
    status.HTTP_404_NOT_FOUND,
    status.HTTP_409_CONFLICT,
    status.HTTP_415_UNSUPPORTED_MEDIA_TYPE,
    status.HTTP_422_UNPROCESSABLE_ENTITY,
)


def _actor(request: Request) -> Actor:
    return Actor(f"user:{request.user.pk}")


def _only_own(request: Request) -> str | None:
    """Return whose requests may be seen: None for those who may see all."""
    return None if has_role(request.user, *SEE_ALL) else _actor(request)


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not re.fullmatch(_KEY, key):
        raise ValidationError({"Idempotency-Key": "1 to 200 visible ASCII characters are needed."})
    return key


class DeletionRequests(ListAPIView[DeletionRequest]):
    """Collection of deletion requests."""

    permission_classes = [
        Reading & any_of(Role.INTAKE, *SEE_ALL) | any_of(Role.INTAKE, Role.OFFICER)
    ]
    serializer_class = DeletionRequestOut
    pagination_class = RequestPages

    @override
    def get_queryset(self) -> QuerySet[DeletionRequest]:
        # As a plain object: read as a form, an empty `?state=` would be as good as none.
        asked = DeletionRequestsIn(data=self.request.query_params.dict())
        asked.is_valid(raise_exception=True)
        overdue = asked.validated_data.get("overdue")
        return queries.requests_seen_by(
            caller=_only_own(self.request),
            state=asked.validated_data.get("state", ""),
            overdue=None if overdue is None else overdue == "true",
            now=timezone.now(),
        )

    @extend_schema(
        operation_id="deletion_requests_list",
        parameters=[DeletionRequestsIn],
        responses={
            200: DeletionRequestOut(many=True),
            **_problems(status.HTTP_400_BAD_REQUEST, status.HTTP_404_NOT_FOUND),
        },
    )
    @override
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List requests, the newest first; an intake service sees those that it opened."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        parameters=[IDEMPOTENCY_KEY],
        request=DeletionRequestIn,
        responses={202: OpenedRequestOut, **REFUSED},
    )
    def post(self, request: Request) -> Response:
        """Open a request: its clocks start now.

        The receipt is in this answer only. Give it to the person.
        """
        said = DeletionRequestIn(data=request.data)
        said.is_valid(raise_exception=True)
        opened = actions.request_deletion(
            regime=said.validated_data["regime"],
            identifiers=said.validated_data["identifiers"],
            verification=said.validated_data["verification"],
            idempotency_key=_idempotency_key(request),
            caller=_actor(request),
            actor=_actor(request),
            now=timezone.now(),
        )
        return Response(
            {
                **DeletionRequestOut(opened.request).data,
                "receipt": {
                    "commitment_key": opened.receipt.commitment_key.hex(),
                    "commitments": [
                        {"namespace": namespace, "commitment": commitment}
                        for namespace, commitment in opened.receipt.commitments
                    ],
                },
            },
            status=status.HTTP_202_ACCEPTED,
        )


class OneDeletionRequest(APIView):
    """One deletion request."""

    permission_classes = [any_of(Role.INTAKE, *SEE_ALL)]

    @extend_schema(responses={200: RequestDetailOut, **UNKNOWN})
    def get(self, request: Request, request_id: UUID) -> Response:
        """Show a request with its clocks, its targets, its timeline, and what it waits for."""
        found = queries.request_numbered(request_id, caller=_only_own(request))
        more = RequestMoreOut(
            {
                "lawful_until": queries.lawful_until(found),
                "waits_for": queries.waits_for(found),
                "targets": queries.targets_of(found, now=timezone.now()),
                "timeline": timeline(f"request/{found.pk}"),
            }
        )
        return Response({**DeletionRequestOut(found).data, **more.data})


class Cancellation(APIView):
    """The withdrawal of a demand."""

    permission_classes = [any_of(Role.INTAKE, Role.OFFICER)]

    @extend_schema(request=None, responses={200: DeletionRequestOut, **REFUSED})
    def post(self, request: Request, request_id: UUID) -> Response:
        """Cancel a request before any work began."""
        found = queries.request_numbered(request_id, caller=_only_own(request))
        cancelled = actions.cancel(request_id=found.pk, actor=_actor(request), now=timezone.now())
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
            actor=_actor(request),
            now=timezone.now(),
        )
        return Response(DeletionRequestOut(hold.request).data)


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
            actor=_actor(request),
            now=timezone.now(),
        )
        return Response(DeletionRequestOut(extended).data)


class Releasing(APIView):
    """The end of a hold."""

    permission_classes = [any_of(*DECIDE)]

    @extend_schema(request=None, responses={200: DeletionRequestOut, **REFUSED})
    def post(self, request: Request, request_id: UUID) -> Response:
        """Let a held request go on; somebody else than who placed the hold must ask for it."""
        released = actions.release_hold(
            request_id=request_id, actor=_actor(request), now=timezone.now()
        )
        return Response(DeletionRequestOut(released).data)


class OneCertificate(APIView):
    """The signed statement of a finished request."""

    permission_classes = [any_of(Role.INTAKE, *SEE_ALL)]

    @extend_schema(
        responses={
            200: CertificateOut,
            **_problems(status.HTTP_404_NOT_FOUND, status.HTTP_409_CONFLICT),
        }
    )
    def get(self, request: Request, request_id: UUID) -> Response:
        """Show the certificate with its proof, once the request is complete and sealed."""
        found = queries.request_numbered(request_id, caller=_only_own(request))
        certificate = queries.certificate_of(found)
        proof = proof_of(about=f"request/{found.pk}", event="RequestCompleted")
        key = trail_signer().verifier_key.text
        shown = CertificateOut(
            {
                "envelope": certificate.envelope,
                "digest": certificate.digest,
                "certificate_key": key,
                "leaf": proof.entry.decode(),
                "proof": proof.text,
                "trail_key": key,
            }
        )
        return Response(shown.data)


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
            actor=_actor(request),
            now=timezone.now(),
        )
        return Response(BatchOut(approved).data)


class Retrying(APIView):
    """Another try of a stuck run."""

    permission_classes = [any_of(*DECIDE)]

    @extend_schema(request=None, responses={200: RunOut, **REFUSED})
    def post(self, request: Request, run_id: UUID) -> Response:
        """Let a stuck run try again, after somebody looked at what stopped it."""
        run = actions.retry_run(run_id=run_id, actor=_actor(request), now=timezone.now())
        return Response(RunOut(run).data)
