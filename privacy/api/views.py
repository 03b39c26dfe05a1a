"""Accounts, recipes, releases and shielding policies over HTTP: parse, act, answer."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audits.permissions import Reading, Role, any_of
from audits.trail import Actor
from lineage.queries import family_named
from privacy import actions, queries
from privacy.api.serializers import (
    PrivacyAccountOut,
    RecipeIn,
    RecipeOut,
    ReleaseIn,
    ReleaseOut,
    ShieldPolicyIn,
    ShieldPolicyOut,
)

READERS: Final = (Role.ENGINEER, Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR)
NEWEST: Final = 500  # rows of a list; older ones are in the reports


def _problems(*statuses: int) -> dict[tuple[int, str], OpenApiTypes]:
    return {
        (code, "application/problem+json"): OpenApiTypes.OBJECT
        for code in (*statuses, status.HTTP_401_UNAUTHORIZED, status.HTTP_403_FORBIDDEN)
    }


REFUSED: Final = _problems(
    status.HTTP_400_BAD_REQUEST,
    status.HTTP_404_NOT_FOUND,
    status.HTTP_409_CONFLICT,
    status.HTTP_415_UNSUPPORTED_MEDIA_TYPE,
    status.HTTP_422_UNPROCESSABLE_ENTITY,
)


def _actor(request: Request) -> Actor:
    return Actor(f"user:{request.user.pk}")


class PrivacyAccounts(APIView):
    """Collection of privacy accounts."""

    permission_classes = [any_of(*READERS)]

    @extend_schema(
        operation_id="privacy_accounts_list",
        responses={200: PrivacyAccountOut(many=True), **_problems()},
    )
    def get(self, _request: Request) -> Response:
        """List every account: its cap, what is spent, and what is left."""
        return Response(PrivacyAccountOut(queries.account_states(), many=True).data)


class Recipes(APIView):
    """Collection of recipes."""

    permission_classes = [Reading & any_of(*READERS) | any_of(Role.ENGINEER)]

    @extend_schema(
        operation_id="privacy_recipes_list",
        responses={200: RecipeOut(many=True), **_problems()},
    )
    def get(self, _request: Request) -> Response:
        """List the newest recipes."""
        return Response(RecipeOut(queries.newest_recipes(NEWEST), many=True).data)

    @extend_schema(request=RecipeIn, responses={201: RecipeOut, **REFUSED})
    def post(self, request: Request) -> Response:
        """Register a recipe; the same declaration again answers with the registered one."""
        said = RecipeIn(data=request.data)
        said.is_valid(raise_exception=True)
        registered = actions.register_recipe(
            declaration=said.validated_data["declaration"],
            actor=_actor(request),
            now=timezone.now(),
        )
        return Response(RecipeOut(registered).data, status=status.HTTP_201_CREATED)


class Releases(APIView):
    """Collection of anonymised releases."""

    permission_classes = [Reading & any_of(*READERS) | any_of(Role.ENGINEER)]

    @extend_schema(
        operation_id="privacy_releases_list",
        responses={200: ReleaseOut(many=True), **_problems()},
    )
    def get(self, _request: Request) -> Response:
        """List the newest releases."""
        return Response(ReleaseOut(queries.newest_releases(NEWEST), many=True).data)

    @extend_schema(request=ReleaseIn, responses={202: ReleaseOut, **REFUSED})
    def post(self, request: Request) -> Response:
        """Pay for a draw from the newest dataset version; it is drawn soon after.

        The same recipe on the same version is drawn once: asking again costs nothing and answers
        with the first draw.
        """
        said = ReleaseIn(data=request.data)
        said.is_valid(raise_exception=True)
        recipe = queries.recipe_named(
            family=said.validated_data["family"],
            name=said.validated_data["recipe"],
            revision=said.validated_data.get("revision"),
        )
        release = actions.reserve(
            recipe_id=recipe.pk,
            dataset_version_id=queries.newest_source(recipe.family_id),
            actor=_actor(request),
            now=timezone.now(),
        )
        return Response(
            ReleaseOut(queries.release_numbered(release.pk)).data,
            status=status.HTTP_202_ACCEPTED,
        )


class OneRelease(APIView):
    """One anonymised release."""

    permission_classes = [any_of(*READERS)]

    @extend_schema(responses={200: ReleaseOut, **_problems(status.HTTP_404_NOT_FOUND)})
    def get(self, _request: Request, release_id: UUID) -> Response:
        """Show a release, with its result once it is committed."""
        return Response(ReleaseOut(queries.release_numbered(release_id)).data)


class ShieldPolicies(APIView):
    """Collection of shielding policies."""

    permission_classes = [Reading & any_of(*READERS) | any_of(Role.OFFICER)]

    @extend_schema(
        operation_id="privacy_policies_list",
        responses={200: ShieldPolicyOut(many=True), **_problems()},
    )
    def get(self, _request: Request) -> Response:
        """List the newest policies, expired ones included."""
        return Response(ShieldPolicyOut(queries.newest_policies(NEWEST), many=True).data)

    @extend_schema(request=ShieldPolicyIn, responses={201: ShieldPolicyOut, **REFUSED})
    def post(self, request: Request) -> Response:
        """Approve a policy in the officer's own name."""
        said = ShieldPolicyIn(data=request.data)
        said.is_valid(raise_exception=True)
        now = timezone.now()
        approved = actions.approve_shield_policy(
            name=said.validated_data["name"],
            family_id=family_named(said.validated_data["family"]).pk,
            max_epsilon=said.validated_data["max_epsilon"],
            max_delta=said.validated_data["max_delta"],
            max_deletions=said.validated_data["max_deletions"],
            reason=said.validated_data["reason"],
            expires_at=now + timedelta(days=said.validated_data["days"]),
            actor=_actor(request),
            now=now,
        )
        return Response(ShieldPolicyOut(approved).data, status=status.HTTP_201_CREATED)
