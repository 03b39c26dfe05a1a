"""The tree cut into tiles of 256 hashes (C2SP tlog-tiles): which there are, and what they say.

A proof reads a number of tiles that grows with the logarithm of the tree, whoever stores them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from audits.errors import TrailDamaged
from audits.merkle import HASH_SIZE, Hash, NodeAt, hash_perfect

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
ENTRY_LIMIT: Final = (1 << 16) - 1  # an entry bundle gives the length in two bytes

ReadTile = Callable[[int, int], bytes]
"""Return the hashes of the tile of a level at an index; more than are asked for does no harm."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Tile:
    """One tile of a tree of a certain size; the last of each level may be partial."""

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """The tile's name below the log's address."""
        return f"tile/{self.level}/{_path(self.index, self.width)}"


def entries_path(index: int, *, width: int = TILE_WIDTH) -> str:
    """Return the name of the entry bundle that belongs to a tile of level 0."""
    return f"tile/entries/{_path(index, width)}"


def tiles_of(size: int) -> Iterator[Tile]:
    """List the tiles of a tree, level by level."""
    level, hashes = 0, size
    while hashes:
        full, partial = divmod(hashes, TILE_WIDTH)
        for index in range(full):
            yield Tile(level=level, index=index)
        if partial:
            yield Tile(level=level, index=full, width=partial)
        level, hashes = level + 1, full


def pack_entries(entries: Sequence[bytes]) -> bytes:
    """Write an entry bundle: each entry after its length in two bytes."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unpack_entries(bundle: bytes) -> list[bytes]:
    """Read an entry bundle; raise `TrailDamaged` where it ends too early."""
    entries, at = [], 0
    while at < len(bundle):
        begin = at + 2
        at = begin + int.from_bytes(bundle[at:begin], "big")
        if at > len(bundle) or begin > len(bundle):
            raise TrailDamaged("an entry bundle ends too early")
        entries.append(bundle[begin:at])
    return entries


def node_in(read: ReadTile) -> NodeAt:
    """Return the door to perfect subtrees of any height; each tile is read once."""
    seen: dict[tuple[int, int], bytes] = {}

    def node(height: int, position: int) -> Hash:
        level, above = divmod(height, TILE_HEIGHT)
        first = position << above
        place = (level, first // TILE_WIDTH)
        if place not in seen:
            seen[place] = read(*place)
        offset = first % TILE_WIDTH
        return hash_perfect(_hashes(seen[place], offset, offset + (1 << above)))

    return node


def grow(read: ReadTile, *, size: int, leaves: Sequence[Hash]) -> dict[tuple[int, int], bytes]:
    """Append leaf hashes to a tree of a size; return every tile that changes, by level and index.

    Only the right edge is read: one tile a level at most.
    """
    changed: dict[tuple[int, int], bytes] = {}
    level, count, added = 0, size, list(leaves)
    while added:
        index, width = divmod(count, TILE_WIDTH)
        edge = b"".join(_hashes(read(level, index), 0, width)) if width else b""
        row = edge + b"".join(added)
        risen = []
        for at in range(0, len(row), TILE_WIDTH * HASH_SIZE):
            hashes = row[at : at + TILE_WIDTH * HASH_SIZE]
            changed[level, index + at // (TILE_WIDTH * HASH_SIZE)] = hashes
            if len(hashes) == TILE_WIDTH * HASH_SIZE:
                risen.append(hash_perfect(_hashes(hashes, 0, TILE_WIDTH)))
        level, count, added = level + 1, index, risen
    return changed


def _hashes(tile: bytes, begin: int, end: int) -> list[Hash]:
    if len(tile) < end * HASH_SIZE:
        raise TrailDamaged("a tile is missing or too narrow")
    return [Hash(tile[i * HASH_SIZE : (i + 1) * HASH_SIZE]) for i in range(begin, end)]


def _path(index: int, width: int) -> str:
    """Write an index as three-digit steps: 1234067 is `x001/x234/067`."""
    last, rest = f"{index % 1000:03d}", index // 1000
    while rest:
        last, rest = f"x{rest % 1000:03d}/{last}", rest // 1000
    return last if width == TILE_WIDTH else f"{last}.p/{width}"
