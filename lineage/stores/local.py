"""Files on this machine: which of them are a store's parts, and what identifies a state of one."""

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from lineage.stores.errors import NotSafelyErasable, PlaceMissing, StoreUnreadable

PREFIX: Final = ".lethe-staging-"  # of the files in which a new state is prepared
_HIDDEN: Final = (".", "_")  # staging files, sidecars, table logs: never parts
_TABLE_LOGS: Final = ("_delta_log", ".hoodie")  # refused by the adapters, in words of their own
_HOLDS_NOBODY: Final = ("_SUCCESS", "_metadata", "_common_metadata", PREFIX)
"""Beginnings of names that may lie beside parts: marks, sidecars (the adapters judge), staging."""

RESIDUAL: Final = (
    "A replaced file's disk blocks are released, not overwritten. Backups, snapshots and copies "
    "outside this folder, and programs that still hold the old file open, are not reached."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What tells one state of a file from the next, also when its size and time were set back."""

    inode: int
    size: int
    changed_ns: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFiles:
    """A folder with files of one suffix, at any depth, or one single file."""

    root: Path
    suffix: str
    identifiers: tuple[str, ...] = ()  # columns whose values must not be in names

    def names(self) -> tuple[str, ...]:
        """List the parts, sorted, relative to the folder; refuse if there is none.

        Whatever else lies in the folder would be neither searched nor erased, and `absent` would be
        untrue: it is refused, not skipped. The message counts by ending: names may name people.
        """
        try:
            if stat.S_ISREG(self.root.stat().st_mode):
                return (self.root.name,)
            found = tuple(sorted(self._walk()))
            unread = self._unread(frozenset(found))
        except FileNotFoundError as trouble:
            raise PlaceMissing(f"{self.root}: {trouble.strerror}") from trouble
        except OSError as trouble:
            raise StoreUnreadable(f"{self.root}: {trouble.strerror}") from trouble
        if not found:
            raise StoreUnreadable(f"{self.root}: no *{self.suffix} file in this folder")
        if unread:
            raise NotSafelyErasable(
                f"{self.root}: {unread.total()} files in it are not read ("
                f"{', '.join(sorted(unread))}); move them away or register them as a place of "
                "their own"
            )
        return found

    def _unread(self, parts: frozenset[str]) -> "Counter[str]":
        """Count what is neither a part nor known to hold nobody, by the ending of its name."""
        unread: Counter[str] = Counter()
        for folder, below, files in os.walk(self.root, onerror=_raise):
            below[:] = [name for name in below if name not in _TABLE_LOGS]
            for name in files:
                path = Path(folder, name)
                if (
                    path.relative_to(self.root).as_posix() not in parts
                    and not name.startswith(_HOLDS_NOBODY)
                    and not (name.startswith(".") and name.endswith(".crc"))
                    and path.lstat().st_size
                ):
                    unread[path.suffix or "no ending"] += 1
        return unread

    def _walk(self) -> Iterator[str]:
        for folder, below, files in os.walk(self.root, onerror=_raise):
            below[:] = [name for name in below if not name.startswith(_HIDDEN)]
            for name in below:
                if name.startswith(tuple(f"{column}=" for column in self.identifiers)):
                    raise NotSafelyErasable(
                        f"{self.root}: has folders named after people, by column "
                        f"{name.partition('=')[0]}; partition the table by something else"
                    )
                if Path(folder, name).is_symlink():
                    raise StoreUnreadable(
                        f"{self.root}: {name} is a link to a folder; register that folder itself"
                    )
            for name in files:
                if name.endswith(self.suffix) and not name.startswith(_HIDDEN):
                    yield Path(folder, name).relative_to(self.root).as_posix()

    def path_of(self, part: str) -> Path:
        """Return where a part lies; a name that leads out of the folder is nobody's part."""
        if self.root.is_file():
            path = self.root if part == self.root.name else None
        else:
            steps = PurePosixPath(part).parts
            is_inside = steps and not part.startswith("/") and ".." not in steps
            path = self.root.joinpath(*steps) if is_inside else None
        if path is None or not path.is_file():
            raise StoreUnreadable(f"{part}: no such file in this store")
        return path


def place_of(uri: str) -> Path:
    """Return the local path of a URI: a plain path or `file:` without a host."""
    split = urlsplit(uri)
    if split.scheme == "file" and split.netloc in {"", "localhost"}:
        return Path(unquote(split.path))
    if "://" in uri or split.scheme == "file":
        raise StoreUnreadable(f"{split.scheme}: only folders and files of this machine can be read")
    return Path(uri)


def identity_of(path: Path) -> Identity:
    """Return the identity of a file's present state; the digest is SHA-256 of its bytes."""
    try:
        with path.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
            about = os.fstat(file.fileno())
    except OSError as trouble:
        raise StoreUnreadable(f"{path.name}: {trouble.strerror}") from trouble
    return Identity(
        inode=about.st_ino, size=about.st_size, changed_ns=about.st_mtime_ns, digest=digest
    )


def refuse_other_names(path: Path) -> None:
    """Refuse a file that is reached by more than one name: the others would keep the old state."""
    if path.is_symlink():
        raise NotSafelyErasable(f"{path.name}: is a link; register the file it leads to")
    if path.stat().st_nlink > 1:
        raise NotSafelyErasable(
            f"{path.name}: has other names (hard links) that would keep the old state; remove them"
        )


def _raise(trouble: OSError) -> None:
    # os.walk skips what it may not read, unless told otherwise: a folder skipped is people missed.
    raise trouble
