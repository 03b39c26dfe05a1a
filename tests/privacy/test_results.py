import json
from decimal import Decimal
from typing import Any

from privacy import mechanisms
from privacy.results import result_of
from tests.privacy.builders import parsed

SIZE = {"column": "size", "bounds": [0, 10], "step": 0.5, "provenance": "codebook"}
COUNT, MEAN, SUM = (
    {"kind": "count"},
    {"kind": "mean", "column": "size"},
    {"kind": "sum", "column": "size"},
)


def scaled(drawn: dict[str, list[int]], **changes: Any) -> Any:
    recipe = parsed(**{"values": [SIZE], **changes})
    return result_of(recipe, mechanisms.plan(recipe), drawn)


def test_a_mean_is_the_middle_and_what_was_drawn_about_it():
    # Half steps of 0.25: 40 of them are 10, over 20 people that is half a unit above the middle.
    result = scaled({"q0": [20, 10], "q1": [40, -200]})

    assert result.counts == {"ward 0": 20, "ward 1": 10}
    assert result.means == {"size": {"ward 0": 5.5, "ward 1": 0.0}}
    assert result.sums == {"size": {"ward 0": 110.0, "ward 1": 0.0}}


def test_the_order_of_the_questions_does_not_matter():
    result = scaled({"q0": [40, -200], "q1": [20, 10]}, operations=[MEAN, COUNT])

    assert result.means == {"size": {"ward 0": 5.5, "ward 1": 0.0}}


def test_a_sum_is_drawn_in_steps_and_needs_no_count():
    result = scaled({"q0": [7, -3]}, operations=[SUM])

    assert result.sums == {"size": {"ward 0": 3.5, "ward 1": -1.5}}
    assert result.counts == {}
    assert result.means == {}


def test_a_count_of_nobody_or_less_gives_a_mean_within_the_bounds():
    result = scaled({"q0": [0, -4], "q1": [1000, -1000]})

    assert result.counts == {"ward 0": 0, "ward 1": -4}  # as drawn: cutting at zero would be a bias
    assert result.means == {"size": {"ward 0": 10.0, "ward 1": 0.0}}


def test_keys_are_named_as_json_names_them():
    keys = {"column": "ward", "values": [True, False], "provenance": "codebook"}
    numbers = {"column": "ward", "values": [10, -1], "provenance": "codebook"}

    assert scaled({"q0": [1, 2]}, keys=keys, operations=[COUNT], values=[]).counts == {
        "true": 1,
        "false": 2,
    }
    assert scaled({"q0": [1, 2]}, keys=numbers, operations=[COUNT], values=[]).counts == {
        "10": 1,
        "-1": 2,
    }


def test_the_stored_form_has_everything_a_trainer_and_an_error_bar_need():
    stored = scaled({"q0": [20, 10], "q1": [40, -200]}).as_json()

    assert json.loads(json.dumps(stored)) == stored
    assert stored | {"noise": ...} == {
        "keys": ["ward 0", "ward 1"],
        "counts": {"ward 0": 20, "ward 1": 10},
        "sums": {"size": {"ward 0": 110.0, "ward 1": 0.0}},
        "means": {"size": {"ward 0": 5.5, "ward 1": 0.0}},
        "bounds": {"size": [0.0, 10.0]},
        "noise": ...,
        "rho": 0.1,
        "epsilon": "2.141939",
        "delta": "0.000001",
        "library": "opendp==0.16.0",
    }
    count, mean = stored["noise"]
    assert (count["operation"], count["column"]) == ("count", "")
    assert (mean["operation"], mean["column"]) == ("mean", "size")
    assert abs(Decimal(mean["deviation"]) / Decimal(count["deviation"]) - 5) < Decimal("1e-9")
