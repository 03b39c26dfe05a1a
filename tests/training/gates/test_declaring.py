import json

import pytest

from training.errors import GatesInvalid
from training.filling import FillRule
from training.gates import USUAL, parse
from training.gates.rules import Holds

EVERYTHING = {
    "limits": {"duplicates_permille": 5, "missing_permille": 50},
    "day": {"column": "seen_on", "weekdays": [5, 1, 2, 3, 4], "by_weekday": True, "days_old": 2},
    "source": {"column": "clinic", "expected": ["south", "north"], "most_permille": 600},
    "near_duplicates": {"digits": 4},
    "drift": {"most": 0.2},
    "columns": {
        "age": {"holds": "whole number", "least": 0, "most": 120, "fill": {"constant": 40}},
        "ward": {"allowed": ["north", "south"], "fill": {"constant": "north"}},
        "size": {"fill": "median", "missing_permille": 300},
        "label": {"allowed": ["ill", "well"]},
        "note": {"may_go": True},
        "weight": {"back_filled_permille": 900, "fill": "refuse"},
    },
}


def test_who_declares_nothing_has_what_is_usual():
    assert parse({}) == USUAL
    assert parse({"day": None, "columns": {}}) == USUAL


def test_everything_that_can_be_declared_is_read():
    rules = parse(EVERYTHING)

    assert rules.limits.missing_permille == 50
    assert rules.limits.most_classes == 100
    assert rules.day is not None
    assert rules.day.weekdays == (1, 2, 3, 4, 5)
    assert rules.source is not None
    assert rules.source.expected == ("north", "south")
    assert rules.columns["age"].holds is Holds.WHOLE_NUMBER
    assert [(fill.column, fill.rule, fill.constant) for fill in rules.fills] == [
        ("age", FillRule.CONSTANT, 40.0),
        ("size", FillRule.MEDIAN, None),
        ("ward", FillRule.CONSTANT, "north"),
    ]
    assert rules.missing_limit("size") == 300
    assert rules.missing_limit("weight") == 0
    assert rules.missing_limit("age") == 50


def test_what_is_stored_reads_as_what_was_declared_and_holds_the_defaults():
    stored = json.loads(json.dumps(parse(EVERYTHING).as_json()))

    assert parse(stored) == parse(EVERYTHING)
    assert parse(stored).as_json() == stored
    assert stored["limits"]["new_categories_permille"] == 100
    assert stored["day"]["deviations"] == 5.0


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([], "rules: not an object"),
        ({"days": {}}, "rules: only columns, day, drift, drop_repeats"),
        ({"limits": {"missing_permile": 1}}, "limits: only doublings, duplicates_permille"),
        ({"limits": {"missing_permille": 1001}}, "limits.missing_permille: a whole number from 0"),
        ({"limits": {"missing_permille": True}}, "limits.missing_permille: a whole number"),
        ({"limits": {"missing_permille": "5"}}, "limits.missing_permille: a whole number"),
        ({"limits": {"missing_permille": 0.5}}, "limits.missing_permille: a whole number"),
        ({"day": {}}, "day.column: a text"),
        ({"day": {"column": "a\x00"}}, "day.column: a text of 1 to 200 printable"),
        ({"day": {"column": "d", "weekdays": [0]}}, "day.weekdays, an item: a whole number"),
        ({"day": {"column": "d", "weekdays": []}}, "day.weekdays: a list of weekdays"),
        ({"day": {"column": "d", "by_weekday": 1}}, "day.by_weekday: true or false"),
        ({"day": {"column": "d", "deviations": 0}}, "day.deviations: a number from 1 to 1000"),
        ({"day": {"column": "d", "deviations": float("nan")}}, "day.deviations: a number"),
        ({"source": {"column": "c", "expected": []}}, "source.expected: a list of 1"),
        ({"source": {"column": "c", "expected": ["a", "a"]}}, "source.expected: an item stands"),
        ({"source": {"column": "c", "most_permille": 0}}, "source.most_permille: a whole"),
        ({"near_duplicates": {"digits": 16}}, "near_duplicates.digits: a whole number from 1"),
        ({"drift": {"most": 0}}, "drift.most: a number from 0.01 to 100"),
        ({"columns": []}, "columns: an object of at most 500"),
        ({"columns": {"": {}}}, "columns, a name: a text"),
        ({"columns": {"\ud800": {}}}, "columns, a name: a text"),
        ({"columns": {"age": {"minimum": 1}}}, "columns.age: only allowed, back_filled_permille"),
        ({"columns": {"age": {"holds": "money"}}}, "columns.age.holds: one of number"),
        ({"columns": {"age": {"least": 2, "most": 1}}}, "columns.age: least is more than most"),
        ({"columns": {"age": {"least": 10**400}}}, "columns.age.least: a number from"),
        ({"columns": {"age": {"least": 1, "allowed": ["a"]}}}, "speak of texts and of numbers"),
        ({"columns": {"age": {"holds": "text", "most": 1}}}, "speak of texts and of numbers"),
        ({"columns": {"age": {"holds": "text", "fill": "median"}}}, "texts have no median"),
        ({"columns": {"age": {"fill": "mean"}}}, 'columns.age.fill: "median", "mode", "refuse"'),
        ({"columns": {"age": {"fill": {"constant": True}}}}, "columns.age.fill:"),
        ({"columns": {"age": {"fill": {"constant": 10**400}}}}, "columns.age.fill:"),
        ({"columns": {"age": {"fill": {"constant": float("inf")}}}}, "a finite number"),
        ({"columns": {"age": {"fill": {"constant": ""}}}}, "columns.age.fill.constant: a text"),
        ({"columns": {"age": {"least": 1, "fill": {"constant": "x"}}}}, "is not what the column"),
        ({"columns": {"age": {"least": 1, "fill": {"constant": 0}}}}, "is out of range"),
        ({"columns": {"age": {"allowed": ["a"], "fill": {"constant": "b"}}}}, "is not allowed"),
        ({"columns": {"age": {"fill": "refuse", "missing_permille": 5}}}, "fill refuses what"),
    ],
)
def test_a_declaration_that_is_wrong_is_refused_where_it_is_wrong(said, reason):
    with pytest.raises(GatesInvalid) as refused:
        parse(said)

    assert reason in str(refused.value)
