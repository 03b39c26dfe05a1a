"""What the privacy app writes into the trail. It knows no subject: a release is about everybody."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOpened:
    """From now on, releases about the people of a dataset family can be paid for."""

    family: str
    unit: str
    cap_nano_rho: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeRegistered:
    """A declaration was accepted as it is; another one is another revision."""

    family: str
    recipe: str
    revision: int
    digest: str
    cost_nano_rho: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseReserved:
    """The account was debited, before anything was drawn."""

    release_id: str
    family: str
    recipe: str
    revision: int
    dataset_version: int
    cost_nano_rho: int
    epsilon: Decimal
    delta: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawingClaimed:
    """A worker took the release to read its source."""

    release_id: str
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawingPostponed:
    """The source could not be read this time; it is tried again when the lease ends."""

    release_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawingBegan:
    """From here on noise may have been drawn: the debit stays, whatever happens."""

    release_id: str
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseCommitted:
    """The result is kept; its digest is that of the stored JSON."""

    release_id: str
    recipe: str
    revision: int
    node_id: int
    result_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseWithdrawn:
    """The source was given up by order and the result erased; the account stays charged."""

    release_id: str
    result_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFailed:
    """The drawing ended without a result; the account stays charged."""

    release_id: str
    reason: str
    charged_nano_rho: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseVoided:
    """Drawing never began, so the debit was returned."""

    release_id: str
    reason: str
    refunded_nano_rho: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShieldPolicyApproved:
    """An officer decided how long retraining may wait; the reason stays in the policy's row."""

    policy: str
    family: str
    max_epsilon: Decimal
    max_delta: Decimal
    max_deletions: int
    expires_at: datetime
