"""Whom a replay looks for in a store that came back from a backup.

Never by row number: a restored table gives old numbers to new people. A person is known by the
suppression list's mark and by the moment at which they were forgotten.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from deletion.keys import unwrap
from deletion.models import DeletionRequest, Share
from deletion.states import ENDED_WELL, ObligationKind, RequestState
from lineage.identifiers import Wanted, marker, suppression_tag_of
from lineage.queries import adapter_of, columns_of, suppressed


def wanted_since(store_id: int, *, since: datetime, now: datetime) -> dict[str, Wanted]:
    """Return everybody whom this store was free of at some moment since then, by column.

    They are the people forgotten since then, and those of open requests whose search of this store
    has ended since then: their rows came back as well, and no obligation is left to find them.
    """
    tags: defaultdict[str, set[UUID]] = defaultdict(set)
    listed = suppressed(now=now).filter(suppressed_at__gte=since).values_list("namespace_id", "tag")
    for namespace, tag in listed.iterator(chunk_size=50_000):
        tags[namespace].add(tag)
    for namespace, tag in _of_open_requests(store_id, since=since):
        tags[namespace].add(tag)
    held = DeletionRequest.objects.filter(state=RequestState.HELD)
    for namespace, tag in _tags_of(held):  # somebody who was forgotten has asked again since
        tags[namespace].discard(tag)
    return {
        column.name: Wanted(
            kind=column.kind,
            marks=frozenset(tags[column.namespace]),
            mark=marker(namespace=column.namespace, key=settings.SUPPRESSION_KEY),
        )
        for column in columns_of(store_id)
        if tags.get(column.namespace)
    }


def _of_open_requests(store_id: int, *, since: datetime) -> Iterator[tuple[str, UUID]]:
    searched = Share.objects.filter(
        obligation__kind=ObligationKind.ERASE,
        obligation__store=store_id,
        outcome__in=ENDED_WELL,
        decided_at__gte=since,
    )
    return _tags_of(
        DeletionRequest.objects.filter(
            state=RequestState.IN_PROGRESS, pk__in=searched.values("request")
        )
    )


def _tags_of(requests: QuerySet[DeletionRequest]) -> Iterator[tuple[str, UUID]]:
    for request in requests.prefetch_related("identifiers"):
        key = unwrap(
            bytes(request.wrapped_key or b""),
            request_id=request.pk,
            key_encryption_key=settings.REQUEST_KEY_ENCRYPTION_KEY,
        )
        for one in request.identifiers.all():
            digest = key.unseal(bytes(one.sealed_digest), namespace=one.namespace_id)
            yield (
                one.namespace_id,
                suppression_tag_of(
                    digest, namespace=one.namespace_id, key=settings.SUPPRESSION_KEY
                ),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """How much a replay would find."""

    parts: int  # that hold somebody
    rows: int  # a row that several columns find counts once for each
    people: int  # marks; who is named in two namespaces counts twice


def found_since(store_id: int, *, since: datetime, now: datetime) -> Returned:
    """Count whom a replay would erase. It reads files: call it outside any transaction."""
    place, wanted = adapter_of(store_id), wanted_since(store_id, since=since, now=now)
    columns = [column for column in columns_of(store_id) if column.name in wanted]
    people: set[UUID] = set()
    parts = rows = 0
    for part in place.parts() if columns else ():
        here = 0
        for column in columns:
            for batch in place.scan(part.name, column):
                marks = [wanted[column.name].mark_of(value) for value in batch]
                here += sum(mark is not None for mark in marks)
                people.update(mark for mark in marks if mark is not None)
        rows += here
        parts += here > 0
    return Returned(parts=parts, rows=rows, people=len(people))
