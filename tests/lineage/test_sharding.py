from collections import Counter
from dataclasses import replace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from lineage.sharding import HOLD_OUT, Shard, Sharding

KEY = b"k" * 32
PEOPLE = [UUID(int=n) for n in range(4000)]


SHARDING = Sharding(family="patients", shards=8, hold_out_permille=200, key=KEY)


def make_sharding(**changes) -> Sharding:
    return replace(SHARDING, **changes)


@given(st.uuids(), st.integers(1, 300), st.integers(0, 999))
def test_everybody_falls_into_one_known_shard_again_and_again(person, shards, permille):
    sharding = make_sharding(shards=shards, hold_out_permille=permille)

    shard = sharding.shard_of(person)

    assert shard == HOLD_OUT or 0 <= shard < shards
    assert sharding.shard_of(person) == shard == sharding.sharder()(person.bytes)


def test_shards_and_hold_out_have_their_declared_sizes():
    counts = Counter(make_sharding().shard_of(person) for person in PEOPLE)

    assert set(counts) == {HOLD_OUT, *map(Shard, range(8))}
    assert 700 < counts[HOLD_OUT] < 900
    assert all(300 < counts[Shard(shard)] < 500 for shard in range(8))


def test_without_a_hold_out_everybody_is_trained_on():
    sharding = make_sharding(hold_out_permille=0)

    assert HOLD_OUT not in {sharding.shard_of(person) for person in PEOPLE}


def test_the_number_of_shards_does_not_move_the_hold_out():
    def held_out(shards: int) -> set[UUID]:
        sharding = make_sharding(shards=shards)
        return {person for person in PEOPLE if sharding.shard_of(person) == HOLD_OUT}

    assert held_out(8) == held_out(16)


def test_families_and_keys_are_cut_differently():
    def cut(**changes: object) -> list[int]:
        return [make_sharding(**changes).shard_of(person) for person in PEOPLE[:100]]

    assert cut() != cut(family="others")
    assert cut() != cut(key=b"x" * 32)


def test_slices_are_drawn_apart_from_shards_and_have_like_sizes():
    sharding = make_sharding(hold_out_permille=0)
    slicer = sharding.slicer(4)

    counts = Counter((sharding.shard_of(one), slicer(one.bytes)) for one in PEOPLE)

    assert len(counts) == 8 * 4
    assert all(80 < count < 180 for count in counts.values())


def test_a_slice_depends_on_the_person_and_on_the_key():
    ours, others = make_sharding().slicer(4), make_sharding(key=b"o" * 32).slicer(4)

    assert [ours(one.bytes) for one in PEOPLE] == [ours(one.bytes) for one in PEOPLE]
    assert [ours(one.bytes) for one in PEOPLE] != [others(one.bytes) for one in PEOPLE]
