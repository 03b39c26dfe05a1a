"""Who holds the step of a run for which an outside trainer works. Pure."""

from dataclasses import dataclass
from uuid import UUID

from lineage.leases import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A worker's lease of a run's step: of its one fit, or of the run itself."""

    run_id: UUID
    token: Token
    fit_id: int | None = None
