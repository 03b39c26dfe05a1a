"""Which open requests stand before others, and which stand behind them."""

from collections import defaultdict
from collections.abc import Collection
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from deletion.merging import Leader
from deletion.models import DeletionRequest, RequestIdentifier, Share
from deletion.states import OPEN, RequestState


def leading(pseudonyms: Collection[UUID]) -> dict[UUID, UUID]:
    """Return the requests that lead for people, by pseudonym."""
    found = RequestIdentifier.objects.filter(leads=True, pseudonym__in=list(pseudonyms))
    return dict(found.values_list("pseudonym", "request_id"))


def leaders_for(pseudonyms: Collection[UUID]) -> dict[UUID, Leader]:
    """Return what leads for people, by pseudonym."""
    ahead = leading(pseudonyms)
    if not ahead:
        return {}
    mine: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for request, pseudonym in RequestIdentifier.objects.filter(
        request__in=set(ahead.values())
    ).values_list("request_id", "pseudonym"):
        mine[request].add(pseudonym)
    begun = Share.objects.filter(request=OuterRef("pk")).filter(
        ~Q(outcome="") | Q(run__isnull=False) | Q(obligation__run__isnull=False)
    )
    rows = DeletionRequest.objects.filter(pk__in=mine).annotate(is_begun=Exists(begun))
    leaders = {
        pk: Leader(
            request_id=pk,
            state=RequestState(state),
            is_begun=is_begun,
            pseudonyms=frozenset(mine[pk]),
        )
        for pk, state, is_begun in rows.values_list("pk", "state", "is_begun")
    }
    return {pseudonym: leaders[request] for pseudonym, request in ahead.items()}


def merged_into(requests: Collection[UUID]) -> dict[UUID, list[DeletionRequest]]:
    """Return the requests that each of these answers as well."""
    found: defaultdict[UUID, list[DeletionRequest]] = defaultdict(list)
    rows = DeletionRequest.objects.filter(behind__in=list(requests), state=RequestState.MERGED)
    for row in rows.order_by("pk"):
        if row.behind_id is not None:
            found[row.behind_id].append(row)
    return found


def answered_by(request: DeletionRequest) -> UUID | None:
    """Return the request that a merged one is, or was, answered with."""
    is_answered = request.state in {RequestState.MERGED, RequestState.COMPLETE}
    return request.behind_id if is_answered else None


def whose_turn_it_is(*, limit: int) -> list[UUID]:
    """Return open requests that stand behind one that has ended, first come first."""
    is_open = [state.value for state in OPEN]
    found = DeletionRequest.objects.filter(behind__isnull=False, state__in=is_open)
    found = found.exclude(behind__state__in=is_open)
    return list(found.order_by("received_at", "pk").values_list("pk", flat=True)[:limit])
