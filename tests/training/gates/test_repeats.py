import pyarrow as pa
import pytest

from tests.training.memory import patients, source
from training.gates import parse
from training.gates.repeats import near_duplicates
from training.reading import read_people

SIZES = [10.0 + number * 1.25 for number in range(60)]


def judged(table, **said):
    return near_duplicates(
        read_people(source(table), []), rules=parse({"near_duplicates": {**said}})
    )


def again(table, rows, **changes):
    """Return a table with its first rows once more, changed."""
    some = table.slice(0, rows)
    for name, values in changes.items():
        some = some.set_column(some.column_names.index(name), name, pa.array(values))
    return pa.concat_tables([table, some])


def test_nothing_is_looked_at_unless_it_is_declared():
    found = read_people(source(patients(size=SIZES)), [])

    assert near_duplicates(found, rules=parse({})) is None


@pytest.mark.parametrize(
    ("changes", "same", "other"),
    [
        ({"size": [10.0001, 11.2501]}, 32.3, 0.0),
        ({"ward": ["  NORTH", "So\N{LATIN SMALL LETTER U}th\N{NO-BREAK SPACE}"]}, 32.3, 0.0),
        ({"label": ["well", "well"]}, 32.3, 0.0),
        ({"size": [10.1, 11.4]}, 0.0, 0.0),
        ({"who": ["new-0", "new-1"]}, 0.0, 32.3),
        ({"who": ["new-0", "new-1"], "size": [10.0001, 11.2501]}, 0.0, 32.3),
    ],
)
def test_what_agrees_in_the_declared_digits_is_the_same(changes, same, other):
    verdict = judged(again(patients(size=SIZES), 2, **changes), digits=4)

    assert verdict.measured["of the same person, permille"] == same
    assert verdict.measured["of other people, permille"] == other
    assert verdict.passed == (same == other == 0.0)


def test_each_limit_is_its_own():
    same, other = (
        again(patients(size=SIZES), 2),
        again(patients(size=SIZES), 2, who=["new-0", "new-1"]),
    )

    assert judged(same, digits=4, same_person_permille=33).passed
    assert judged(other, digits=4, other_people_permille=33).passed
    assert "a row of somebody else: 3.2 %" in judged(other, digits=4).reason


def test_gaps_and_zeros_are_like_one_another():
    sizes = [*SIZES[:56], None, None, 0.0, -0.0]
    wards = ["north"] * 60

    verdict = judged(patients(size=sizes, ward=wards), digits=6, other_people_permille=1000)

    assert verdict.measured["of other people, permille"] == 33.3
