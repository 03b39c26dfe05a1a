import sys

import pyarrow as pa
import pytest

from lineage.sharding import HOLD_OUT
from training.columns import Feature, Kind
from training.reading import ShardRows
from training.tested import COMMON, inputs_tested
from training.trainers.protocol import ShardData

LARGEST = sys.float_info.max
FEATURES = (Feature(name="size", kind=Kind.NUMBER), Feature(name="ward", kind=Kind.TEXT))


def held_out(sizes, wards, people):
    table = pa.table({"size": pa.array(sizes, pa.float64()), "ward": pa.array(wards, pa.string())})
    return ShardRows(
        data=ShardData(
            shard=HOLD_OUT,
            features=FEATURES,
            label="label",
            table=table.append_column("label", pa.array(["x"] * len(people))),
        ),
        pseudonyms=tuple(person.to_bytes(2) for person in people),
        member_digest="",
        row_digest="",
    )


def test_a_range_has_many_people_at_or_beyond_each_end():
    sizes = [float(number) for number in range(1, 101)]

    said = inputs_tested(held_out(sizes, ["a"] * 100, range(100)))["size"]

    assert said == {"from": 10.0, "to": 91.0}
    assert sum(size <= 10.0 for size in sizes) >= COMMON
    assert sum(size >= 91.0 for size in sizes) >= COMMON


def test_one_person_with_many_rows_is_one_person():
    sizes = [*([5.0] * 100), *([1000.0] * 100)]
    people = [*range(100), *([100] * 100)]

    said = inputs_tested(held_out(sizes, ["common"] * 100 + ["rare"] * 100, people))

    assert said == {"size": {"from": 5.0, "to": 5.0}, "ward": {"among": ["common"]}}


def test_too_few_people_say_nothing():
    assert inputs_tested(held_out([1.0] * 19, [None] * 19, range(19))) == {}
    assert inputs_tested(held_out([None] * 30, ["a", "b", "c"] * 10, range(30))) == {
        "ward": {"among": ["a", "b", "c"]}
    }


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ((1234.5, 1266.0), (1200.0, 1300.0)),
        ((-0.0314, 0.0), (-0.032, 0.0)),
        ((0.3, 0.71), (0.3, 0.71)),
        ((-99.9, 99.9), (-100.0, 100.0)),
        ((5e-324, 1.2345e-310), (5e-324, 1.3e-310)),
        ((-1.7976e308, 1.7976e308), (-LARGEST, LARGEST)),
    ],
)
def test_ends_are_rounded_outwards_to_two_digits(sizes, said):
    ends = [size for size in sizes for _ in range(COMMON)]

    assert inputs_tested(held_out(ends, [None] * 20, range(20)))["size"] == {
        "from": said[0],
        "to": said[1],
    }
