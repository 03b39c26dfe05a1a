"""The locks of this app, so that they are always taken in one order.

Sweep (held by a task), run, batch, requests by id, then everything below them. Rows of a lower app
come last.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Q

from deletion.errors import BatchUnknown, RequestUnknown, RunUnknown
from deletion.models import Batch, DeletionRequest, Run, RunPart
from deletion.states import RequestState
from lineage.errors import LeaseLost
from lineage.leases import Token

ONE_SWEEP: Final = 7601
"""The advisory lock of the sweep; of this kind of numbers `deletion` owns 7600 to 7699."""


SHIELDS: Final = 7602
"""The advisory lock of those who look at shields: two would alert, and record, twice."""


LINKS: Final = 7603
"""The advisory lock of those who declare links, or take them back: each counts what is new."""


def lock_links() -> None:
    """Let one declaration of links happen at a time, until the surrounding transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LINKS])


def lock_shields() -> None:
    """Let one look at the shields at a time, until the surrounding transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SHIELDS])


@contextmanager
def one_sweep() -> Iterator[bool]:
    """Say whether this is the only sweep; it stays so until the block ends or the process dies."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [ONE_SWEEP])
        (mine,) = cursor.fetchone()
    try:
        yield mine
    finally:
        if mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [ONE_SWEEP])


def lock_request(request_id: UUID) -> DeletionRequest:
    """Return a request that nobody else changes meanwhile."""
    request = DeletionRequest.objects.select_for_update(no_key=True).filter(pk=request_id).first()
    if request is None:
        raise RequestUnknown
    return request


def lock_requests(request_ids: Collection[UUID]) -> list[DeletionRequest]:
    """Return requests that nobody else changes meanwhile, in the order of their ids."""
    found = DeletionRequest.objects.select_for_update(no_key=True).filter(pk__in=list(request_ids))
    return list(found.order_by("pk"))


def lock_with_merged(request_ids: Collection[UUID]) -> list[DeletionRequest]:
    """Return requests and those that they answer as well, in the order of their ids."""
    found = DeletionRequest.objects.select_for_update(no_key=True).filter(
        Q(pk__in=list(request_ids)) | Q(behind__in=list(request_ids), state=RequestState.MERGED)
    )
    return list(found.order_by("pk"))


def lock_batch(batch_id: int) -> Batch:
    """Return a batch whose plan waits for an answer."""
    batch = (
        Batch.objects.select_for_update(no_key=True)
        .filter(pk=batch_id, approved_at=None, dissolved_at=None)
        .first()
    )
    if batch is None:
        raise BatchUnknown
    return batch


def lock_run(run_id: UUID) -> Run:
    """Return a run that nobody else changes meanwhile."""
    run = Run.objects.select_for_update(no_key=True).filter(pk=run_id).first()
    if run is None:
        raise RunUnknown
    return run


def lock_run_of(part_id: int) -> Run | None:
    """Return the run of a part, locked before the part itself is."""
    return Run.objects.select_for_update(no_key=True).filter(parts=part_id).first()


def lock_held_run(run_id: UUID, token: Token) -> Run:
    """Return a run to the worker whose lease is the newest; raise `LeaseLost` for any other."""
    run = lock_run(run_id)
    if run.fencing_token != token or run.finished_at is not None:
        raise LeaseLost
    return run


def lock_held_part(part_id: int, token: Token) -> RunPart:
    """Return a part to the worker whose lease is the newest; raise `LeaseLost` for any other."""
    part = RunPart.objects.select_for_update(no_key=True).filter(pk=part_id).first()
    if part is None or part.fencing_token != token or part.finished_at is not None:
        raise LeaseLost
    return part
