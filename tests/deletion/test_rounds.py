import pytest

from deletion.rounds import MOST_ROUNDS, next_round
from lineage.stores.errors import ChangedMeanwhile
from lineage.stores.protocol import Part


def part(name="a", digest="1"):
    return Part(name=name, digest=digest, rows=1, size_bytes=1)


def test_at_first_every_part_is_unknown():
    assert next_round([part()], proven={}, rounds=0, settled=()) == (part(),)


def test_a_place_that_is_as_it_was_proven_is_done():
    assert next_round([part()], proven={"a": "1"}, rounds=1, settled=()) == ()


def test_a_part_that_appeared_meanwhile_gets_a_round():
    listed = [part(), part("b")]

    assert next_round(listed, proven={"a": "1"}, rounds=1, settled=()) == (part("b"),)
    assert next_round(listed, proven={"a": "1"}, rounds=5, settled=()) == (part("b"),)


def test_a_part_that_changed_since_it_was_proven_is_looked_at_again():
    changed = part(digest="2")

    assert next_round([changed], proven={"a": "1"}, rounds=1, settled=()) == (changed,)


def test_a_table_that_is_never_still_ends_when_looking_again_found_nobody():
    changed = part(digest="3")

    assert next_round([changed], proven={"a": "2"}, rounds=2, settled={"a"}) == ()
    assert next_round([changed], proven={"a": "2"}, rounds=2, settled=()) == (changed,)


def test_another_part_that_settled_is_no_reason_to_drop_one_that_changed():
    changed = part(digest="3")
    proven = {"a": "2", "b": "1"}

    assert next_round([changed, part("b")], proven=proven, rounds=2, settled={"b"}) == (changed,)


def test_a_part_that_is_gone_needs_nothing():
    assert next_round([], proven={"a": "1"}, rounds=1, settled=()) == ()


def test_a_place_where_parts_keep_appearing_is_a_persons_problem():
    with pytest.raises(ChangedMeanwhile):
        next_round([part("b")], proven={"a": "1"}, rounds=MOST_ROUNDS, settled=())
