"""What becomes of a demand for somebody of whom another request is open. Pure.

One request leads for each identifier; others that name it stand behind. Behind one of which no work
has begun, a demand for nobody else is merged: that work answers both. Any other waits for its turn.
Who has shown who they are goes before who has not.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from deletion.states import RequestState


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """An open request, and the identifiers for which it leads, as pseudonyms."""

    request_id: UUID
    state: RequestState
    is_begun: bool  # some target was searched, or is
    pseudonyms: frozenset[UUID]

    @property
    def is_unverified(self) -> bool:
        """Say whether its person has not shown who they are."""
        return self.state is RequestState.UNVERIFIED

    def answers(self, pseudonyms: Collection[UUID]) -> bool:
        """Say whether all that a later demand asks for is still to be done by this request."""
        return (
            self.state in {RequestState.RECEIVED, RequestState.PLANNED, RequestState.IN_PROGRESS}
            and not self.is_begun
            and self.pseudonyms.issuperset(pseudonyms)
        )


def leader_of(
    pseudonyms: Collection[UUID], leaders: Mapping[UUID, Leader], *, is_unverified: bool
) -> Leader | None:
    """Return behind which of the open requests a demand stands; None: it leads itself.

    Nobody waits for somebody who has not shown who they are, unless they have not either.
    """
    ahead = {
        leaders[one].request_id: leaders[one]
        for one in pseudonyms
        if one in leaders and (is_unverified or not leaders[one].is_unverified)
    }
    return ahead[min(ahead)] if ahead else None


def overtaken_by(pseudonyms: Collection[UUID], leaders: Mapping[UUID, Leader]) -> frozenset[UUID]:
    """Return the unverified requests that have to wait for a demand that leads itself."""
    ahead = (leaders[one] for one in pseudonyms if one in leaders)
    return frozenset(one.request_id for one in ahead if one.is_unverified)
