import json

import pytest

from tests.training.memory import patients, source
from training.profiles import COMMON, from_json, profile_of, share_outside
from training.reading import read_people


def profile(table):
    return profile_of(read_people(source(table), []))


def test_only_what_many_people_share_is_named():
    rare = ["isolation", *["north"] * 30, *["south"] * 29]

    found = profile(patients(ward=rare))

    assert found.common["ward"] == ("north", "south")
    assert found.common["label"] == ("ill", "well")
    assert found.outside == {"ward": 20, "label": 0}  # one of sixty rows, rounded up
    assert "isolation" not in json.dumps(found.as_json())


def test_a_category_of_one_person_with_many_rows_is_not_common():
    table = patients(40, who=["person-0"] * 20 + ["person-1"] * 20, ward=["x"] * 20 + ["y"] * 20)

    assert profile(table).common["ward"] == ()
    assert COMMON > 1


def test_the_size_of_numbers_is_kept_to_the_power_of_two():
    small, large = (profile(patients(size=[unit * 9.0] * 60)) for unit in (1, 1000))

    assert small.scale == {"size": 3}
    assert large.scale == {"size": 13}
    assert profile(patients(size=[8.5] * 60)) == small


def test_a_column_of_zeros_and_gaps_has_no_size():
    assert profile(patients(size=[0.0, None] * 30)).scale == {}


@pytest.mark.parametrize("rest", [0.0, None])
def test_the_size_of_a_few_peoples_numbers_is_not_kept(rest):
    few = [*([1e6] * (COMMON - 1)), *([rest] * (61 - COMMON))]

    assert profile(patients(size=few)).scale == {}
    assert profile(patients(size=[1e6, *few[:-1]])).scale == {"size": 20}


def test_a_profile_survives_a_manifest():
    found = profile(patients())

    assert from_json(json.loads(json.dumps(found.as_json()))) == found


@pytest.mark.parametrize(
    ("values", "share"), [(["a", "b", None], 500.0), ([], 0.0), ([None], 0.0), (["a"], 0.0)]
)
def test_the_share_of_other_values_leaves_gaps_out(values, share):
    assert share_outside(values, ["a"]) == share
