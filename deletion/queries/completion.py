"""What the end of a request is held against: its outcomes, and the plan that was approved."""

from collections import defaultdict
from collections.abc import Collection
from typing import Final
from uuid import UUID

from django.db import connection

from deletion.models import Share
from deletion.states import ObligationKind

# The plan is unfolded where it lies: one of a large batch holds thousands of people.
_PLANNED: Final = """
    SELECT share ->> 'request_id', target ->> 'kind', (target ->> 'target_id')::bigint,
        target ->> 'target'
    FROM (
        SELECT batch_id, array_agg(id::text) AS asking
        FROM deletion_deletionrequest WHERE id = ANY(%s) AND batch_id IS NOT NULL GROUP BY batch_id
    ) AS mine
    JOIN deletion_batch AS batch ON batch.id = mine.batch_id
    CROSS JOIN LATERAL jsonb_array_elements(batch.plan -> 'obligations') AS target
    CROSS JOIN LATERAL jsonb_array_elements(target -> 'shares') AS share
    WHERE share ->> 'request_id' = ANY(mine.asking)
"""


def shares_by_request(requests: Collection[UUID]) -> dict[UUID, list[Share]]:
    """Return the part of each request in every obligation, with the run that decided it."""
    found: defaultdict[UUID, list[Share]] = defaultdict(list)
    rows = Share.objects.filter(request__in=list(requests)).order_by("pk")
    for share in rows.select_related(
        "obligation__store", "obligation__model", "obligation__recipient", "run"
    ):
        found[share.request_id].append(share)
    return {request: found[request] for request in requests}


def planned_targets(
    requests: Collection[UUID],
) -> dict[UUID, dict[tuple[str, int], str]]:
    """Return, for each request, the targets that its batch's plan names, with their names."""
    found: defaultdict[UUID, dict[tuple[str, int], str]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(_PLANNED, [list(requests)])
        for request, kind, target_id, target in cursor.fetchall():
            place = "store" if kind == ObligationKind.ERASE else "model"
            found[UUID(request)][kind, target_id] = f"{place}/{target}"
    return {request: found[request] for request in requests}
