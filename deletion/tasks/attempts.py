"""One attempt of a worker: its lease kept while it lasts, its failure recorded in safe words."""

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from django.conf import settings
from django.db import InterfaceError, OperationalError, connections

from deletion.errors import WorkMissing
from deletion.failures import said_of
from lineage.errors import LeaseLost, ScanOutdated
from lineage.stores import errors as stores
from training.heartbeat import beating

logger = logging.getLogger(__name__)

REFUSALS: Final = (
    ScanOutdated,
    WorkMissing,
    stores.ChangedMeanwhile,
    stores.ColumnMissing,
    stores.ColumnTypeMismatch,
    stores.KeptRowsDiffer,
    stores.KindUnknown,
    stores.MalformedIdentifier,
    stores.NotSafelyErasable,
    stores.NullIdentifier,
    stores.PartCorrupt,
    stores.StillPresent,
    stores.StoreUnreadable,
)
"""Why a store or its index says no, in words that are safe to keep."""


@contextmanager
def attempt(*, keep: Callable[[], bool], failed: Callable[[str], None]) -> Iterator[None]:
    """Keep the lease alive during an attempt, and record how it failed.

    What a store refuses is recorded in its own words; of anything else only the kind, since its
    text may hold anything, and it is raised.
    """
    try:
        try:
            with beating(
                keep,
                every=settings.LEASE / 3,
                done=connections.close_all,
                passing=(InterfaceError, OperationalError),
            ):
                yield
        except LeaseLost:
            raise
        except REFUSALS as refusal:
            failed(said_of(type(refusal).__name__, str(refusal)))
        except Exception as unknown:
            failed(type(unknown).__name__)
            raise
    except LeaseLost:  # then another worker has it, and will report
        logger.warning(
            "the lease had run out: another worker has this, and what is done is refused"
        )


def me() -> str:
    """Return the name under which this process holds leases."""
    return f"{socket.gethostname()}:{os.getpid()}"[:120]
