"""Opening accounts and registering recipes. The same again changes nothing and records nothing."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from audits.trail import Actor, audited
from lineage.errors import NodeUnknown
from lineage.models import DatasetFamily
from lineage.queries import columns_of, kind_of_namespace
from privacy import mechanisms, recipes
from privacy.actions.locks import lock_account
from privacy.errors import AccountConflict, RecipeInvalid
from privacy.events import AccountOpened, RecipeRegistered
from privacy.ledger import NanoRho
from privacy.models import Account, Recipe


def open_account(
    *, family_id: int, unit: str, cap_nano_rho: NanoRho, actor: Actor, now: datetime
) -> Account:
    """Open the account that pays for every release about a family; the same again returns it."""
    with transaction.atomic():
        family = DatasetFamily.objects.select_for_update(no_key=True).filter(pk=family_id).first()
        if family is None:
            raise NodeUnknown("no such dataset family")
        kind_of_namespace(unit)
        known = Account.objects.filter(family=family).first()
        if known is not None:
            if (known.unit_id, known.cap_nano_rho) != (unit, cap_nano_rho):
                raise AccountConflict(family.name)
            return known
        with audited(actor=actor, now=now) as trail:
            account = Account.objects.create(family=family, unit_id=unit, cap_nano_rho=cap_nano_rho)
            trail.record(
                AccountOpened(family=family.name, unit=unit, cap_nano_rho=cap_nano_rho),
                about=f"account/{family.name}",
            )
    return account


def register_recipe(*, declaration: Mapping[str, object], actor: Actor, now: datetime) -> Recipe:
    """Accept a declaration; the same again returns it, another of that name is a new revision."""
    declared = recipes.parse(declaration)
    priced = mechanisms.plan(declared)
    with transaction.atomic():
        family = DatasetFamily.objects.filter(name=declared.family).first()
        if family is None:
            raise RecipeInvalid("source.family: no such dataset family is registered")
        # The revisions of a family are counted under the lock of its account.
        account = lock_account(family.pk)
        _require_unit(declared, account, store_id=family.store_id)
        known = Recipe.objects.filter(digest=declared.digest).first()
        if known is not None:
            return known
        with audited(actor=actor, now=now) as trail:
            newest = (
                Recipe.objects.filter(family=family, name=declared.name)
                .order_by("-revision")
                .first()
            )
            recipe = Recipe.objects.create(
                name=declared.name,
                revision=newest.revision + 1 if newest else 1,
                declaration=dict(declaration),
                digest=declared.digest,
                family=family,
                registered_at=now,
            )
            trail.record(
                RecipeRegistered(
                    family=declared.family,
                    recipe=recipe.name,
                    revision=recipe.revision,
                    digest=recipe.digest,
                    cost_nano_rho=priced.nano_rho,
                ),
                about=f"recipe/{recipe.name}",
            )
    return recipe


def _require_unit(declared: recipes.Recipe, account: Account, *, store_id: int) -> None:
    """Refuse a recipe that protects others than the account counts, or finds them elsewhere."""
    unit = declared.unit
    if unit.namespace != account.unit_id:
        raise RecipeInvalid(f"unit.namespace: the account protects people by {account.unit_id}")
    if (unit.column, unit.namespace) not in {
        (column.name, column.namespace) for column in columns_of(store_id)
    }:
        raise RecipeInvalid("unit.column: not declared as an identifier column of that namespace")
