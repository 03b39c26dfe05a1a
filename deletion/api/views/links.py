"""Which identifiers are one person's, over HTTP."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audits.permissions import Role, any_of
from deletion import actions
from deletion.api.serializers import DeletionRequestOut, LinksIn, LinksOut, LinksTakenBackOut
from deletion.api.views.answers import DECIDE, REFUSED, actor_of
from deletion.links import Pair, pair_of
from lineage.queries import kinds_of_namespaces

DECLARE = (Role.INTAKE, Role.ADMINISTRATOR)


class Links(APIView):
    """Links between identifiers of one person."""

    permission_classes = [any_of(*DECLARE)]

    @extend_schema(request=LinksIn, responses={200: LinksOut, **REFUSED})
    def post(self, request: Request) -> Response:
        """Declare that pairs of identifiers are one person's; all of them, or none if one is wrong.

        A demand that is opened later and names one of them looks for all.
        """
        said = LinksIn(data=request.data)
        said.is_valid(raise_exception=True)
        count = actions.declare_links(
            pairs=_pairs(said.validated_data), actor=actor_of(request), now=timezone.now()
        )
        return Response(LinksOut(asdict(count)).data)


class LinksTakenBack(APIView):
    """The end of links that were wrong."""

    permission_classes = [any_of(*DECLARE)]

    @extend_schema(request=LinksIn, responses={200: LinksTakenBackOut, **REFUSED})
    def post(self, request: Request) -> Response:
        """Take links back; what they have added to open requests stays there."""
        said = LinksIn(data=request.data)
        said.is_valid(raise_exception=True)
        pairs = _pairs(said.validated_data)
        removed = actions.take_links_back(pairs=pairs, actor=actor_of(request), now=timezone.now())
        return Response(
            LinksTakenBackOut({"removed": removed, "unknown": len(pairs) - removed}).data
        )


class LinkUndoing(APIView):
    """The end of what a link has added to one request."""

    permission_classes = [any_of(*DECIDE)]

    @extend_schema(request=None, responses={200: DeletionRequestOut, **REFUSED})
    def post(self, request: Request, request_id: UUID, identifier_id: int) -> Response:
        """Look no more for an identifier that a link has added; only before the request is planned.

        The request's own page says which there are, by number and namespace.
        """
        undone = actions.undo_link(
            request_id=request_id,
            identifier_id=identifier_id,
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(DeletionRequestOut(undone).data)


def _pairs(said: Mapping[str, Any]) -> list[Pair]:
    links = [(link["one"], link["other"]) for link in said["links"]]
    kinds = kinds_of_namespaces({end.namespace for link in links for end in link})
    return [pair_of(one, other, kinds=kinds) for one, other in links]
