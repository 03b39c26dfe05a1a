from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.marks import Marks, in_copy_format

# Zero bytes at the end are where a fixed-width array could confuse two marks.
uuids = st.uuids() | st.integers(0, 2**128 - 1).map(lambda n: UUID(int=n >> 64 << 64))
collections = st.lists(uuids, max_size=20)


@given(collections)
def test_they_are_the_sorted_set_of_what_was_put_in(uuids):
    marks = Marks.of(uuids)

    assert list(marks) == sorted(set(uuids))
    assert [marks[i] for i in range(len(marks))] == sorted(set(uuids))
    assert marks.packed == b"".join(uuid.bytes for uuid in sorted(set(uuids)))


@given(collections, collections)
def test_common_is_the_intersection(some, others):
    assert set(Marks.of(some).common(Marks.of(others))) == set(some) & set(others)


@given(collections, uuids)
def test_membership_is_that_of_a_set(some, one):
    marks = Marks.of(some)

    assert (one in marks) == (one in set(some))
    assert all(mark in marks for mark in some)


@given(collections, st.randoms())
def test_equal_sets_have_equal_digests_in_any_order(uuids, random):
    shuffled = random.sample(uuids, len(uuids))

    assert Marks.of(shuffled + uuids) == Marks.of(uuids)
    assert hash(Marks.of(shuffled)) == hash(Marks.of(uuids))
    assert Marks.of(shuffled).digest == Marks.of(uuids).digest


def test_the_digest_is_sha256_over_the_sorted_bytes():
    one, two = UUID(int=1), UUID(int=2)

    assert Marks.of([two, one]).digest == sha256(one.bytes + two.bytes).hexdigest()


def test_a_slice_is_a_set_and_a_wrong_place_is_an_error():
    marks = Marks.of([UUID(int=3), UUID(int=1), UUID(int=2)])

    assert list(marks[1:]) == [UUID(int=2), UUID(int=3)]
    assert marks[-1] == UUID(int=3)
    with pytest.raises(IndexError):
        marks[3]


def test_other_things_are_neither_members_nor_equal():
    marks = Marks.of([UUID(int=1)])

    assert "x" not in marks
    assert marks != [UUID(int=1)]
    assert UUID(int=1) not in Marks()


def test_their_description_names_nobody():
    assert repr(Marks.of([UUID(int=1)])) == "<1 marks>"


def test_rows_are_packed_as_postgresql_reads_them():
    one = UUID(int=1)

    packed = in_copy_format(Marks.of([one]), [-1])

    assert packed == (
        b"PGCOPY\n\xff\r\n\x00" + bytes(8)  # signature, flags, no extension
        + b"\x00\x02"  # two fields
        + b"\x00\x00\x00\x10" + one.bytes
        + b"\x00\x00\x00\x02" + b"\xff\xff"
        + b"\xff\xff"  # the end
    )  # fmt: skip
