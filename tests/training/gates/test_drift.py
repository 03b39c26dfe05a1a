import math

import pytest

from tests.training.memory import patients, source
from training.gates import parse
from training.gates.drift import drift, stability_index
from training.profiles import profile_of
from training.reading import read_people

SIZES = [10.0 + number % 50 for number in range(400)]


def judged(table, *, before=None, most=0.25):
    earlier = None if before is None else profile_of(read_people(source(before), []))
    found = read_people(source(table), [])
    return drift(found, rules=parse({"drift": {"most": most}}), before=earlier)


def test_the_index_is_that_of_the_literature():
    # (0.7 - 0.5) ln(0.7 / 0.5) + (0.3 - 0.5) ln(0.3 / 0.5)
    by_hand = 0.2 * math.log(1.4) - 0.2 * math.log(0.6)

    assert stability_index([500, 500], [700, 300]) == pytest.approx(by_hand)
    assert stability_index([500, 500], [500, 500]) == 0.0
    assert stability_index([500, 500], [1000, 0]) == pytest.approx(
        0.5 * math.log(2) - 0.495 * math.log(0.01)
    )
    assert stability_index([0, 0], [0, 0]) == 0.0


def test_it_is_not_measured_unless_it_is_declared():
    assert drift(read_people(source(patients()), []), rules=parse({}), before=None) is None


def test_a_first_version_is_compared_with_nothing():
    assert judged(patients()).reason == "there is no good version to compare with"


def test_the_same_data_has_not_drifted():
    table = patients(400, size=SIZES)

    verdict = judged(table, before=table)

    assert verdict.passed
    assert verdict.measured["by column"]["size"] < 0.02  # shares were rounded to a hundredth


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("size", [one + 15 for one in SIZES]),
        ("size", [None] * 120 + SIZES[120:]),
        ("ward", ["north"] * 360 + ["south"] * 40),
        ("label", ["ill"] * 40 + ["well"] * 360),
    ],
)
def test_a_column_that_has_drifted_is_named(column, values):
    before = patients(400, size=SIZES)
    now = before.set_column(before.column_names.index(column), column, [values])

    verdict = judged(now, before=before)

    assert not verdict.passed
    assert f"column {column} has drifted" in verdict.reason


def test_a_column_that_is_not_there_or_another_kind_is_left_to_the_other_gates():
    before = patients(400, size=SIZES)

    assert judged(before.drop(["size"]), before=before).passed
    words = before.set_column(1, "size", [["a", "b"] * 200])
    assert "size" not in judged(words, before=before).measured["by column"]
