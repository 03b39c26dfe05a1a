"""Roles, and the permission that an API view names. Nothing is allowed unless a view says so."""

from enum import StrEnum
from typing import TYPE_CHECKING

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from typing_extensions import override

if TYPE_CHECKING:
    # DRF's views load `Deny` from here, by its name in the settings.
    from rest_framework.views import APIView


class Role(StrEnum):
    """A Django group; `migrate` creates the groups."""

    INTAKE = "intake service"
    ENGINEER = "ML engineer"
    OFFICER = "compliance officer"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


def has_role(user: object, *roles: Role) -> bool:
    """Say whether an authenticated account holds one of the roles; a superuser holds all."""
    if not getattr(user, "is_active", False) or not getattr(user, "is_authenticated", False):
        return False
    if getattr(user, "is_superuser", False):
        return True
    return bool(user.groups.filter(name__in=[role.value for role in roles]).exists())  # type: ignore[attr-defined]  # AnonymousUser is excluded above


class Deny(BasePermission):
    """The default of every view: a view that names no role answers nobody."""

    @override
    def has_permission(self, request: Request, view: "APIView") -> bool:
        return False


class Reading(BasePermission):
    """Let a request through that changes nothing; who may read is said beside it."""

    @override
    def has_permission(self, request: Request, view: "APIView") -> bool:
        return request.method in SAFE_METHODS


def any_of(*roles: Role) -> type[BasePermission]:
    """Return the permission that lets these roles in."""

    class HasRole(BasePermission):
        @override
        def has_permission(self, request: Request, view: "APIView") -> bool:
            return has_role(request.user, *roles)

    return HasRole
