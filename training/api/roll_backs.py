"""Going back to the version that served before, over HTTP."""

from typing import Final

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audits.permissions import Reading, Role, any_of
from audits.trail import Actor
from training import actions, queries
from training.api.fields import StrictIntegerField, WordsField
from training.api.views import NEWEST, READERS, REFUSED
from training.models import RollBack

DECIDERS: Final = (Role.ENGINEER, Role.OFFICER, Role.ADMINISTRATOR)


class RollBackIn(serializers.Serializer[None]):
    """A version that shall serve again."""

    version = StrictIntegerField(min_value=1, max_value=2**31 - 1)
    reason = WordsField(max_length=300, help_text="Name nobody: neither a person nor an address.")


class RollBackOut(serializers.ModelSerializer[RollBack]):
    """A decision that an earlier version serves again."""

    version = serializers.IntegerField(source="version.number")
    replaced = serializers.IntegerField(source="replaced.number", allow_null=True, default=None)

    class Meta:
        model = RollBack
        fields = ["version", "replaced", "reason", "decided_by", "decided_at"]


class RollBacks(APIView):
    """Collection of a model's roll-backs."""

    permission_classes = [Reading & any_of(*READERS) | any_of(*DECIDERS)]

    @extend_schema(operation_id="model_roll_backs_list", responses={200: RollBackOut(many=True)})
    def get(self, _request: Request, name: str) -> Response:
        """List the newest roll-backs of a model."""
        found = queries.roll_backs_of(name, newest=NEWEST)
        return Response(RollBackOut(found, many=True).data)

    @extend_schema(request=RollBackIn, responses={201: RollBackOut, **REFUSED})
    def post(self, request: Request, name: str) -> Response:
        """Let the version that served before serve again, if it holds nobody who was erased."""
        said = RollBackIn(data=request.data)
        said.is_valid(raise_exception=True)
        decided = actions.roll_back(
            model_name=name,
            **said.validated_data,
            actor=Actor(f"user:{request.user.pk}"),
            now=timezone.now(),
        )
        return Response(RollBackOut(decided).data, status=status.HTTP_201_CREATED)
