"""Tokens for machines: one is had for a name and a password, and given back when done."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from knox.models import AuthToken
from knox.views import LoginView
from rest_framework import serializers, status
from rest_framework.authentication import BasicAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import override

from audits.permissions import Role, any_of
from config.authentication import TokenAuthentication
from config.logins import FailedLogins


class TokenOut(serializers.Serializer[Any]):
    """A token, shown this once: Lethe keeps a digest only."""

    token = serializers.CharField()
    expiry = serializers.DateTimeField()


class Tokens(LoginView):  # type: ignore[misc]  # knox ships no types
    """Where tokens are made."""

    authentication_classes = [BasicAuthentication]
    permission_classes = [any_of(*Role)]
    throttle_classes = [FailedLogins]

    @override
    def perform_authentication(self, request: Request) -> None:
        # DRF asks its throttles after this, when the password was right already.
        self.check_throttles(request)
        try:
            super().perform_authentication(request)
        except AuthenticationFailed:
            FailedLogins().count(request, self)
            raise

    @override
    def format_expiry_datetime(self, expiry: datetime) -> str:
        return timezone.localtime(expiry).isoformat()

    @extend_schema(
        request=None,
        responses={
            200: TokenOut,
            429: OpenApiResponse(description="Too many failed logins from this address"),
        },
    )
    @override
    def post(self, request: Request) -> Response:
        """Make a token for the account whose name and password came along (HTTP Basic)."""
        AuthToken.objects.filter(user=request.user, expiry__lte=timezone.now()).delete()
        made: Response = super().post(request)
        return made


class CurrentToken(APIView):
    """The token that the request itself carries."""

    authentication_classes = [TokenAuthentication]
    permission_classes = [any_of(*Role)]

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        """Give the token back: it opens nothing from now on."""
        request.auth.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)
