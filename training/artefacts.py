"""Keeps snapshots and artefacts as files: written whole, read only if unchanged, destroyed.

Plain Python. Names are given by the caller and hold a digest; rows say which files belong to whom.
"""

import os
import shutil
import tempfile
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Final

from training.errors import ArtefactMismatch

_STAGING: Final = ".lethe-staging-"


def keep(root: Path, name: str, data: bytes) -> str:
    """Write a file so that it is there whole or not at all; return its SHA-256."""
    path = _path_of(root, name)
    # Fitted numbers are personal data: nobody else on the machine reads them.
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, staged = tempfile.mkstemp(prefix=_STAGING, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(staged).replace(path)
    finally:
        Path(staged).unlink(missing_ok=True)
    _flush(path.parent)
    return sha256(data).hexdigest()


def load(root: Path, name: str, *, digest: str) -> bytes:
    """Return a file's bytes; refuse any that are not those that were written."""
    try:
        data = _path_of(root, name).read_bytes()
    except OSError as trouble:
        raise ArtefactMismatch(f"a file cannot be read: {trouble.strerror}") from trouble
    if sha256(data).hexdigest() != digest:
        raise ArtefactMismatch("a file is not as it was written")
    return data


def destroy(root: Path, name: str) -> bool:
    """Remove a file for good and look again; return whether it was still there.

    Its blocks are released, not overwritten: a disk that copies on write would keep the old ones
    anyway. Whoever needs more encrypts the disk under `root`.
    """
    path = _path_of(root, name)
    was_there = path.exists()
    path.unlink(missing_ok=True)
    if path.parent.is_dir():
        _flush(path.parent)
    if path.exists():
        raise ArtefactMismatch("a destroyed file is still there")
    return was_there


def private_folder(root: Path, name: str) -> Path:
    """Make a folder, and those above it, for nobody else on the machine; return it."""
    place = _path_of(root, name)
    for folder in reversed([place, *place.parents]):
        if folder == root or root in folder.parents:
            folder.mkdir(mode=0o700, exist_ok=True)
    return place


def destroy_folder(root: Path, name: str, *, except_for: Collection[str] = ()) -> None:
    """Remove a folder with all that is in it, but for some names, and look again."""
    place = _path_of(root, name)
    if not place.is_dir():
        return
    for path in place.iterdir():
        if path.name in except_for:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    if not except_for:
        place.rmdir()
        _flush(place.parent)
    left = {path.name for path in place.iterdir()} if place.is_dir() else set()
    if left - {*except_for}:
        raise ArtefactMismatch("a destroyed file is still there")


def strays(root: Path, folder: str, *, known: Collection[str]) -> list[str]:
    """List the files below a folder that no row names: what killed workers left behind."""
    place = _path_of(root, folder)
    found = (path.relative_to(root).as_posix() for path in place.rglob("*") if path.is_file())
    return sorted(set(found) - set(known))


def _path_of(root: Path, name: str) -> Path:
    steps = PurePosixPath(name).parts
    if not steps or name.startswith("/") or ".." in steps:
        raise ArtefactMismatch("a name leads out of the folder of artefacts")
    return root.joinpath(*steps)


def _flush(folder: Path) -> None:
    """Make a rename or removal durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
