"""The recipe that the demo draws, on the data that it was written for: 569 real patients."""

from typing import Any

import pyarrow as pa
import pytest
from sklearn.datasets import load_breast_cancer

from privacy import mechanisms, recipes
from privacy.ledger import MOST
from tests.privacy.builders import draw, example_declaration

NORMAL = 6.5  # standard deviations that a normal value exceeds less than once in 10^10


@pytest.fixture(scope="module")
def patients() -> pa.Table:
    data = load_breast_cancer()
    columns = {
        "patient_id": [f"PAT-{n:06}" for n in range(len(data.target))],
        "diagnosis": pa.array(
            [data.target_names[label] for label in data.target]
        ).dictionary_encode(),
    }
    for number, name in enumerate(data.feature_names):
        columns[name.replace(" ", "_")] = data.data[:, number]
    return pa.table(columns)


def example(**changes: Any) -> recipes.Recipe:
    return recipes.parse({**example_declaration(), **changes})


def truth(patients: pa.Table, column: str, key: str) -> tuple[Any, int]:
    rows = patients.filter(pa.compute.equal(patients["diagnosis"], key))
    return rows[column].to_numpy(), len(rows)


def test_the_example_costs_an_epsilon_of_about_one_and_a_half():
    priced = mechanisms.plan(example())

    assert 1 < priced.epsilon < 2
    assert priced.nano_rho <= 50_000_000


def test_no_value_of_the_data_lies_beyond_the_published_bounds(patients):
    for value in example().values:
        column = patients[value.column].to_numpy()

        assert float(value.lower) <= column.min()
        assert column.max() <= float(value.upper)


def test_what_is_drawn_is_near_the_truth_by_as_much_as_it_says(patients):
    recipe = example()

    result = draw(recipe, patients)

    deviation = {noise.column: float(noise.deviation) for noise in mechanisms.plan(recipe).noise}
    for key in ("benign", "malignant"):
        _, count = truth(patients, "mean_radius", key)
        assert abs(result.counts[key] - count) < NORMAL * deviation[""] + 1
        for value in recipe.values:
            numbers, count = truth(patients, value.column, key)
            about_middle = result.sums[value.column][key] - float(value.middle) * result.counts[key]
            true_sum = numbers.sum() - float(value.middle) * count
            rounding = count * float(value.step) / 2 + 1e-6
            margin = NORMAL * deviation[value.column] + rounding
            assert abs(about_middle - true_sum) < margin


def test_a_classifier_that_knows_only_the_release_tells_the_diagnoses_apart(patients):
    # Little noise, so that chance does not decide the test; docs quote what the real budget gives.
    training, hold_out = patients.slice(0, 455), patients.slice(455)
    recipe = example(budget={"nano_rho": MOST, "delta": 0.000001})
    drawn: Any = draw(recipe, training).as_json()

    def distance(row: dict[str, Any], key: str) -> Any:
        mean = {
            column: by_key[key] / drawn["counts"][key] for column, by_key in drawn["sums"].items()
        }
        width = {column: upper - lower for column, (lower, upper) in drawn["bounds"].items()}
        return sum(((row[column] - mean[column]) / width[column]) ** 2 for column in mean)

    right = [
        (distance(row, "benign") < distance(row, "malignant")) == (row["diagnosis"] == "benign")
        for row in hold_out.to_pylist()
    ]

    assert sum(right) / len(right) >= 0.85
