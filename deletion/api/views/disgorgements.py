"""Orders to give data up over HTTP: parse, act, answer."""

from typing import Any, Final

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import override

from audits.permissions import Reading, Role, any_of
from audits.queries import trail_signer
from deletion import actions
from deletion.api.disgorging import (
    ClosureOut,
    DataNamedIn,
    DisgorgementDetailOut,
    DisgorgementIn,
    DisgorgementOut,
    DisgorgementStandsOut,
    SwornOut,
    TestimonyIn,
)
from deletion.api.pages import BatchPages
from deletion.api.serializers import ApprovalIn
from deletion.api.views.answers import REFUSED, SEE_ALL, UNKNOWN, actor_of
from deletion.disgorgement import NamedBy, closure_from
from deletion.models import Disgorgement
from deletion.queries import disgorgement as queries
from deletion.sworn import document_of

DECIDERS: Final = (Role.OFFICER, Role.ADMINISTRATOR)


def _answer(row: Disgorgement, *, code: int = status.HTTP_200_OK) -> Response:
    stands = {"items": queries.standings(row), "measured": closure_from(row.plan).measured}
    return Response(
        {**DisgorgementOut(row).data, **DisgorgementStandsOut(stands).data}, status=code
    )


class WhatGoesWith(APIView):
    """What would go with some data."""

    permission_classes = [any_of(*SEE_ALL)]

    @extend_schema(request=DataNamedIn, responses={200: ClosureOut, **REFUSED})
    def post(self, request: Request) -> Response:
        """List everything that was made of some data in whole or in part; nothing is changed."""
        said = DataNamedIn(data=request.data)
        said.is_valid(raise_exception=True)
        closure = queries.reached(
            NamedBy(said.validated_data["named_by"]), said.validated_data["name"]
        )
        return Response(ClosureOut(closure).data)


class Disgorgements(ListAPIView[Disgorgement]):
    """Collection of orders to give data up."""

    permission_classes = [Reading & any_of(*SEE_ALL) | any_of(*DECIDERS)]
    queryset = Disgorgement.objects.all()
    serializer_class = DisgorgementOut
    pagination_class = BatchPages

    @extend_schema(responses={200: DisgorgementOut(many=True), **UNKNOWN})
    @override
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the orders, the newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(request=DisgorgementIn, responses={201: DisgorgementDetailOut, **REFUSED})
    def post(self, request: Request) -> Response:
        """Propose to give data up; nothing is touched before somebody else approves the plan."""
        said = DisgorgementIn(data=request.data)
        said.is_valid(raise_exception=True)
        wanted = said.validated_data
        row = actions.propose_disgorgement(
            named_by=NamedBy(wanted["named_by"]),
            name=wanted["name"],
            order=wanted["order"],
            reason=wanted["reason"],
            days=wanted["days"],
            actor=actor_of(request),
            now=timezone.now(),
        )
        return _answer(row, code=status.HTTP_201_CREATED)


class OneDisgorgement(APIView):
    """One order to give data up."""

    permission_classes = [any_of(*SEE_ALL)]

    @extend_schema(responses={200: DisgorgementDetailOut, **UNKNOWN})
    def get(self, _request: Request, disgorgement_id: int) -> Response:
        """Show an order with what it reaches now, and what is still there."""
        return _answer(queries.disgorgement_numbered(disgorgement_id))


class DisgorgementApproval(APIView):
    """The second person's word."""

    permission_classes = [any_of(*DECIDERS)]

    @extend_schema(request=ApprovalIn, responses={200: DisgorgementDetailOut, **REFUSED})
    def post(self, request: Request, disgorgement_id: int) -> Response:
        """Approve exactly the plan with this digest; refused if lineage has moved since."""
        said = ApprovalIn(data=request.data)
        said.is_valid(raise_exception=True)
        row = actions.approve_disgorgement(
            disgorgement_id=disgorgement_id,
            seen_digest=said.validated_data["digest"],
            actor=actor_of(request),
            now=timezone.now(),
        )
        return _answer(row)


class DisgorgementRefusal(APIView):
    """The end of a proposal."""

    permission_classes = [any_of(*DECIDERS)]

    @extend_schema(request=None, responses={200: DisgorgementDetailOut, **REFUSED})
    def post(self, request: Request, disgorgement_id: int) -> Response:
        """Refuse a proposal, or take one's own back."""
        row = actions.refuse_disgorgement(
            disgorgement_id=disgorgement_id, actor=actor_of(request), now=timezone.now()
        )
        return _answer(row)


class DisgorgementLook(APIView):
    """A look at the places of an order."""

    permission_classes = [any_of(*DECIDERS)]

    @extend_schema(request=None, responses={200: DisgorgementDetailOut, **REFUSED})
    def post(self, request: Request, disgorgement_id: int) -> Response:
        """Look whether the places are gone, and keep what was found of those that are."""
        row = queries.disgorgement_numbered(disgorgement_id)
        gone = queries.places_seen_gone(row)  # reads files: never inside a transaction
        seen = actions.note_places_gone(
            disgorgement_id=row.pk, store_ids=gone, actor=actor_of(request), now=timezone.now()
        )
        return _answer(seen)


class Testifying(APIView):
    """Somebody's word about what Lethe cannot reach."""

    permission_classes = [any_of(*DECIDERS)]

    @extend_schema(request=TestimonyIn, responses={200: DisgorgementDetailOut, **REFUSED})
    def post(self, request: Request, disgorgement_id: int) -> Response:
        """Attest that a thing is gone, or that a recipient was told."""
        said = TestimonyIn(data=request.data)
        said.is_valid(raise_exception=True)
        row = actions.testify(
            disgorgement_id=disgorgement_id,
            **said.validated_data,
            actor=actor_of(request),
            now=timezone.now(),
        )
        return _answer(row)


class Sworn(APIView):
    """The statement for signature."""

    permission_classes = [any_of(*SEE_ALL)]

    @extend_schema(responses={200: SwornOut, **UNKNOWN})
    def get(self, _request: Request, disgorgement_id: int) -> Response:
        """Return the statement as text with its signed record; a draft until it is carried out."""
        row = queries.disgorgement_numbered(disgorgement_id)
        text = document_of(queries.stated(row), signed_digest=row.statement_digest)
        key = trail_signer().verifier_key.text
        return Response(
            SwornOut({"text": text, "envelope": row.envelope, "statement_key": key}).data
        )
