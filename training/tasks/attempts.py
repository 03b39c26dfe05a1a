"""One attempt of a worker: its lease is kept alive, and what goes wrong is noted without words."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from lineage import errors as lineage_errors
from lineage.errors import LeaseLost
from lineage.stores import errors as store_errors
from training import actions
from training import errors as training_errors
from training.errors import AttemptFailed
from training.heartbeat import beating
from training.jobs import Holding
from training.tasks import outside

_OURS: Final = tuple(
    error
    for module in (lineage_errors, store_errors, training_errors)
    for error in vars(module).values()
    if isinstance(error, type) and issubclass(error, Exception)
)
_BEATS: Final = 3  # in one lease


@contextmanager
def looked_after(holding: Holding) -> Iterator[None]:
    """Leave work alone that an outside trainer has not done yet, until the next look."""
    try:
        yield
    except outside.StillAtWork as at_work:
        until = timezone.now() + at_work.after
        actions.let_wait(holding=holding, until=until)


@contextmanager
def attempt(keep: Callable[[], bool], failed: Callable[[str], None]) -> Iterator[None]:
    """Keep a lease while the block works; a block that fails is noted, and ends without words.

    What libraries say about data quotes the data, and would end in a log.
    """
    try:
        with _alive(keep):
            yield
    except (LeaseLost, outside.StillAtWork):
        raise
    except Exception as trouble:  # noqa: BLE001  # raised again below, without its words
        said = _said_of(trouble)
        failed(said)
        raise AttemptFailed(said) from None


def _alive(keep: Callable[[], bool]) -> AbstractContextManager[None]:
    return beating(
        keep,
        every=settings.LEASE / _BEATS,
        done=_close_connection,
        passing=(InterfaceError, OperationalError),
    )


def _close_connection() -> None:
    connection.close()  # looked up in the heartbeat's own thread, which had one of its own


def _said_of(trouble: Exception) -> str:
    """Return what may be kept of a failure: our own sentences hold no data, other texts may."""
    kind = type(trouble).__name__
    return f"{kind}: {trouble}" if isinstance(trouble, _OURS) and str(trouble) else kind
