"""Who may look at the officers' pages, and who may press their buttons."""

from collections.abc import Collection
from typing import Final

from django.contrib.auth import get_user_model
from django.db.models import CharField, OuterRef, Subquery, Value
from django.db.models.functions import Cast, Concat
from django.http import HttpRequest

from audits.permissions import Role
from audits.trail import Actor

WATCHERS: Final = frozenset({Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR})
BUILDERS: Final = WATCHERS | {Role.ENGINEER}
OFFICERS: Final = frozenset({Role.OFFICER})
DECIDERS: Final = frozenset({Role.OFFICER, Role.ADMINISTRATOR})


def roles_of(request: HttpRequest) -> frozenset[Role]:
    """Return the roles of the account behind a request, read once; a superuser holds all."""
    held: frozenset[Role] | None = getattr(request, "lethe_roles", None)
    if held is None:
        held = _read_roles(request)
        request.lethe_roles = held  # type: ignore[attr-defined]  # a list asks for every model
    return held


def _read_roles(request: HttpRequest) -> frozenset[Role]:
    user = request.user
    if not user.is_active or not user.is_authenticated:
        return frozenset()
    if user.is_superuser:
        return frozenset(Role)
    names = set(user.groups.values_list("name", flat=True))
    return frozenset(role for role in Role if role.value in names)


def may(request: HttpRequest, roles: Collection[Role]) -> bool:
    """Say whether the account behind a request holds one of some roles."""
    return not roles_of(request).isdisjoint(roles)


def actor_of(request: HttpRequest) -> Actor:
    """Return who presses a button, as the trail names them."""
    return Actor(f"user:{request.user.pk}")


def username_of(column: str) -> Subquery:
    """Return the name of the account in a column of actors, for lists that show many of them."""
    accounts = get_user_model().objects.annotate(
        actor=Concat(Value("user:"), Cast("pk", CharField()), output_field=CharField())
    )
    return Subquery(accounts.filter(actor=OuterRef(column)).values("username")[:1])
