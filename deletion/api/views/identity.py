"""How a person confirms over HTTP who they are."""

from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audits.permissions import Role, any_of
from deletion import actions
from deletion.api.serializers import CodeIn, DeletionRequestOut
from deletion.api.views.answers import REFUSED, actor_of, only_own
from deletion.queries import requests as queries


class Codes(APIView):
    """A code by e-mail."""

    permission_classes = [any_of(Role.INTAKE, Role.OFFICER)]

    @extend_schema(request=None, responses={202: DeletionRequestOut, **REFUSED})
    def post(self, request: Request, request_id: UUID) -> Response:
        """Have another code sent; the first one is sent when the request is opened."""
        found = queries.request_numbered(request_id, caller=only_own(request))
        wanted = actions.want_code(request_id=found.pk, actor=actor_of(request), now=timezone.now())
        return Response(DeletionRequestOut(wanted).data, status=status.HTTP_202_ACCEPTED)


class Confirmation(APIView):
    """The person's answer to a code."""

    permission_classes = [any_of(Role.INTAKE, Role.OFFICER)]

    @extend_schema(request=CodeIn, responses={200: DeletionRequestOut, **REFUSED})
    def post(self, request: Request, request_id: UUID) -> Response:
        """Repeat the code that the person read: the request goes on, the address is destroyed."""
        said = CodeIn(data=request.data)
        said.is_valid(raise_exception=True)
        found = queries.request_numbered(request_id, caller=only_own(request))
        confirmed = actions.confirm_code(
            request_id=found.pk,
            code=said.validated_data["code"],
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(DeletionRequestOut(confirmed).data)
