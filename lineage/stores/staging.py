"""Replace a file whole or not at all: write beside it, flush, compare, swap, clean up.

A process killed at any moment leaves the old file or the new one, and at most a hidden staging
file, which holds other people's records: whoever works here next removes it.

A file system knows nothing of leases. A worker that was cut off or stopped may wake between its
last look at the file and the swap, when others have replaced the file and everybody relies on that.
So whoever begins takes the staged states of all earlier workers away: what is not there any more
cannot be swapped in.
"""

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from lineage.stores.errors import ChangedMeanwhile, NotSafelyErasable, StoreUnreadable
from lineage.stores.local import PREFIX, Identity, identity_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A new state of a file, being written beside the old one."""

    target: Path
    path: Path
    file: BinaryIO

    def write(self, pieces: Iterable[bytes]) -> None:
        """Write pieces one after the other."""
        try:
            self.file.writelines(pieces)
        except OSError as trouble:
            raise StoreUnreadable(f"{self.target.name}: {trouble.strerror}") from trouble

    def seal(self) -> None:
        """Give the staged file the target's owner, mode and attributes, and flush it to disk."""
        handle = self.file.fileno()
        try:
            self.file.flush()
            about = self.target.stat()
            if (about.st_uid, about.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(handle, about.st_uid, about.st_gid)
            for name in os.listxattr(self.target):
                os.setxattr(handle, name, os.getxattr(self.target, name))
            os.fchmod(handle, stat.S_IMODE(about.st_mode))
            os.fsync(handle)
        except PermissionError as refused:
            raise NotSafelyErasable(
                f"{self.target.name}: its owner or attributes cannot be kept; "
                "run the worker as the owner of the files"
            ) from refused
        except OSError as trouble:
            raise StoreUnreadable(f"{self.target.name}: {trouble.strerror}") from trouble

    def swap(self, *, before: Identity) -> None:
        """Put the staged file in the target's place, unless the target has changed since read."""
        if identity_of(self.target) != before:
            raise ChangedMeanwhile(f"{self.target.name}: changed by somebody else")
        try:
            self.path.replace(self.target)
        except FileNotFoundError as gone:
            raise ChangedMeanwhile(f"{self.target.name}: another worker is here") from gone
        except OSError as trouble:
            raise StoreUnreadable(f"{self.target.name}: {trouble.strerror}") from trouble
        flush_folder(self.target.parent)


@contextmanager
def staging(target: Path) -> Iterator[Staged]:
    """Open a hidden file beside the target; it is gone afterwards unless it was swapped in."""
    try:
        handle, name = tempfile.mkstemp(prefix=_prefix_of(target), dir=target.parent)
    except OSError as trouble:
        raise StoreUnreadable(
            f"{target.name}: cannot write beside it: {trouble.strerror}"
        ) from trouble
    path = Path(name)
    file = os.fdopen(handle, "w+b")
    try:
        # The lock says "in use" to the janitor, and ends with this process however that ends.
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield Staged(target=target, path=path, file=file)
    finally:
        file.raw.close()  # not the buffer: what a full disk did not take must not fail again
        path.unlink(missing_ok=True)


def overtake(target: Path) -> int:
    """Remove what others have staged for a file, also if they are alive; return how many.

    Call it before the file's state is read. A swap of theirs came before, and is seen, or finds its
    staged file gone and is `ChangedMeanwhile`.
    """
    removed = 0
    for path in sorted(target.parent.glob(f"{_prefix_of(target)}*")):
        try:
            path.unlink()
        except FileNotFoundError:
            continue
        except OSError as trouble:
            raise StoreUnreadable(
                f"{target.name}: what another worker staged cannot be removed: {trouble.strerror}"
            ) from trouble
        removed += 1
    if removed:
        flush_folder(target.parent)
    return removed


def _prefix_of(target: Path) -> str:
    """Return how the names of a file's staged states begin: short, however long its own name is."""
    return f"{PREFIX}{sha256(os.fsencode(target.name)).hexdigest()[:16]}-"


def purge(folder: Path) -> int:
    """Remove the staging files that killed processes left in a folder; return how many."""
    removed = 0
    for path in sorted(folder.glob(f"{PREFIX}*")):
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
        except (FileNotFoundError, BlockingIOError):  # another worker's: finished, or in use
            continue
        except OSError as trouble:
            raise StoreUnreadable(
                f"a stale staging file cannot be removed: {trouble.strerror}"
            ) from trouble
        removed += 1
    if removed:
        flush_folder(folder)
    return removed


def flush_folder(folder: Path) -> None:
    """Make a rename or removal in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
