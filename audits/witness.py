"""The newest checkpoint, kept outside the database: what a restored database cannot take back.

A folder with one file, `checkpoint`, a signed note. It belongs on another disk or machine than the
database, and never into the same backup. It names nobody: a log's name, a size and a root.
"""

import os
from pathlib import Path
from typing import Final

from audits.errors import BundleInvalid, TrailRestored, WitnessUnreadable
from audits.merkle import NodeAt, root_at
from audits.notes import NoteKey, TreeHead, read_checkpoint

FILE: Final = "checkpoint"


def read_witness(folder: Path, *, public_key: bytes) -> TreeHead | None:
    """Return the newest head that was published there; None if there never was one.

    It is read under the name that it states, since an earlier trail may have had another. A folder
    that is not there is no empty one: a disk that was not mounted would forget everything.
    """
    if not folder.is_dir():
        raise WitnessUnreadable("WITNESS_DIR is no folder: is its disk mounted?")
    try:
        note = (folder / FILE).read_text()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        raise WitnessUnreadable("the witnessed checkpoint cannot be read") from None
    try:
        key = NoteKey(name=note.partition("\n")[0], public_key=public_key)
        return read_checkpoint(note, keys=[key])
    except BundleInvalid as damage:
        raise WitnessUnreadable(f"the witnessed checkpoint: {damage}") from damage


def publish(folder: Path, note: str) -> None:
    """Replace what is witnessed, whole or not at all, and durably."""
    staged = folder / f".{FILE}.{os.getpid()}"
    try:
        with staged.open("w") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(folder / FILE)
        entry = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(entry)
        finally:
            os.close(entry)
    except OSError as trouble:
        raise WitnessUnreadable("the checkpoint cannot be written to WITNESS_DIR") from trouble


def require_extension(witnessed: TreeHead, *, origin: str, size: int, node: NodeAt) -> None:
    """Raise `TrailRestored` unless a stored trail begins with everything that was witnessed."""
    if witnessed.origin != origin:
        raise TrailRestored(f"the witness knows the trail {witnessed.origin}, this is {origin}")
    if witnessed.size > size:
        raise TrailRestored(f"the witness has seen {witnessed.size} facts, the database has {size}")
    if root_at(node, witnessed.size) != witnessed.root:
        raise TrailRestored(f"of the first {witnessed.size} facts some are not those witnessed")
