"""Who sends a token is the account that it was made for."""

from django.utils import timezone
from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.models import AuthToken
from typing_extensions import override


class TokenAuthentication(KnoxAuthentication):  # type: ignore[misc]  # knox ships no types
    """Knox's, but for tokens that have expired.

    Knox reads all of an account's tokens at every request, to delete those; an account may have
    thousands. Here they go when the account asks for a new one.
    """

    @override
    def _cleanup_token(self, auth_token: AuthToken) -> bool:
        """Say whether the token has expired."""
        return auth_token.expiry is not None and auth_token.expiry <= timezone.now()


class TokenScheme(KnoxTokenScheme):  # type: ignore[no-untyped-call]  # an extension without types
    """Describes the header in the OpenAPI document."""

    target_class = "config.authentication.TokenAuthentication"
