import pytest

from training.errors import DataRefused
from training.plans import Recipe
from training.releases import plan_of_release, read_release

RESULT = {
    "keys": ["ill", "well"],
    "counts": {"ill": 40, "well": 0},
    "sums": {"size": {"ill": 600.0, "well": 3.0}, "age": {"ill": 2000.0, "well": 10.0}},
    "means": {"size": {"ill": 15.1, "well": 10.0}},
    "bounds": {"size": [0.0, 20.0], "age": [0.0, 100.0]},
}


def read(result=RESULT, *, keys="label", label="label", names=()):
    return read_release(result, keys=keys, label=label, names=names)


def test_released_means_are_taken_and_others_are_made_of_sums():
    data = read()

    assert [feature.name for feature in data.features] == ["age", "size"]
    assert data.means == {
        "size": {"ill": 15.1, "well": 10.0},
        "age": {"ill": 50.0, "well": 10.0},  # a noisy count of 0 divides nothing
    }
    assert data.bounds["size"] == (0.0, 20.0)


def test_named_features_come_in_the_models_order():
    assert [feature.name for feature in read(names=["size"]).features] == ["size"]


@pytest.mark.parametrize(
    ("changes", "said", "reason"),
    [
        ({}, {"keys": "ward"}, "grouped by ward, and the label is label"),
        ({"counts": {"ill": 1}}, {}, "fewer than two classes"),
        ({"sums": {}}, {}, "no sum of any column"),
        ({"counts": {}}, {}, "fewer than two classes"),
        ({}, {"names": ["weight"]}, "no sum of weight"),
    ],
)
def test_a_release_of_something_else_is_refused(changes, said, reason):
    with pytest.raises(DataRefused, match=reason):
        read(RESULT | changes, **said)


def test_a_release_is_one_piece_with_a_key_of_its_content():
    recipe = Recipe(model="triage", revision="release-centroids 1", parameters={})
    other = RESULT | {"means": {"size": {"ill": 15.2, "well": 10.0}}}

    first, again, changed = (
        plan_of_release(read(result), recipe) for result in (RESULT, RESULT, other)
    )

    assert first == again
    assert [shard.shard for shard in first.shards] == [0]
    assert first.shards[0].key != changed.shards[0].key
    assert first.hold_out is None
    assert first.people == 0
