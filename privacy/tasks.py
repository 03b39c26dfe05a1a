"""Celery's door into the drawing of releases. Rows are the queue; a lost message costs a sweep."""

import os
import socket
from uuid import UUID

import pyarrow as pa
from celery import shared_task
from django.conf import settings
from django.utils import timezone

from audits.trail import Actor
from lineage.leases import Token
from lineage.queries import adapter_of, member_shards
from lineage.stores.errors import (
    ChangedMeanwhile,
    ColumnMissing,
    ColumnTypeMismatch,
    PartCorrupt,
    StoreUnreadable,
)
from privacy import actions, mechanisms, queries
from privacy.draws import Draw, Step, trained_people
from privacy.rows import check_columns

DRAWER = Actor("task:privacy.draw")


@shared_task(ignore_result=True, time_limit=300)
def sweep() -> None:
    """Send every release that nobody works on to a worker. Beat runs this."""
    for release_id, step in queries.waiting(most_attempts=settings.ATTEMPTS, now=timezone.now()):
        (draw if step is Step.DRAW else expire).delay(str(release_id))


@shared_task(ignore_result=True, acks_late=True, time_limit=300)
def expire(release_id: str) -> None:
    """End a release that its workers left; twice is harmless."""
    actions.expire(
        release_id=UUID(release_id),
        most_attempts=settings.ATTEMPTS,
        actor=DRAWER,
        now=timezone.now(),
    )


@shared_task(ignore_result=True, acks_late=True, time_limit=3600)
def draw(release_id: str) -> None:
    """Read the source of a reserved release, draw it once and keep the result.

    Running it twice draws once: the second run finds the lease taken or the release moved on. What
    fails before the drawing is paid back or tried again; what fails after it stays charged.
    """
    release = UUID(release_id)
    lease = actions.claim(
        release_id=release,
        owner=f"{socket.gethostname()}:{os.getpid()}",
        length=settings.LEASE,
        actor=DRAWER,
        now=timezone.now(),
    )
    if lease is None:
        return
    wanted = queries.draw_of(release)
    tables = _read(release, lease.token, wanted)
    included = trained_people(
        member_shards(version_id=wanted.version_id),
        namespace=wanted.recipe.unit.namespace,
        key=settings.PSEUDONYM_KEY,
    )
    actions.begin_drawing(
        release_id=release,
        token=lease.token,
        length=settings.LEASE,
        actor=DRAWER,
        now=timezone.now(),
    )
    try:
        result = mechanisms.draw(
            wanted.recipe,
            tables,
            unit=wanted.unit,
            included=included,
            charged=wanted.charged,
        )
    except Exception as exc:
        actions.fail_release(
            release_id=release,
            token=lease.token,
            reason=type(exc).__name__,
            actor=DRAWER,
            now=timezone.now(),
        )
        raise
    actions.commit_release(
        release_id=release,
        token=lease.token,
        result=result.as_json(),
        actor=DRAWER,
        now=timezone.now(),
    )


def _read(release: UUID, token: Token, wanted: Draw) -> list[pa.Table]:
    """Read the source; void the release if it is not what was registered, postpone if unread."""
    try:
        return _source(wanted)
    except (ChangedMeanwhile, ColumnMissing, ColumnTypeMismatch) as exc:
        actions.void_release(
            release_id=release,
            token=token,
            reason=type(exc).__name__,
            actor=DRAWER,
            now=timezone.now(),
        )
        raise
    except (StoreUnreadable, PartCorrupt) as exc:
        actions.postpone(
            release_id=release,
            token=token,
            reason=type(exc).__name__,
            actor=DRAWER,
            now=timezone.now(),
        )
        raise


def _source(wanted: Draw) -> list[pa.Table]:
    adapter = adapter_of(wanted.store_id)
    tables = [adapter.read(name, list(wanted.recipe.columns)) for name in wanted.digests]
    for table in tables:
        check_columns(wanted.recipe, table.schema)
    # Compared after reading: what was read is then what the lineage graph will say was read.
    if {part.name: part.digest for part in adapter.parts()} != dict(wanted.digests):
        raise ChangedMeanwhile
    return tables
