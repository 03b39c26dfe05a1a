"""The life of a release, one step an action. What may follow what is in `privacy.states`.

A draw goes reserve, claim, begin_drawing, commit_release. Before `begin_drawing` the debit can be
returned, after it never.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from django.db import transaction
from django.db.models import F

from audits.trail import Actor, audited
from lineage.actions import register_node
from lineage.actions.leases import take as take_lease
from lineage.errors import FamilyRetired
from lineage.graph import EdgeKind, NodeKind, VersionState
from lineage.leases import Lease, Token, next_lease
from lineage.models import DatasetFamily, DatasetVersion
from privacy import mechanisms, recipes
from privacy.actions.endings import fail, finish, void
from privacy.actions.locks import lock_account, lock_held, lock_payer, lock_release
from privacy.draws import Step, next_step
from privacy.errors import BudgetSpent, RecipeUnknown, SourceNotClear
from privacy.events import (
    DrawingBegan,
    DrawingClaimed,
    DrawingPostponed,
    ReleaseCommitted,
    ReleaseReserved,
)
from privacy.models import Account, JournalEntry, Recipe, Release
from privacy.states import ANSWERING, ReleaseState, require_move


def reserve(*, recipe_id: int, dataset_version_id: int, actor: Actor, now: datetime) -> Release:
    """Debit the account for one draw, or refuse; a draw that already answers this is returned.

    Nothing has looked at the data yet, and nothing does unless this commits.
    """
    recipe = Recipe.objects.select_related("family").filter(pk=recipe_id).first()
    if recipe is None:
        raise RecipeUnknown
    priced = mechanisms.plan(recipes.parse(recipe.declaration))
    with transaction.atomic():
        account = lock_account(recipe.family_id)
        known = Release.objects.filter(
            recipe=recipe, dataset_version_id=dataset_version_id, state__in=ANSWERING
        ).first()
        if known is not None:
            return known
        version = DatasetVersion.objects.filter(
            pk=dataset_version_id, family_id=recipe.family_id, state=VersionState.CLEAR
        ).first()
        if version is None:
            if DatasetFamily.objects.filter(pk=recipe.family_id, retired_at=None).exists():
                raise SourceNotClear(recipe.family.name)
            raise FamilyRetired(recipe.family.name)
        with audited(actor=actor, now=now) as trail:
            # The database decides, not what we read: sum and cap are compared where they lie.
            debited = Account.objects.filter(
                pk=account.pk, spent_nano_rho__lte=F("cap_nano_rho") - priced.nano_rho
            ).update(spent_nano_rho=F("spent_nano_rho") + priced.nano_rho)
            if not debited:
                raise BudgetSpent(recipe.family.name)
            release = Release.objects.create(
                recipe=recipe,
                dataset_version=version,
                state=ReleaseState.RESERVED,
                cost_nano_rho=priced.nano_rho,
                epsilon=priced.epsilon,
                delta=priced.delta,
                reserved_at=now,
            )
            JournalEntry.objects.create(
                account=account, release=release, nano_rho=priced.nano_rho, at=now
            )
            trail.record(
                ReleaseReserved(
                    release_id=str(release.pk),
                    family=recipe.family.name,
                    recipe=recipe.name,
                    revision=recipe.revision,
                    dataset_version=version.seq,
                    cost_nano_rho=priced.nano_rho,
                    epsilon=priced.epsilon,
                    delta=priced.delta,
                ),
                about=f"release/{release.pk}",
            )
    return release


def claim(
    *, release_id: UUID, owner: str, length: timedelta, actor: Actor, now: datetime
) -> Lease | None:
    """Take a reserved release to read its source; None while somebody has it or if it moved on."""
    with transaction.atomic():
        release = lock_release(release_id)
        lease = next_lease(
            token=release.fencing_token, until=release.lease_until, now=now, length=length
        )
        if lease is None or release.state != ReleaseState.RESERVED:
            return None
        with audited(actor=actor, now=now) as trail:
            take_lease(release, lease=lease, owner=owner, now=now)
            trail.record(
                DrawingClaimed(release_id=str(release.pk), token=lease.token),
                about=f"release/{release.pk}",
            )
    return lease


def postpone(
    *, release_id: UUID, token: Token, reason: str, actor: Actor, now: datetime
) -> Release:
    """Note that the source could not be read; the lease's end brings the next attempt."""
    with audited(actor=actor, now=now) as trail:
        release = lock_held(release_id, token)
        require_move(ReleaseState(release.state), ReleaseState.DRAWING)
        release.last_error = reason
        release.save(update_fields=["last_error"])
        trail.record(
            DrawingPostponed(release_id=str(release.pk), reason=reason),
            about=f"release/{release.pk}",
        )
    return release


def begin_drawing(
    *, release_id: UUID, token: Token, length: timedelta, actor: Actor, now: datetime
) -> Release:
    """Give up the refund: committed before the library is called, so no death can win it back."""
    with audited(actor=actor, now=now) as trail:
        release = lock_held(release_id, token)
        require_move(ReleaseState(release.state), ReleaseState.DRAWING)
        release.state = ReleaseState.DRAWING
        release.lease_until = now + length
        release.save(update_fields=["state", "lease_until"])
        trail.record(
            DrawingBegan(release_id=str(release.pk), token=token), about=f"release/{release.pk}"
        )
    return release


def commit_release(
    *,
    release_id: UUID,
    token: Token,
    result: Mapping[str, object],
    actor: Actor,
    now: datetime,
) -> Release:
    """Keep a result and put it into the lineage graph, behind the version it was drawn from."""
    with audited(actor=actor, now=now) as trail:
        release = lock_held(release_id, token)
        require_move(ReleaseState(release.state), ReleaseState.COMMITTED)
        recipe = release.recipe
        node = register_node(
            kind=NodeKind.RELEASE,
            name=recipe.name,
            version=str(release.pk),
            sources=[(release.dataset_version.node_id, EdgeKind.ANONYMISED)],
            actor=actor,
            now=now,
        )
        release.state = ReleaseState.COMMITTED
        release.node = node
        release.result = dict(result)
        finish(release, "node", "result", now=now)
        trail.record(
            ReleaseCommitted(
                release_id=str(release.pk),
                recipe=recipe.name,
                revision=recipe.revision,
                node_id=node.pk,
                result_digest=sha256(json.dumps(result, sort_keys=True).encode()).hexdigest(),
            ),
            about=f"release/{release.pk}",
        )
    return release


def fail_release(
    *, release_id: UUID, token: Token, reason: str, actor: Actor, now: datetime
) -> Release:
    """End a drawing without a result. It stays charged: noise may have been seen."""
    with audited(actor=actor, now=now) as trail:
        release = lock_held(release_id, token)
        trail.record(fail(release, reason=reason, now=now), about=f"release/{release.pk}")
    return release


def void_release(
    *, release_id: UUID, token: Token, reason: str, actor: Actor, now: datetime
) -> Release:
    """End a release whose drawing never began, and return its debit."""
    with audited(actor=actor, now=now) as trail:
        account = lock_payer(release_id)
        release = lock_held(release_id, token)
        trail.record(void(release, account, reason=reason, now=now), about=f"release/{release.pk}")
    return release


def expire(*, release_id: UUID, most_attempts: int, actor: Actor, now: datetime) -> Release:
    """End a release that its workers left: void if drawing never began, else failed and charged.

    Whoever still works on it loses the right to: the fencing token moves on. Called too early, or
    twice, it changes nothing.
    """
    with transaction.atomic():
        account = lock_payer(release_id)
        release = lock_release(release_id)
        step = next_step(
            ReleaseState(release.state),
            lease_until=release.lease_until,
            attempts=release.attempts,
            most_attempts=most_attempts,
            now=now,
        )
        if step is None or step is Step.DRAW:
            return release
        with audited(actor=actor, now=now) as trail:
            event = (
                void(release, account, reason=release.last_error or "attempts ended", now=now)
                if step is Step.VOID
                else fail(release, reason="lease ended while drawing", now=now)
            )
            trail.record(event, about=f"release/{release.pk}")
    return release
