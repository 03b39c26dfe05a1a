import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.errors import TrailDamaged
from audits.merkle import (
    consistency_at,
    consistency_proof,
    hash_leaf,
    inclusion_at,
    inclusion_proof,
    root_at,
    root_of,
)
from audits.tiles import (
    ReadTile,
    Tile,
    entries_path,
    grow,
    node_in,
    pack_entries,
    tiles_of,
    unpack_entries,
)
from tests.audits.test_merkle import leaves_of

LEAVES = leaves_of(70_000)


def reader_of(tiles: dict[tuple[int, int], bytes]) -> ReadTile:
    return lambda level, index: tiles[level, index]


def stored(*steps: int) -> dict[tuple[int, int], bytes]:
    """Grow a tree to several sizes, one after the other, and return its tiles."""
    tiles: dict[tuple[int, int], bytes] = {}
    size = 0
    for step in steps:
        tiles.update(grow(reader_of(tiles), size=size, leaves=LEAVES[size:step]))
        size = step
    return tiles


def test_a_tile_index_is_written_in_steps_of_three_digits():
    assert Tile(level=0, index=1234067).path == "tile/0/x001/x234/067"
    assert Tile(level=2, index=0, width=1).path == "tile/2/000.p/1"
    assert entries_path(273, width=112) == "tile/entries/273.p/112"


def test_the_specifications_tree_of_70000_leaves_has_the_tiles_it_lists():
    tiles = list(tiles_of(70_000))

    partial = [tile for tile in tiles if tile.width < 256]
    assert partial == [
        Tile(level=0, index=273, width=112),
        Tile(level=1, index=1, width=17),
        Tile(level=2, index=0, width=1),
    ]
    assert len([tile for tile in tiles if tile.level == 0]) == 274
    assert len([tile for tile in tiles if tile.level == 1]) == 2
    assert len(tiles) == 277


def test_a_full_tile_stands_with_a_first_hash_above_it():
    assert list(tiles_of(256)) == [Tile(level=0, index=0), Tile(level=1, index=0, width=1)]
    assert list(tiles_of(0)) == []


def test_a_tree_of_three_levels_grown_in_uneven_steps_has_the_listed_tiles():
    tiles = stored(1, 255, 256, 257, 700, 65_536, 70_000)

    assert {place: len(hashes) // 32 for place, hashes in tiles.items()} == {
        (tile.level, tile.index): tile.width for tile in tiles_of(70_000)
    }
    node = node_in(reader_of(tiles))
    assert root_at(node, 70_000) == root_of(LEAVES)
    assert root_at(node, 300) == root_of(LEAVES[:300])


def test_a_proof_reads_few_tiles():
    tiles, reads = stored(70_000), []

    def read(level: int, index: int) -> bytes:
        reads.append((level, index))
        return tiles[level, index]

    proof = inclusion_at(node_in(read), index=40_000, size=70_000)

    assert proof == inclusion_proof(LEAVES, index=40_000)
    assert len(reads) == len(set(reads)) <= 5


@settings(deadline=None)
@given(st.lists(st.integers(1, 900), min_size=1, max_size=4).map(sorted), st.data())
def test_tiles_prove_what_leaves_in_memory_prove(steps, data):
    size = steps[-1]
    index, old_size = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    tiles = stored(*steps)
    node = node_in(reader_of(tiles))

    assert root_at(node, size) == root_of(LEAVES[:size])
    assert inclusion_at(node, index=index, size=size) == inclusion_proof(LEAVES[:size], index=index)
    assert consistency_at(node, old_size=old_size, size=size) == consistency_proof(
        LEAVES[:size], old_size=old_size
    )


def test_a_tile_that_is_too_narrow_is_damage():
    node = node_in(reader_of({(0, 0): b"".join(LEAVES[:3])}))

    assert node(0, 2) == LEAVES[2]
    with pytest.raises(TrailDamaged, match="too narrow"):
        node(0, 3)


def test_growing_on_a_missing_edge_is_damage():
    with pytest.raises(TrailDamaged, match="missing"):
        grow(reader_of({(0, 0): b""}), size=3, leaves=[hash_leaf(b"")])


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_an_entry_bundle_is_read_as_it_was_written(entries):
    assert unpack_entries(pack_entries(entries)) == entries


@pytest.mark.parametrize("bundle", [b"\x00", b"\x00\x02a", b"\x00\x01a\x00"])
def test_an_entry_bundle_that_ends_too_early_is_damage(bundle):
    with pytest.raises(TrailDamaged, match="too early"):
        unpack_entries(bundle)
