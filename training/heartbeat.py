"""Keeps a lease alive while its worker is, however long a fit takes. Pure but for one thread."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread


@contextmanager
def beating(
    keep: Callable[[], bool],
    *,
    every: timedelta,
    done: Callable[[], None],
    passing: tuple[type[Exception], ...] = (),
) -> Iterator[None]:
    """Call `keep` in the background every so often until the block ends, and `done` at the end.

    The beat stops when `keep` says no: somebody else has the lease, and the next report of this
    worker will be refused. After an error in `passing` it calls `done` and beats again: the
    database was away for a moment, but the lease may still be held.
    """
    over = Event()

    def is_kept() -> bool:
        try:
            return keep()
        except passing:
            done()  # the connection is of no more use; the next beat opens another
            return True

    def beat() -> None:
        try:
            while not over.wait(every.total_seconds()) and is_kept():
                pass
        finally:
            done()

    thread = Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
