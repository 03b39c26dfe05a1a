"""Reads of the privacy tables, returned as the core's own types."""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from lineage.queries import downstream_of, kind_of_namespace, newest_version
from privacy import mechanisms, recipes
from privacy.draws import Draw, Step, next_step
from privacy.errors import AccountUnknown, RecipeUnknown, ReleaseUnknown, SourceNotClear
from privacy.ledger import AccountState, NanoRho, composed
from privacy.models import Account, Recipe, Release, ShieldPolicy
from privacy.shielding import Bound, Policy, Shield, shield_of
from privacy.states import ReleaseState

SHOWN_DELTA: Final = Decimal("0.000001")
"""The delta at which an account's spending is shown as an epsilon."""


def account_state(family_id: int) -> AccountState:
    """Return what has been said about a family's people, and what may still be said."""
    account = Account.objects.select_related("family").filter(family=family_id).first()
    if account is None:
        raise AccountUnknown
    return _state_of(account)


def account_states() -> list[AccountState]:
    """Return the state of every account, by family."""
    return [
        _state_of(account)
        for account in Account.objects.select_related("family").order_by("family__name")
    ]


def _state_of(account: Account) -> AccountState:
    spent = NanoRho(account.spent_nano_rho)
    return AccountState(
        family=account.family.name,
        unit=account.unit_id,
        cap_nano_rho=NanoRho(account.cap_nano_rho),
        spent_nano_rho=spent,
        epsilon_spent=mechanisms.epsilon_at(spent, delta=SHOWN_DELTA),
        delta=SHOWN_DELTA,
    )


def recipe_named(*, family: str, name: str, revision: int | None = None) -> Recipe:
    """Return a registered recipe; without a revision, its newest."""
    found = Recipe.objects.filter(family__name=family, name=name).order_by("-revision")
    recipe = (found if revision is None else found.filter(revision=revision)).first()
    if recipe is None:
        raise RecipeUnknown(name)
    return recipe


def newest_source(family_id: int) -> int:
    """Return the newest version of a family; whether it may be drawn from shows at the debit."""
    version = newest_version(family_id)
    if version is None:
        raise SourceNotClear
    return version.pk


def newest_recipes(most: int) -> list[Recipe]:
    """Return recipes, the newest first."""
    return list(Recipe.objects.select_related("family").order_by("-pk")[:most])


def newest_releases(most: int) -> list[Release]:
    """Return releases in any state, the newest first."""
    return list(
        Release.objects.select_related("recipe__family", "dataset_version").order_by(
            "-reserved_at", "-pk"
        )[:most]
    )


def newest_policies(most: int) -> list[ShieldPolicy]:
    """Return shielding policies, the newest first."""
    return list(ShieldPolicy.objects.select_related("family").order_by("-pk")[:most])


def release_numbered(release_id: UUID) -> Release:
    """Return a release in whatever state it is."""
    release = (
        Release.objects.select_related("recipe__family", "dataset_version")
        .filter(pk=release_id)
        .first()
    )
    if release is None:
        raise ReleaseUnknown
    return release


def draw_of(release_id: UUID) -> Draw:
    """Return what a draw needs to know."""
    release = release_numbered(release_id)
    recipe = recipes.parse(release.recipe.declaration)
    version = release.dataset_version
    return Draw(
        recipe=recipe,
        unit=kind_of_namespace(recipe.unit.namespace),
        store_id=release.recipe.family.store_id,
        version_id=version.pk,
        digests={part["name"]: part["digest"] for part in version.parts},
        charged=NanoRho(release.cost_nano_rho),
    )


def waiting(*, most_attempts: int, now: datetime) -> list[tuple[UUID, Step]]:
    """Return the releases that nobody works on, oldest first, and what has to be done with each."""
    rows = (
        Release.objects.filter(state__in=[ReleaseState.RESERVED, ReleaseState.DRAWING])
        .order_by("reserved_at")
        .values_list("pk", "state", "lease_until", "attempts")
    )
    steps = [
        (
            pk,
            next_step(
                ReleaseState(state),
                lease_until=until,
                attempts=attempts,
                most_attempts=most_attempts,
                now=now,
            ),
        )
        for pk, state, until, attempts in rows
    ]
    return [(pk, step) for pk, step in steps if step is not None]


def shields(*, node_ids: Collection[int], deletions: int, now: datetime) -> dict[int, Shield]:
    """Return the shield of each of these release nodes that shields now, by node.

    `deletions` counts the people who asked to be deleted since the release, those of now included.
    """
    committed = {
        release.node_id: release
        for release in Release.objects.filter(
            state=ReleaseState.COMMITTED, node__isnull=False
        ).select_related("recipe__family__privacy_account")
        if release.node_id is not None
    }
    wanted = sorted(set(node_ids) & committed.keys())
    losses = _losses(committed) if wanted else {}
    policies = [_policy(row) for row in ShieldPolicy.objects.filter(expires_at__gt=now)]
    found = {
        node: shield_of(
            _bound(committed[node], losses[node]), policies, deletions=deletions, now=now
        )
        for node in wanted
    }
    return {node: shield for node, shield in found.items() if shield is not None}


def _losses(committed: Mapping[int, Release]) -> dict[int, NanoRho]:
    """Return what each release tells together with every release that feeds a model it feeds.

    A model behind two releases has heard both: its bound is their sum.
    """
    graph = downstream_of(committed.keys())
    fed = {node: graph.carried_from([node]) for node in committed}
    return {
        node: composed(
            NanoRho(other.cost_nano_rho)
            for other_node, other in committed.items()
            if fed[node] & fed[other_node]
        )
        for node in committed
    }


def _bound(release: Release, nano_rho: NanoRho) -> Bound:
    return Bound(
        family_id=release.recipe.family_id,
        state=ReleaseState(release.state),
        unit=release.recipe.declaration["unit"]["namespace"],
        account_unit=release.recipe.family.privacy_account.unit_id,
        nano_rho=nano_rho,
        epsilon=mechanisms.epsilon_at(nano_rho, delta=release.delta),
        delta=release.delta,
    )


def _policy(row: ShieldPolicy) -> Policy:
    return Policy(
        name=row.name,
        family_id=row.family_id,
        max_epsilon=row.max_epsilon,
        max_delta=row.max_delta,
        max_deletions=row.max_deletions,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
        expires_at=row.expires_at,
    )
