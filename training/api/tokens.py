"""How an outside trainer shows that it speaks of its own piece of work: by that work's token."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from typing_extensions import override

from training.models import OutsideJob
from training.outside.inbox import is_token

_SCHEME = "Bearer "
_DIGITS = 9


class TokenOfWork(BaseAuthentication):
    """Lets a trainer in by `{number}.{secret}`: the number is the fencing token of its work."""

    @override
    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        said = request.headers.get("Authorization", "")
        if not said.startswith(_SCHEME):
            return None
        token = said.removeprefix(_SCHEME)
        number = token.partition(".")[0]
        run_id = (request.parser_context or {}).get("kwargs", {}).get("run_id")
        if not number.isascii() or not number.isdecimal() or len(number) > _DIGITS:
            raise _refused()
        job = (
            OutsideJob.objects.filter(run=run_id, number=int(number))
            .select_related("run__model")
            .first()
        )
        if job is None or not is_token(
            token, number=job.number, key=job.key, signing_key=settings.WEBHOOK_SIGNING_KEY
        ):
            raise _refused()
        return AnonymousUser(), job

    @override
    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class IsTrainer(BasePermission):
    """Lets in whoever has the token of a piece of work."""

    @override
    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, OutsideJob)


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its metaclass has no types
    """Describes the token."""

    target_class = TokenOfWork
    name = "tokenOfWork"

    @override
    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "The token in the specification of one piece of work.",
        }


def _refused() -> PermissionDenied:
    return PermissionDenied("It is not the token of a piece of work of this training.")
