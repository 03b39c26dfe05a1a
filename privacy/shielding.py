"""Decides when a release shields the models behind it from being retrained at once.

A shield is a decision about risk that an officer answers for until it expires. The records are
erased all the same; what may wait is the retraining.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from privacy.ledger import NanoRho, group_loss
from privacy.states import ReleaseState


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What an officer approved for the releases of one dataset family."""

    name: str
    family_id: int
    max_epsilon: Decimal
    max_delta: Decimal
    max_deletions: int
    approved_by: str
    approved_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a release tells about a person, together with the releases that feed the same models."""

    family_id: int
    state: ReleaseState
    unit: str  # whom the recipe protects
    account_unit: str  # whom the account counts
    nano_rho: NanoRho
    epsilon: Decimal
    delta: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Shield:
    """The reason why models behind a release may wait, in the words that may be used for it."""

    policy: str
    epsilon: Decimal
    delta: Decimal
    group_nano_rho: NanoRho  # of everybody who asked to be deleted so far, together
    approved_by: str
    expires_at: datetime

    @property
    def sentence(self) -> str:
        """The words for reports and certificates: a bound and a decision, and no other claim."""
        return (
            f"influence bounded by ε={self.epsilon.normalize():f}, δ={self.delta.normalize():f}"
            f" per person; retraining deferred under policy {self.policy},"
            f" approved by {self.approved_by}, expires {self.expires_at.date().isoformat()}"
        )


def shield_of(
    bound: Bound, policies: Iterable[Policy], *, deletions: int, now: datetime
) -> Shield | None:
    """Return the shield of a release after so many deletions, or None if no policy gives one.

    The loss of k deleted people together is k² times that of one, so a ceiling on it is a ceiling
    on k: once more people asked than a policy allows, the models behind the release are retrained.
    Of several policies the one that lasts longest counts.
    """
    if bound.state is not ReleaseState.COMMITTED or bound.unit != bound.account_unit:
        return None
    allowing = [
        policy
        for policy in policies
        if policy.family_id == bound.family_id
        and policy.approved_at <= now < policy.expires_at
        and bound.epsilon <= policy.max_epsilon
        and bound.delta <= policy.max_delta
        and group_loss(bound.nano_rho, people=deletions)
        <= group_loss(bound.nano_rho, people=policy.max_deletions)
    ]
    if not allowing:
        return None
    policy = max(allowing, key=lambda policy: (policy.expires_at, policy.name))
    return Shield(
        policy=policy.name,
        epsilon=bound.epsilon,
        delta=bound.delta,
        group_nano_rho=group_loss(bound.nano_rho, people=deletions),
        approved_by=policy.approved_by,
        expires_at=policy.expires_at,
    )
