"""What becomes of a demand for somebody of whom another request is open. Pure.

One request leads for each identifier; others that name it stand behind. Behind one of which no work
has begun, a demand for nobody else is merged: that work answers both. Any other waits for its turn.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from deletion.errors import RequestAlreadyOpen
from deletion.states import RequestState


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """An open request, and the identifiers for which it leads, as pseudonyms."""

    request_id: UUID
    state: RequestState
    is_begun: bool  # some target was searched, or is
    pseudonyms: frozenset[UUID]

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

    Raise `RequestAlreadyOpen` while one of the two is unverified: who has not shown who they are
    neither makes others wait nor is answered for them.
    """
    ahead = {leaders[one].request_id: leaders[one] for one in pseudonyms if one in leaders}
    if ahead and (
        is_unverified or any(one.state is RequestState.UNVERIFIED for one in ahead.values())
    ):
        raise RequestAlreadyOpen
    return ahead[min(ahead)] if ahead else None
