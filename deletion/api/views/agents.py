"""Authorised agents over HTTP, as administrators declare them. What they say is `api.drp`."""

from typing import Any

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
from deletion.api.agents import AgentIn, AgentOut
from deletion.api.pages import NewestFirst
from deletion.api.recipients import DisablingIn
from deletion.api.views.answers import REFUSED, SEE_ALL, UNKNOWN, actor_of
from deletion.models import Agent
from deletion.queries import agents as queries


class AgentPages(NewestFirst):
    """Pages of agents."""

    ordering = "-id"


class Agents(ListAPIView[Agent]):
    """Collection of authorised agents."""

    permission_classes = [Reading & any_of(*SEE_ALL) | any_of(Role.ADMINISTRATOR)]
    serializer_class = AgentOut
    pagination_class = AgentPages

    @override
    def get_queryset(self) -> QuerySet[Agent]:
        return queries.agents_seen()

    @extend_schema(operation_id="agents_list", responses={200: AgentOut(many=True), **UNKNOWN})
    @override
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List authorised agents, the newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(request=AgentIn, responses={201: AgentOut, **REFUSED})
    def post(self, request: Request) -> Response:
        """Declare an agent whose signature is taken; it replaces what was declared before."""
        said = AgentIn(data=request.data)
        said.is_valid(raise_exception=True)
        declared = actions.declare_agent(
            **said.validated_data, actor=actor_of(request), now=timezone.now()
        )
        return Response(_shown(declared.pk), status=status.HTTP_201_CREATED)


class OneAgent(APIView):
    """One authorised agent."""

    permission_classes = [any_of(*SEE_ALL)]

    @extend_schema(responses={200: AgentOut, **UNKNOWN})
    def get(self, _request: Request, agent_id: int) -> Response:
        """Show an agent, and how many requests it signed."""
        return Response(_shown(agent_id))


class AgentOff(APIView):
    """An agent from which nothing is taken."""

    permission_classes = [any_of(Role.ADMINISTRATOR)]

    @extend_schema(request=DisablingIn, responses={200: AgentOut, **REFUSED})
    def post(self, request: Request, agent_id: int) -> Response:
        """Take nothing from an agent until it is enabled again; its token is worthless."""
        said = DisablingIn(data=request.data)
        said.is_valid(raise_exception=True)
        actions.disable_agent(
            agent=queries.agent_numbered(agent_id).code,
            because=said.validated_data["reason"],
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(_shown(agent_id))


class AgentOn(APIView):
    """An agent from which messages are taken again."""

    permission_classes = [any_of(Role.ADMINISTRATOR)]

    @extend_schema(request=None, responses={200: AgentOut, **REFUSED})
    def post(self, request: Request, agent_id: int) -> Response:
        """Take messages of a disabled agent again; it sets up a new token."""
        row = queries.agent_numbered(agent_id)
        actions.enable_agent(agent=row.code, actor=actor_of(request), now=timezone.now())
        return Response(_shown(agent_id))


def _shown(agent_id: int) -> dict[str, Any]:
    return dict(AgentOut(queries.agent_numbered(agent_id)).data)
