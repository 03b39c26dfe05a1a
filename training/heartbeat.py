"""Keeps a lease alive while its worker is, however long a fit takes. Pure but for one thread."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread


@contextmanager
def beating(
    keep: Callable[[], bool], *, every: timedelta, done: Callable[[], None]
) -> Iterator[None]:
    """Call `keep` in the background every so often until the block ends, and `done` at the end.

    The beat stops when `keep` says no: somebody else has the lease, and the next report of this
    worker will be refused.
    """
    over = Event()

    def beat() -> None:
        try:
            while not over.wait(every.total_seconds()) and keep():
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
