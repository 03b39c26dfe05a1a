"""An order to give data up, with everything that was made of it in whole or in part.

One person proposes, another approves exactly that plan, the sweeps destroy, and it is carried out
when lineage, read anew, has nothing left. What Lethe cannot do by itself it asks people for: it
never drops a table or a folder, for what else is in it, and who else needs it, it cannot know.
"""

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from audits.actions import answer_alerts, raise_alert
from audits.canonical import to_json
from audits.queries import alerted_since, trail_signer
from audits.statements import digest_of, sign
from audits.trail import Actor, audited
from deletion.actions.batches import UNMANAGED
from deletion.actions.order_notices import plan_notices
from deletion.disgorgement import (
    Closure,
    ItemKind,
    NamedBy,
    OrderState,
    Standing,
    closure_from,
    left_of,
    require_order_move,
)
from deletion.errors import (
    DisgorgementConflict,
    DisgorgementUnknown,
    ItemUnknown,
    PlanOutdated,
    TwoPeopleNeeded,
)
from deletion.events import (
    DisgorgementApproved,
    DisgorgementCarriedOut,
    DisgorgementProposed,
    DisgorgementRefused,
    ItemTestified,
)
from deletion.models import Disgorgement, Testimony
from deletion.queries.disgorgement import order_of, reached, standings
from deletion.sworn import predicate_of, sworn_statement
from lineage.actions import hold_families, note_seen_gone, retire_families
from lineage.models import DatasetVersion, Node
from privacy.actions import withdraw_releases
from privacy.models import Release
from training.actions import attest_gone, give_up_models, hold_models
from training.models import ModelVersion

TO_DO: Final = "disgorgement-to-do"
DUE: Final = "disgorgement-due"
SEEN_GONE: Final = "Lethe looked and nothing was there"

_NOTICE: Final = timedelta(days=14)


def propose_disgorgement(  # noqa: PLR0913  # keyword-only, one a column
    *,
    named_by: NamedBy,
    name: str,
    order: str,
    reason: str,
    days: int,
    actor: Actor,
    now: datetime,
) -> Disgorgement:
    """Propose to give data up; nothing is touched before somebody else approves the plan.

    `days` is how long the order gives, from now on.
    """
    with audited(actor=actor, now=now) as trail:
        closure = reached(named_by, name)
        row, is_new = Disgorgement.objects.get_or_create(
            named_by=named_by,
            name=name,
            state__in=[OrderState.PROPOSED, OrderState.APPROVED],
            defaults={
                "state": OrderState.PROPOSED,
                "order": order,
                "reason": reason,
                "plan": json.loads(to_json(closure.as_json())),
                "digest": closure.digest,
                "due_at": now + timedelta(days=days),
                "proposed_by": actor,
                "proposed_at": now,
            },
        )
        if not is_new:
            raise DisgorgementConflict(f"it is number {row.pk}, and {row.state}")
        trail.record(
            DisgorgementProposed(
                disgorgement_id=row.pk,
                named_by=named_by.value,
                name=name,
                order=order,
                plan_digest=row.digest,
                items=len(closure.items),
                due_at=row.due_at,
            ),
            about=_about(row),
        )
    return row


def approve_disgorgement(
    *, disgorgement_id: int, seen_digest: str, actor: Actor, now: datetime
) -> Disgorgement:
    """Approve exactly the plan that was seen, as the second of two people, and carry it out.

    Training sets are retired, versions doomed, trainings ended and releases withdrawn at once, and
    all of it or nothing; the sweeps destroy the files. Locks: the disgorgement, declarations,
    training sets, models; then accounts and releases.
    """
    with audited(actor=actor, now=now) as trail:
        row = _locked(disgorgement_id)
        require_order_move(OrderState(row.state), OrderState.APPROVED)
        if row.proposed_by == actor:
            raise TwoPeopleNeeded
        planned = closure_from(row.plan)
        families = planned.ids(ItemKind.FAMILY)
        hold_families(families)
        hold_models(family_ids=families, node_ids=planned.nodes)
        digest = reached(NamedBy(row.named_by), row.name).digest
        if seen_digest != digest or seen_digest != row.digest:
            raise PlanOutdated
        row.state = OrderState.APPROVED
        row.decided_by = actor
        row.decided_at = now
        row.save(update_fields=["state", "decided_by", "decided_at"])
        retired = retire_families(family_ids=families, actor=actor, now=now)
        given_up = give_up_models(family_ids=families, node_ids=planned.nodes, actor=actor, now=now)
        releases = withdraw_releases(family_ids=families, actor=actor, now=now)
        _ask(row, planned, actor=actor, now=now)
        trail.record(
            DisgorgementApproved(
                disgorgement_id=row.pk,
                plan_digest=row.digest,
                proposed_by=row.proposed_by,
                families=retired,
                versions=given_up.versions,
                trainings=given_up.trainings,
                releases=releases,
            ),
            about=_about(row),
        )
    return row


def refuse_disgorgement(*, disgorgement_id: int, actor: Actor, now: datetime) -> Disgorgement:
    """Refuse a proposal, or take one's own back; nothing was touched."""
    with audited(actor=actor, now=now) as trail:
        row = _locked(disgorgement_id)
        require_order_move(OrderState(row.state), OrderState.REFUSED)
        row.state = OrderState.REFUSED
        row.decided_by = actor
        row.decided_at = now
        row.save(update_fields=["state", "decided_by", "decided_at"])
        trail.record(
            DisgorgementRefused(disgorgement_id=row.pk, plan_digest=row.digest), about=_about(row)
        )
        answer_alerts(about=_about(row), resolution="it was refused", actor=actor, now=now)
    return row


def testify(  # noqa: PLR0913  # keyword-only, one a column
    *,
    disgorgement_id: int,
    item: str,
    reason: str,
    evidence_digest: str,
    actor: Actor,
    now: datetime,
) -> Disgorgement:
    """Keep somebody's word that a thing is gone, or a recipient told, that Lethe cannot reach.

    What Lethe destroys itself nobody attests. The word about another tool's model is an attestation
    like any other, and counts for people's requests as well.
    """
    with audited(actor=actor, now=now) as trail:
        row = _locked(disgorgement_id)
        if row.state != OrderState.APPROVED:
            raise DisgorgementUnknown
        standing = next((one for one in standings(row) if one.item.key == item), None)
        if standing is None or standing.became.is_settled or not _is_out_of_reach(standing):
            raise ItemUnknown
        if standing.item.kind is ItemKind.MODEL:
            node = Node.objects.get(pk=standing.item.id)
            attest_gone(
                model=node.name,
                version=node.version,
                reason=reason,
                evidence_digest=evidence_digest,
                actor=actor,
                now=now,
            )
        else:
            _testify(row, item, "", reason, evidence_digest, actor=actor, now=now)
        trail.record(
            ItemTestified(
                disgorgement_id=row.pk, item=item, finding="", evidence_digest=evidence_digest
            ),
            about=_about(row),
        )
    return row


def note_places_gone(
    *, disgorgement_id: int, store_ids: Collection[int], actor: Actor, now: datetime
) -> Disgorgement:
    """Keep what a look at the places of an order found: nothing. Who calls this has looked."""
    with transaction.atomic():
        row = _locked(disgorgement_id)
        if row.state != OrderState.APPROVED:
            raise DisgorgementUnknown
        gone = [
            one.item
            for one in left_of(standings(row))
            if one.item.kind is ItemKind.STORE and one.item.id in store_ids
        ]
        if not gone:
            return row
        with audited(actor=actor, now=now) as trail:
            for item in gone:
                note_seen_gone(store_id=item.id, finding=SEEN_GONE, actor=actor, now=now)
                _testify(row, item.key, SEEN_GONE, "", "", actor=actor, now=now)
                trail.record(
                    ItemTestified(
                        disgorgement_id=row.pk,
                        item=item.key,
                        finding=SEEN_GONE,
                        evidence_digest="",
                    ),
                    about=_about(row),
                )
    return row


def follow_disgorgement(
    *, disgorgement_id: int, models_with_files: Collection[int], actor: Actor, now: datetime
) -> OrderState:
    """Carry an order out when nothing is left of what it reaches now; warn when its date is near.

    `models_with_files` are the models of which a look at the disk still found a file.
    """
    with transaction.atomic():
        row = _locked(disgorgement_id)
        state = OrderState(row.state)
        if state is OrderState.APPROVED:
            found = standings(row)
            plan_notices(order=row, left=left_of(found), actor=actor, now=now)
            if not left_of(found) and not models_with_files:
                _carry_out(row, found, actor=actor, now=now)
                return OrderState.CARRIED_OUT
        since = row.due_at - _NOTICE
        if (
            state in _OPEN
            and since <= now
            and not alerted_since(since, kind=DUE, about=_about(row))
        ):
            raise_alert(
                kind=DUE,
                about=_about(row),
                detail={"due_at": row.due_at.isoformat(), "state": row.state},
                actor=actor,
                now=now,
            )
    return state


_OPEN: Final = frozenset({OrderState.PROPOSED, OrderState.APPROVED})


def _carry_out(
    row: Disgorgement, found: tuple[Standing, ...], *, actor: Actor, now: datetime
) -> None:
    with audited(actor=actor, now=now) as trail:
        require_order_move(OrderState(row.state), OrderState.CARRIED_OUT)
        order = order_of(row)
        predicate = predicate_of(order, found, carried_out_at=now)
        envelope = sign(sworn_statement(order, predicate), signer=trail_signer())
        row.state = OrderState.CARRIED_OUT
        row.carried_out_at = now
        row.envelope = envelope
        row.statement_digest = digest_of(envelope)
        row.save(update_fields=["state", "carried_out_at", "envelope", "statement_digest"])
        trail.record(
            DisgorgementCarriedOut(
                disgorgement_id=row.pk,
                items=len(found),
                in_time=now <= row.due_at,
                certificate_digest=row.statement_digest,
            ),
            about=_about(row),
        )
        answer_alerts(about=_about(row), resolution="it is carried out", actor=actor, now=now)


def _ask(row: Disgorgement, planned: Closure, *, actor: Actor, now: datetime) -> None:
    """Ask people for what Lethe cannot do: an alert a foreign model, and one about it all."""
    ours = _made_here(planned)
    foreign = [
        item
        for item in planned.items
        if item.kind in {ItemKind.STORE, ItemKind.RECIPIENT}
        or (item.kind in _MADE and item.id not in ours)
    ]
    for item in foreign:
        if item.kind is ItemKind.MODEL:
            raise_alert(
                kind=UNMANAGED,
                about=f"model/{item.name}"[:120],
                detail={"why": f"{_about(row)} reaches it and no trainer of this service made it"},
                actor=actor,
                now=now,
            )
    if foreign:
        raise_alert(
            kind=TO_DO,
            about=_about(row),
            detail={"items": [item.key for item in foreign], "due_at": row.due_at.isoformat()},
            actor=actor,
            now=now,
        )


_MADE: Final = frozenset({ItemKind.DATASET, ItemKind.MODEL, ItemKind.RELEASE})


def _made_here(closure: Closure) -> frozenset[int]:
    """Return the nodes that this service knows more of than their names."""
    nodes = list(closure.nodes)
    return frozenset(
        node
        for rows in (ModelVersion.objects, DatasetVersion.objects, Release.objects)
        for node in rows.filter(node__in=nodes).values_list("node__pk", flat=True)
    )


def _is_out_of_reach(standing: Standing) -> bool:
    """Say whether somebody's word is all that there can be."""
    item = standing.item
    if item.kind in {ItemKind.STORE, ItemKind.RECIPIENT}:
        return True
    return item.kind in _MADE and item.id not in _made_here(Closure(items=(item,), measured=()))


def _testify(  # noqa: PLR0913  # one a column
    row: Disgorgement,
    item: str,
    finding: str,
    reason: str,
    evidence_digest: str,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    Testimony.objects.create(
        disgorgement=row,
        item=item,
        finding=finding,
        reason=reason,
        evidence_digest=evidence_digest,
        said_by=actor,
        said_at=now,
    )


def _locked(disgorgement_id: int) -> Disgorgement:
    row = Disgorgement.objects.select_for_update(no_key=True).filter(pk=disgorgement_id).first()
    if row is None:
        raise DisgorgementUnknown
    return row


def _about(row: Disgorgement) -> str:
    return f"disgorgement/{row.pk}"
