"""What is linked to some identifiers, read without following a crowd."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from deletion.intake import MOST_IDENTIFIERS, Claim
from deletion.keys import unseal_linked
from deletion.links import (
    MOST_LINKED,
    NOTHING_LINKED,
    WAITS_OF_A_CLOCK,
    Linked,
    reached,
    undoable_until,
)
from deletion.models import DeletionRequest, Link, LinkedIdentifier, RequestIdentifier
from deletion.states import OPEN, RequestState

TOO_MANY: Final = "too-many-links"
"""The alert about a request to which links would add more identifiers than one person has."""

TOO_LATE: Final = "link-came-late"
"""The alert about an open request that does not look for what a new link leads to."""

_UNPLANNED: Final = frozenset({RequestState.RECEIVED, RequestState.HELD, RequestState.PAUSED})
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


def leading_outside(links: Collection[tuple[UUID, UUID]]) -> dict[UUID, int]:
    """Return the open requests that name one end of some links, with how many such links.

    An end that another open request names is looked for there.
    """
    ends = {mark for pair in links for mark in pair}
    naming: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for mark, request in RequestIdentifier.objects.filter(
        pseudonym__in=ends, request__state__in=OPEN
    ).values_list("pseudonym", "request_id"):
        naming[mark].add(request)
    found: Counter[UUID] = Counter()
    for one, other in links:
        if not (naming[one] and naming[other]):
            found.update(naming[one] | naming[other])
    return dict(found)


def added_to(request_id: UUID) -> QuerySet[RequestIdentifier]:
    """Return what links have added to a request, in a stable order."""
    found = RequestIdentifier.objects.filter(request=request_id, by_link=True)
    return found.order_by("namespace", "pk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One identifier that a link has added, and a link that led to it, without any value.

    A link that was taken back since then leaves its words empty.
    """

    identifier_id: int
    namespace: str
    linked_to: str = ""  # the namespace of the other end
    linked_by: str = ""
    linked_at: datetime | None = None


def uses_of(request_id: UUID) -> list[Use]:
    """Return what links have added to a request, once for each link to another of its rows."""
    rows = {row.pseudonym: row for row in RequestIdentifier.objects.filter(request=request_id)}
    ends: defaultdict[UUID, list[tuple[UUID, Link]]] = defaultdict(list)
    for link in _among(rows).order_by("pk") if any(row.by_link for row in rows.values()) else ():
        ends[link.one_id].append((link.other_id, link))
        ends[link.other_id].append((link.one_id, link))
    uses: list[Use] = []
    for row in sorted(rows.values(), key=lambda row: (row.namespace_id, row.pk)):
        here = Use(identifier_id=row.pk, namespace=row.namespace_id)
        led = [
            replace(
                here,
                linked_to=rows[other].namespace_id,
                linked_by=link.linked_by,
                linked_at=link.linked_at,
            )
            for other, link in ends[row.pseudonym]
        ]
        uses += (led or [here]) if row.by_link else []
    return uses


def may_be_undone(request: DeletionRequest) -> bool:
    """Say whether something is left that a link has added, and nobody has planned its work."""
    return is_unplanned(request) and added_to(request.pk).exists()


def is_unplanned(request: DeletionRequest) -> bool:
    """Say whether a request is still as it was opened: in no plan, and without any work."""
    return (
        RequestState(request.state) in _UNPLANNED
        and request.batch_id is None
        and not request.shares.exists()
    )


def is_undoable(*, now: datetime) -> Q:
    """Return the condition that a request still waits for officers to undo a link."""
    linked = RequestIdentifier.objects.filter(request=OuterRef("pk"), by_link=True)
    # What `undoable_until` says, for rows: neither of the two moments has come.
    since = now - settings.LINKED_WAIT
    waits = Q(verified_at__gt=since) | Q(verified_at=None, received_at__gt=since)
    return Q(Exists(linked)) & waits & Q(erase_by__gt=now + WAITS_OF_A_CLOCK * settings.LINKED_WAIT)


def waits_for_undoing(request: DeletionRequest, *, now: datetime) -> datetime | None:
    """Return until when a received request waits for officers to undo a link; None: it does not."""
    until = undoable_until(
        opened_at=request.verified_at or request.received_at,
        erase_by=request.erase_by,
        wait=settings.LINKED_WAIT,
    )
    return until if now < until and added_to(request.pk).exists() else None


def links_among(marks: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """Return the links of which both ends are among some marks."""
    return list(_among(marks).values_list("one_id", "other_id"))


def _among(marks: Collection[UUID]) -> QuerySet[Link]:
    return Link.objects.filter(one__in=list(marks), other__in=list(marks))


def _linked(added: frozenset[UUID] | None, claims: dict[UUID, Claim]) -> Linked:
    if added is None:
        return Linked(too_many=True)
    if not added:
        return NOTHING_LINKED
    # One that was taken back between the two reads is in neither.
    return Linked(claims=tuple((mark, claims[mark]) for mark in sorted(added) if mark in claims))
