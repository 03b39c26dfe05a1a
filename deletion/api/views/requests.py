"""Deletion requests over HTTP: opened, listed, shown, certified."""

from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError
from rest_framework.views import APIView
from typing_extensions import override

from audits.permissions import Reading, Role, any_of
from audits.queries import proof_of, timeline, trail_signer
from deletion import actions
from deletion.api.pages import RequestPages
from deletion.api.serializers import (
    CertificateOut,
    DeletionRequestIn,
    DeletionRequestOut,
    DeletionRequestsIn,
    OpenedRequestOut,
    RequestDetailOut,
    RequestMoreOut,
)
from deletion.api.views.answers import REFUSED, SEE_ALL, UNKNOWN, actor_of, only_own, problems
from deletion.intake import KEY
from deletion.models import DeletionRequest
from deletion.queries import requests as queries
from deletion.queries.links import added_to
from deletion.queries.pauses import lawful_until
from deletion.queries.recipients import tellings_of
from deletion.queries.waiting import waits_for

IDEMPOTENCY_KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 200, "pattern": f"^{KEY.pattern}$"},
    OpenApiParameter.HEADER,
    required=True,
    description="Chosen by the caller, one a demand: the same key again gives the same request.",
)


def idempotency_key_of(request: Request) -> str:
    """Return the key that the caller chose for a demand, or for an upload of many."""
    key = request.headers.get("Idempotency-Key", "")
    if not KEY.fullmatch(key):
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
            caller=only_own(self.request),
            state=asked.validated_data.get("state", ""),
            overdue=None if overdue is None else overdue == "true",
            now=timezone.now(),
        )

    @extend_schema(
        operation_id="deletion_requests_list",
        parameters=[DeletionRequestsIn],
        responses={
            200: DeletionRequestOut(many=True),
            **problems(status.HTTP_400_BAD_REQUEST, status.HTTP_404_NOT_FOUND),
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
            idempotency_key=idempotency_key_of(request),
            caller=actor_of(request),
            actor=actor_of(request),
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
        found = queries.request_numbered(request_id, caller=only_own(request))
        more = RequestMoreOut(
            {
                "lawful_until": lawful_until(found),
                "merged": queries.merged_with(found, caller=only_own(request)),
                "waits_for": waits_for(found, now=timezone.now()),
                "denial": queries.denial_of(found),
                "linked": added_to(found.pk),
                "targets": queries.targets_of(found, now=timezone.now()),
                "recipients": tellings_of(found),
                "timeline": timeline(f"request/{found.pk}"),
            }
        )
        return Response({**DeletionRequestOut(found).data, **more.data})


class OneCertificate(APIView):
    """The signed statement of a finished request."""

    permission_classes = [any_of(Role.INTAKE, *SEE_ALL)]

    @extend_schema(
        responses={
            200: CertificateOut,
            **problems(status.HTTP_404_NOT_FOUND, status.HTTP_409_CONFLICT),
        }
    )
    def get(self, request: Request, request_id: UUID) -> Response:
        """Show the certificate with its proof, once the request is complete and sealed."""
        found = queries.request_numbered(request_id, caller=only_own(request))
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
