"""The whole trail as a folder in the layout of C2SP tlog-tiles, and the check that recomputes it.

Any reader of that layout checks it as well: a tile's hashes, the entries they are made of, and the
signed checkpoint over all of them.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from audits.bundle import KEYS, ignore, keys_file, read_file, read_keys
from audits.entries import read_entry
from audits.errors import BundleInvalid, TrailDamaged
from audits.merkle import HASH_SIZE, Hash, hash_leaf, hash_perfect, root_at
from audits.notes import NoteKey, SealedCheckpoint, TreeHead, read_checkpoint
from audits.tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    ReadTile,
    Tile,
    entries_path,
    node_in,
    pack_entries,
    tiles_of,
    unpack_entries,
)

CHECKPOINT: Final = "checkpoint"

_REQUEST: Final = "request/"

ReadEntries = Callable[[int, int], list[bytes]]
"""Return the entries from one index up to, not including, another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailVerdict:
    """What an exported trail proves."""

    head: TreeHead
    trail_key: NoteKey


def is_export(folder: Path) -> bool:
    """Say whether a folder holds an exported trail rather than a bundle."""
    return (folder / CHECKPOINT).exists()


def write_export(
    folder: Path,
    *,
    checkpoint: SealedCheckpoint,
    trail_key: NoteKey,
    read_tile: ReadTile,
    read_entries: ReadEntries,
) -> int:
    """Write the tiles, entries and note of a checkpoint; return the number of files.

    The checkpoint comes last: a folder that has it is whole.
    """
    files = 0
    for tile in tiles_of(checkpoint.size):
        hashes = read_tile(tile.level, tile.index)[: tile.width * HASH_SIZE]
        _write(folder / tile.path, hashes)
        files += 1
        if tile.level == 0:
            begin = tile.index * TILE_WIDTH
            entries = read_entries(begin, begin + tile.width)
            _write(folder / entries_path(tile.index, width=tile.width), pack_entries(entries))
            files += 1
    _write(folder / KEYS, keys_file(trail=trail_key))
    _write(folder / CHECKPOINT, checkpoint.note.encode())
    return files + 2


def verify_export(
    folder: Path,
    *,
    trail_key: NoteKey | None = None,
    older: Path | None = None,
    passed: Callable[[str], None] = ignore,
) -> TrailVerdict:
    """Recompute the whole trail from its entries; raise `BundleInvalid` where anything differs.

    `older` is a checkpoint that somebody kept: the trail must begin with what it describes. That is
    what catches an insider who holds the key and rewrote the past.
    """
    key = read_keys(folder, {"trail": trail_key})["trail"]
    head = _checkpoint(folder / CHECKPOINT, key)
    passed(f"the checkpoint of {head.origin} over {head.size} facts is signed by its key")
    try:
        _compare_tiles(folder, head.size)
    except TrailDamaged as damage:
        raise BundleInvalid(str(damage)) from damage
    passed(f"every hash in {sum(1 for _ in tiles_of(head.size))} tiles was made from the entries")
    node = node_in(lambda level, index: _tile_file(folder, head.size, level, index))
    if root_at(node, head.size) != head.root:
        raise BundleInvalid("the entries do not have the root that was signed")
    passed("the entries have the root that was signed")
    if older is not None:
        old = _checkpoint(older, key)
        if old.size > head.size or root_at(node, old.size) != old.root:
            raise BundleInvalid(
                f"the trail does not begin with the {old.size} facts of the older checkpoint"
            )
        passed(f"the trail begins with the {old.size} facts of the older checkpoint")
    return TrailVerdict(head=head, trail_key=key)


def requests_beyond(folder: Path, *, kept: TreeHead, key: NoteKey) -> tuple[int, list[str]]:
    """Return how far an export goes, and the requests of which it tells facts beyond a head.

    The export is checked as a whole, and must begin with what was kept.
    """
    head = verify_export(folder, trail_key=key).head
    node = node_in(lambda level, index: _tile_file(folder, head.size, level, index))
    if kept.size > head.size or root_at(node, kept.size) != kept.root:
        raise BundleInvalid(f"the export does not begin with the {kept.size} facts of the database")
    found: dict[str, None] = {}
    for tile in tiles_of(head.size):
        begin = tile.index * TILE_WIDTH
        if tile.level == 0 and begin + tile.width > kept.size:
            name = entries_path(tile.index, width=tile.width)
            for index, entry in enumerate(unpack_entries(read_file(folder, name)), start=begin):
                about = read_entry(entry, index=index).about if index >= kept.size else ""
                if about.startswith(_REQUEST):
                    found[about.removeprefix(_REQUEST)] = None
    return head.size, list(found)


def _compare_tiles(folder: Path, size: int) -> None:
    """Compute each tile from what is below it and compare it with the stored one."""
    risen: defaultdict[int, list[Hash]] = defaultdict(list)
    for tile in tiles_of(size):
        if tile.level == 0:
            name = entries_path(tile.index, width=tile.width)
            hashes = [hash_leaf(entry) for entry in unpack_entries(read_file(folder, name))]
        else:
            begin = tile.index * TILE_WIDTH
            hashes = risen[tile.level - 1][begin : begin + tile.width]
        if len(hashes) != tile.width or read_file(folder, tile.path) != b"".join(hashes):
            raise BundleInvalid(f"{tile.path} was not made from the entries below it")
        if tile.width == TILE_WIDTH:
            risen[tile.level].append(hash_perfect(hashes))


def _tile_file(folder: Path, size: int, level: int, index: int) -> bytes:
    full, partial = divmod(size >> (TILE_HEIGHT * level), TILE_WIDTH)
    width = TILE_WIDTH if index < full else partial
    return read_file(folder, Tile(level=level, index=index, width=width).path)


def _checkpoint(file: Path, key: NoteKey) -> TreeHead:
    try:
        note = read_file(file.parent, file.name).decode()
    except UnicodeDecodeError as exc:
        raise BundleInvalid(f"{file.name} is not text") from exc
    head = read_checkpoint(note, keys=[key])
    if head.origin != key.name:
        raise BundleInvalid("the checkpoint is of another trail than its key")
    return head


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
