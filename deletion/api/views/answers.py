"""What the views of this app share: who asks, what they may see, and how they are refused."""

from typing import Final

from drf_spectacular.types import OpenApiTypes
from rest_framework import status
from rest_framework.request import Request

from audits.permissions import Role, has_role
from audits.trail import Actor

SEE_ALL: Final = (Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR)
DECIDE: Final = (Role.OFFICER,)


def problems(*statuses: int) -> dict[tuple[int, str], OpenApiTypes]:
    """Return what the schema says of refusals, with those that any view can answer."""
    return {
        (code, "application/problem+json"): OpenApiTypes.OBJECT
        for code in (
            *statuses,
            status.HTTP_401_UNAUTHORIZED,
            status.HTTP_403_FORBIDDEN,
            status.HTTP_406_NOT_ACCEPTABLE,
        )
    }


UNKNOWN: Final = problems(status.HTTP_404_NOT_FOUND)
REFUSED: Final = problems(
    status.HTTP_400_BAD_REQUEST,
    status.HTTP_404_NOT_FOUND,
    status.HTTP_409_CONFLICT,
    status.HTTP_415_UNSUPPORTED_MEDIA_TYPE,
    status.HTTP_422_UNPROCESSABLE_ENTITY,
)


def actor_of(request: Request) -> Actor:
    """Return who asks, as the trail names them."""
    return Actor(f"user:{request.user.pk}")


def only_own(request: Request) -> str | None:
    """Return whose requests may be seen: None for those who may see all."""
    return None if has_role(request.user, *SEE_ALL) else actor_of(request)
