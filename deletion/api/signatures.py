"""How a processor shows who it is when it calls back: by a signature over the body."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import status
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from typing_extensions import override

from deletion.callbacks import MOST_BYTES, is_signed
from deletion.models import Recipient
from deletion.queries.recipients import callback_key_of, domain_of

# The second is its older name: section 10.1 lets processors still use it.
_DOMAIN = ("X-OpenDSR-Processor-Domain", "X-OpenGDPR-Processor-Domain")
_DIGITS = 9
_SIGNATURE = ("X-OpenDSR-Signature", "X-OpenGDPR-Signature")


class BodyTooLong(APIException):
    """Nothing of it was read."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"A callback has at most {MOST_BYTES // 1024} KiB."
    default_code = "too_long"


class SignedByProcessor(BaseAuthentication):
    """Lets the recipient in whose address is called, by its signature.

    Every refusal is the same 403 (OpenDSR 2.0, section 8.8): it does not say which recipients there
    are, nor whether one has declared a key.
    """

    @override
    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        if _is_long(request.META.get("CONTENT_LENGTH") or "0"):
            raise BodyTooLong
        domain, signature = _header(request, *_DOMAIN), _header(request, *_SIGNATURE)
        number = (request.parser_context or {}).get("kwargs", {}).get("recipient_id")
        heard = Recipient.objects.filter(pk=number, disabled_at=None)
        recipient = heard.exclude(callback_key="").first()
        if recipient is None or not signature or domain.lower() != domain_of(recipient):
            raise _refused()
        key = callback_key_of(recipient)
        if not key.is_valid(timezone.now()) or not is_signed(request.body, signature, key=key):
            raise _refused()
        return AnonymousUser(), recipient


class IsRecipient(BasePermission):
    """Lets in whoever signed."""

    @override
    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, Recipient)


class SignatureScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its metaclass has no types
    """Describes the signature."""

    target_class = SignedByProcessor
    name = "processorSignature"

    @override
    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": _SIGNATURE[0],
            "description": "Base64 of the signature over the SHA-256 of the body, by the key that "
            "was declared for the recipient; X-OpenDSR-Processor-Domain names its host.",
        }


def _header(request: Request, *names: str) -> str:
    return next((said for name in names if (said := request.headers.get(name))), "")


def _is_long(length: str) -> bool:
    """Say whether a body is too long, or its length is none; nobody reads thousands of digits."""
    return len(length) > _DIGITS or not length.isdecimal() or int(length) > MOST_BYTES


def _refused() -> PermissionDenied:
    return PermissionDenied("It is not signed by the key that was declared for this address.")
