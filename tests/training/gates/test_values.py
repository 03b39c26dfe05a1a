import pytest

from tests.training.memory import patients, source
from training.gates import parse
from training.gates.values import values
from training.reading import read_people


def judged(table, rules, *, names=()):
    found = read_people(source(table), names)
    return values(found, rules=parse({"columns": rules}), every_column=not names)


def test_nothing_is_looked_at_unless_something_is_declared():
    assert judged(patients(), {}) is None
    assert judged(patients(), {"age": {"least": 0}}, names=["size"]) is None


@pytest.mark.parametrize(
    "rule",
    [
        {"size": {"holds": "number", "least": 10, "most": 18}},
        {"size": {"holds": "whole number"}},
        {"ward": {"holds": "text", "allowed": ["north", "south", "east"]}},
        {"label": {"allowed": ["ill", "well"]}},
        {"size": {"fill": "mode"}},
        {"age": {"may_go": True}, "size": {}},
        {"age": {"back_filled_permille": 900}, "size": {}},
    ],
)
def test_columns_that_are_as_declared_pass(rule):
    assert judged(patients(), rule).passed


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"size": {"most": 17}}, "column size is not as declared in 6 rows (10.0 %), at most 0.0"),
        ({"size": {"least": 11}}, "column size is not as declared in 7 rows"),
        ({"ward": {"allowed": ["north"]}}, "column ward is not as declared in 30 rows (50.0 %)"),
        ({"label": {"allowed": ["well"]}}, "column label is not as declared in 40 rows"),
        ({"size": {"holds": "text"}}, "column size holds numbers, which is not as declared"),
        ({"size": {"allowed": ["ten"]}}, "column size holds numbers, which is not as declared"),
        ({"ward": {"least": 1}}, "column ward holds texts, which is not as declared"),
        ({"ward": {"holds": "whole number"}}, "column ward holds texts, which is not as declared"),
        ({"ward": {"fill": "median"}}, "column ward holds texts, which its rule for gaps"),
        ({"size": {"fill": {"constant": "x"}}}, "column size holds numbers, which its rule for"),
        ({"age": {"least": 0}}, "column age is declared, and is not there"),
        ({"age": {}, "size": {"most": 1}}, "column age is declared, and is not there; 1 more"),
    ],
)
def test_columns_that_are_not_as_declared_are_refused(rule, reason):
    verdict = judged(patients(), rule)

    assert not verdict.passed
    assert reason in verdict.reason


def test_halves_are_no_whole_numbers():
    halves = [10.5, *[10.0] * 59]

    assert not judged(patients(size=halves), {"size": {"holds": "whole number"}}).passed


def test_a_few_rows_may_be_out_of_range_if_that_is_declared():
    assert judged(patients(), {"size": {"most": 17, "outside_permille": 100}}).passed
    assert not judged(patients(), {"size": {"most": 17, "outside_permille": 99}}).passed


def test_what_is_missing_is_not_out_of_range():
    gaps = [None] * 10 + [12.0] * 50

    assert judged(patients(size=gaps), {"size": {"least": 12, "most": 12}}).passed
