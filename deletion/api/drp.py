"""The addresses of the Data Rights Protocol 1.0, below /drp/v1/. Its base address is /drp.

They are not in the description of the API: they speak the protocol's own words, also when they
refuse. Without `DRP_BUSINESS_ID` no token is valid and none is made.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import IO, Any, Final, cast
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import override

from audits.trail import Actor
from deletion import actions
from deletion.drp import LONGEST_MESSAGE, caller_of
from deletion.errors import (
    AgentNotMeant,
    AgentUnknown,
    BusinessNotMeant,
    ExerciseUnsupported,
    MessageExpired,
    MessageFromLater,
    MessageMalformed,
    MessageRepeated,
    MessageTooLong,
    NobodyVerified,
    SignatureWrong,
)
from deletion.models import Agent, SignedDemand
from deletion.queries import agents as queries

FATAL: Final = frozenset(
    {
        AgentNotMeant,
        BusinessNotMeant,
        ExerciseUnsupported,
        MessageExpired,
        MessageMalformed,
        NobodyVerified,
    }
)
"""What stays refused however often the same message is sent (section 3.06)."""

_MESSAGE: Final = "message"
_NO_TOKEN: Final = (
    AgentNotMeant,
    AgentUnknown,
    BusinessNotMeant,
    MessageExpired,
    MessageFromLater,
    MessageMalformed,
    MessageRepeated,
    MessageTooLong,
    SignatureWrong,
)


class AgentToken(BaseAuthentication):
    """Knows an agent by the token that it has set up."""

    @override
    def authenticate(self, request: Request) -> tuple[AnonymousUser, Agent] | None:
        match get_authorization_header(request).split():
            case [scheme, token] if scheme.lower() == b"bearer":
                agent = queries.agent_with_token(token.decode("latin-1"), now=timezone.now())
            case _:
                return None
        if agent is None:
            raise AuthenticationFailed("The token is not valid, or not any more: set up a new one.")
        return AnonymousUser(), agent

    @override
    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class AgentTokenUnlessSettingUp(AgentToken):
    """The same; but whoever sets a token up may well send along the one that has run out."""

    @override
    def authenticate(self, request: Request) -> tuple[AnonymousUser, Agent] | None:
        return None if request.method == "POST" else super().authenticate(request)


class IsAgent(BasePermission):
    """Lets authorised agents in, and nobody else."""

    @override
    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(getattr(request, "auth", None), Agent)


class SettingUp(BasePermission):
    """Lets through what shows by its signature who sends it."""

    @override
    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.method == "POST"


class Signed(BaseParser):
    """A message of an agent, which stays as it is until its signature is verified."""

    media_type = "text/plain"

    @override
    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, bytes]:
        body: bytes = stream.read(LONGEST_MESSAGE + 1)
        if len(body) > LONGEST_MESSAGE:
            raise MessageTooLong
        return {_MESSAGE: body}


@extend_schema(exclude=True)
class AgentView(APIView):
    """What the views of the protocol share: who is asked for, and how they refuse."""

    authentication_classes: Sequence[type[BaseAuthentication]] = [AgentToken]
    permission_classes = [IsAgent]
    parser_classes = [Signed]

    @override
    def handle_exception(self, exc: Exception) -> Response:
        """Say a refusal in the protocol's words (section 3.06)."""
        answer = super().handle_exception(exc)
        said = {"code": str(answer.status_code), "message": answer.data["detail"]}
        answer.data = said | ({"fatal": True} if type(exc) in FATAL else {})
        answer.content_type = "application/json"
        return answer


class Exercising(AgentView):
    """Where agents exercise a right (section 2.01)."""

    def post(self, request: Request) -> Response:
        """Take a person's demand that an agent has signed."""
        agent = _agent_of(request)
        demand = actions.accept_demand(
            agent=agent.code,
            body=_body_of(request),
            actor=Actor(caller_of(agent.code)),
            now=timezone.now(),
        )
        return Response(_status_of(demand))


class Exercised(AgentView):
    """One demand (sections 2.02 and 2.04)."""

    def get(self, request: Request, request_id: UUID) -> Response:
        """Show how a demand stands."""
        return Response(_status_of(queries.signed_demand(request_id, agent=_agent_of(request))))

    def delete(self, request: Request, request_id: UUID) -> Response:
        """Revoke a demand on which no work has begun."""
        agent = _agent_of(request)
        demand = actions.revoke_demand(
            agent=agent.code,
            request_id=request_id,
            body=_body_of(request),
            actor=Actor(caller_of(agent.code)),
            now=timezone.now(),
        )
        return Response(_status_of(demand))


class PairwiseKey(AgentView):
    """Where agents set up their token, and see whether it is valid (sections 2.05 and 2.06)."""

    authentication_classes = [AgentTokenUnlessSettingUp]
    permission_classes = [IsAgent | SettingUp]

    def post(self, request: Request, code: str) -> Response:
        """Make a token for a signed message; a refusal says nothing, as the protocol demands."""
        try:
            token = actions.set_up_token(
                agent=code,
                body=_body_of(request),
                actor=Actor(caller_of(code)),
                now=timezone.now(),
            )
        except _NO_TOKEN:
            return Response(status=HTTPStatus.FORBIDDEN)
        return Response({"agent-id": code, "token": token})

    def get(self, request: Request, code: str) -> Response:
        """Say that a token is valid."""
        if _agent_of(request).code != code:
            raise PermissionDenied
        return Response({})


def _agent_of(request: Request) -> Agent:
    return cast("Agent", request.auth)  # the permission saw to it


def _body_of(request: Request) -> bytes:
    body: bytes = dict(request.data).get(_MESSAGE, b"")  # of an empty body DRF asks no parser
    return body


def _status_of(demand: SignedDemand) -> dict[str, object]:
    """Return the status object (section 3.03). What is not known is left out."""
    request = demand.request
    standing = queries.standing(request)
    said = {
        "request_id": str(request.pk),
        "received_at": request.received_at,
        "expected_by": request.models_by,
        "agent_request_id": demand.agent_request_id,
        "processing_details": standing.details,
        "status": standing.status,
        "reason": standing.reason,
    }
    return {name: value for name, value in said.items() if value}


urlpatterns: list[URLPattern] = [
    path("data-rights-request", Exercising.as_view(), name="drp-exercise"),
    path("data-rights-request/", Exercising.as_view()),  # with the slash of before 0.9.3
    path("data-rights-request/<uuid:request_id>", Exercised.as_view(), name="drp-status"),
    path("agent/<str:code>", PairwiseKey.as_view(), name="drp-agent"),
]
