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


def read(table):
    return read_people(source(table), [])


def digests(people, **said):
    return {shard: people.once(**said).in_shard(shard).row_digest for shard in people.present()}


def test_what_repeats_a_persons_row_is_left_out_and_nobody_elses_is():
    table = patients(size=SIZES)
    twice = again(table, 5)
    of_others = again(table, 5, who=[f"new-{number}" for number in range(5)])

    assert digests(read(twice), digits=0) == digests(read(table), digits=None)
    assert read(of_others).once(0).table.num_rows == 65
    assert read(twice).once(None).table.num_rows == 65


def test_what_nearly_repeats_a_row_is_left_out_if_its_label_is_the_same():
    table = patients(size=SIZES)
    nearly = again(table, 2, size=[10.0001, 11.2501])
    labelled = again(table, 2, size=[10.0001, 11.2501], label=["ill", "well"])

    assert read(nearly).once(0).table.num_rows == 62
    assert read(nearly).once(4).table.num_rows == 60
    assert read(labelled).once(4).table.num_rows == 62


def test_which_row_stays_depends_on_no_order_and_on_nobody_else():
    nearly = again(patients(size=SIZES), 20, size=[one + 0.0001 for one in SIZES[:20]])
    backwards = nearly.take(list(range(nearly.num_rows))[::-1])
    alone = nearly.filter(pa.array([who == "person-3" for who in nearly["who"].to_pylist()]))

    assert digests(read(nearly), digits=4) == digests(read(backwards), digits=4)
    (shard,) = read(alone).present()
    everybody = read(nearly).once(4)
    kept = read(alone).once(4).table["size"].to_pylist()
    mine = [n for n, who in enumerate(everybody.pseudonyms) if who == read(alone).pseudonyms[0]]
    assert everybody.shards[mine[0]] == shard
    assert [everybody.table["size"][n].as_py() for n in mine] == kept


@pytest.mark.parametrize(
    ("said", "once"),
    [
        ({}, None),
        ({"drop_repeats": True}, 0),
        ({"near_duplicates": {"digits": 5}, "drop_repeats": True}, 0),
        ({"near_duplicates": {"digits": 5, "drop": True}}, 5),
    ],
)
def test_what_is_left_out_is_declared(said, once):
    assert parse(said).once == once
