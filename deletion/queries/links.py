"""What is linked to some identifiers, read without following a crowd."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet

from deletion.intake import MOST_IDENTIFIERS, Claim
from deletion.keys import unseal_linked
from deletion.links import MOST_LINKED, NOTHING_LINKED, Linked, reached
from deletion.models import Link, LinkedIdentifier, RequestIdentifier

TOO_MANY: Final = "too-many-links"
"""The alert about a request to which links would add more identifiers than one person has."""

# However many links an identifier has, no more are read than show that they are too many.
_ENOUGH: Final = MOST_IDENTIFIERS + MOST_LINKED + 1
_NEIGHBOURS: Final = """
SELECT mark, there
FROM unnest(%s::uuid[]) AS mark, LATERAL (
    (SELECT other_id AS there FROM deletion_link WHERE one_id = mark LIMIT %s)
    UNION ALL
    (SELECT one_id FROM deletion_link WHERE other_id = mark LIMIT %s)
) AS ends
"""


def neighbours_of(marks: Collection[UUID]) -> dict[UUID, set[UUID]]:
    """Return the other ends of the links of some marks, or enough of them to be too many."""
    found: defaultdict[UUID, set[UUID]] = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute(_NEIGHBOURS, [sorted(marks), _ENOUGH, _ENOUGH])
        for mark, there in cursor.fetchall():
            found[mark].add(there)
    return found


def linked_to(named: Sequence[Collection[UUID]]) -> list[Linked]:
    """Return what links add to each of some demands."""
    added = reached(named, neighbours_of)
    every = frozenset[UUID]().union(*(one for one in added if one))
    claims = {
        row.pseudonym: Claim(
            namespace=row.namespace_id,
            digest=unseal_linked(
                bytes(row.sealed_digest),
                pseudonym=row.pseudonym,
                key_encryption_key=settings.REQUEST_KEY_ENCRYPTION_KEY,
            ),
        )
        for row in (LinkedIdentifier.objects.filter(pk__in=every) if every else ())
    }
    return [_linked(one, claims) for one in added]


def added_to(request_id: UUID) -> QuerySet[RequestIdentifier]:
    """Return what links have added to a request, in a stable order."""
    found = RequestIdentifier.objects.filter(request=request_id, by_link=True)
    return found.order_by("namespace", "pk")


def links_among(marks: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """Return the links of which both ends are among some marks."""
    within = Q(one__in=list(marks)) & Q(other__in=list(marks))
    return list(Link.objects.filter(within).values_list("one_id", "other_id"))


def _linked(added: frozenset[UUID] | None, claims: dict[UUID, Claim]) -> Linked:
    if added is None:
        return Linked(too_many=True)
    if not added:
        return NOTHING_LINKED
    # One that was taken back between the two reads is in neither.
    return Linked(claims=tuple((mark, claims[mark]) for mark in sorted(added) if mark in claims))
