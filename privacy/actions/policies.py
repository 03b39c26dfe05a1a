"""Approving shielding policies. None is ever changed: another bound is another policy."""

from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from django.db import IntegrityError, transaction

from audits.trail import Actor, audited
from lineage.errors import NodeUnknown
from lineage.models import DatasetFamily
from lineage.places import NAME
from privacy.errors import PolicyConflict, PolicyInvalid
from privacy.events import ShieldPolicyApproved
from privacy.models import ShieldPolicy
from privacy.recipes import MOST_DELTA

_EPSILON_PLACES: Final = Decimal("0.000001")
_DELTA_PLACES: Final = Decimal("0.000000000000000001")
_LARGEST_EPSILON: Final = Decimal(100)  # e^100: a larger bound bounds nothing
_MOST_DELETIONS: Final = 1_000_000


def approve_shield_policy(  # noqa: PLR0913  # a policy has that many terms, and all are said
    *,
    name: str,
    family_id: int,
    max_epsilon: Decimal,
    max_delta: Decimal,
    max_deletions: int,
    reason: str,
    expires_at: datetime,
    actor: Actor,
    now: datetime,
) -> ShieldPolicy:
    """Let models behind a family's releases wait with their retraining, bounded and for a time.

    The caller has checked that the actor is an officer. Bounds are stored rounded down: never more
    than what was approved.
    """
    epsilon = max_epsilon.quantize(_EPSILON_PLACES, rounding=ROUND_FLOOR)
    delta = max_delta.quantize(_DELTA_PLACES, rounding=ROUND_FLOOR)
    _require(
        bounded=0 < epsilon <= _LARGEST_EPSILON
        and 0 < delta <= MOST_DELTA
        and 0 < max_deletions <= _MOST_DELETIONS,
        worded=bool(NAME.fullmatch(name) and reason.strip()),
        ends=expires_at > now,
    )
    with audited(actor=actor, now=now) as trail:
        family = DatasetFamily.objects.filter(pk=family_id).first()
        if family is None:
            raise NodeUnknown("no such dataset family")
        try:
            with transaction.atomic():
                policy = ShieldPolicy.objects.create(
                    name=name,
                    family=family,
                    max_epsilon=epsilon,
                    max_delta=delta,
                    max_deletions=max_deletions,
                    reason=reason,
                    approved_by=actor,
                    approved_at=now,
                    expires_at=expires_at,
                )
        except IntegrityError:
            raise PolicyConflict(name) from None
        trail.record(
            ShieldPolicyApproved(
                policy=name,
                family=family.name,
                max_epsilon=epsilon,
                max_delta=delta,
                max_deletions=max_deletions,
                expires_at=expires_at,
            ),
            about=f"policy/{name}",
        )
    return policy


def _require(*, bounded: bool, worded: bool, ends: bool) -> None:
    if not bounded:
        raise PolicyInvalid(
            f"epsilon must be in (0, {_LARGEST_EPSILON}], delta in (0, {MOST_DELTA}], "
            f"people in 1 to {_MOST_DELETIONS}"
        )
    if not worded:
        raise PolicyInvalid("a plain name and a reason are needed")
    if not ends:
        raise PolicyInvalid("the end is not in the future")
