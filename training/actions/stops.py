"""The stop switch: one person pulls it, two people lift it."""

from datetime import datetime

from django.db import transaction

from audits.trail import Actor, audited
from training.errors import StopUnknown, TwoPeopleNeeded
from training.events import StopLifted, StopLiftProposed, StopRaised
from training.models import Stop
from training.queries import EVERYTHING, model_named, pools, scope_of, scope_of_pool


def stop(*, scope: str, reason: str, actor: Actor, now: datetime) -> Stop:
    """Let nothing start in a scope; a stop that is down already is returned."""
    _require_scope(scope)
    with transaction.atomic():
        raised, is_new = Stop.objects.get_or_create(
            scope=scope,
            lifted_at=None,
            defaults={"reason": reason, "raised_by": actor, "raised_at": now},
        )
        if is_new:
            with audited(actor=actor, now=now) as trail:
                trail.record(StopRaised(stop_id=raised.pk, scope=scope), about=f"stop/{scope}")
    return raised


def propose_lift(*, scope: str, actor: Actor, now: datetime) -> Stop:
    """Say, as the first of two people, that a stop may be lifted; a later proposal replaces it."""
    with audited(actor=actor, now=now) as trail:
        standing = _standing(scope)
        if standing is None:
            raise StopUnknown
        standing.lift_proposed_by = actor
        standing.save(update_fields=["lift_proposed_by"])
        trail.record(StopLiftProposed(stop_id=standing.pk, scope=scope), about=f"stop/{scope}")
    return standing


def lift(*, scope: str, actor: Actor, now: datetime) -> Stop:
    """Lift a stop, as the second of two people."""
    with audited(actor=actor, now=now) as trail:
        standing = _standing(scope)
        if standing is None:
            raise StopUnknown
        if standing.lift_proposed_by in {"", actor}:
            raise TwoPeopleNeeded
        standing.lifted_by = actor
        standing.lifted_at = now
        standing.save(update_fields=["lifted_by", "lifted_at"])
        trail.record(
            StopLifted(stop_id=standing.pk, scope=scope, proposed_by=standing.lift_proposed_by),
            about=f"stop/{scope}",
        )
    return standing


def _standing(scope: str) -> Stop | None:
    # A text that PostgreSQL cannot hold is no scope of anything.
    if "\x00" in scope:
        return None
    return Stop.objects.select_for_update(no_key=True).filter(scope=scope, lifted_at=None).first()


def _require_scope(scope: str) -> None:
    known = [scope_of_pool(pool) for pool in pools()]
    if scope == EVERYTHING or scope in known:
        return
    kind, _, name = scope.partition("/")
    if scope_of(name) != f"{kind}/{name}":
        raise StopUnknown(f"a scope is {EVERYTHING}, {scope_of('<name>')}, {' or '.join(known)}")
    model_named(name)
