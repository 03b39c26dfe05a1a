from dataclasses import replace

import pytest

from lineage.sharding import HOLD_OUT, Shard
from tests.training.memory import SHARDING, mark, patients, shard_of, source
from training.columns import Feature, Kind
from training.errors import ArtefactMismatch, DataRefused
from training.fitting import fit_release, fit_rows, read_shard
from training.plans import Recipe, plan_of
from training.profiles import profile_of
from training.reading import read_people
from training.releases import plan_of_release
from training.trainers import trainer_named
from training.trainers.protocol import ReleaseData

PEOPLE = trainer_named("sharded-sklearn")
RECIPE = Recipe(model="triage", revision="1", parameters={})
RELEASE = ReleaseData(
    features=(Feature(name="size", kind=Kind.NUMBER),),
    counts={"ill": 1, "well": 2},
    means={"size": {"ill": 1.0, "well": 2.0}},
    bounds={"size": (0.0, 3.0)},
)


def planned(table, recipe=RECIPE):
    people = read_people(source(table), [])
    return plan_of(people, recipe, profile=profile_of(people))


def fit(table, plan, recipe=RECIPE, *, place=0, before=None):
    shard = plan.shards[place]
    rows = read_shard(source(table), plan.features, shard.shard, slices=recipe.slices)
    return fit_rows(PEOPLE, rows, planned=shard, recipe=recipe, before=before)


def test_a_planned_shard_is_read_again_and_fitted_the_same_each_time():
    plan = planned(patients())

    first, again = (fit(patients(), plan) for _ in range(2))

    assert first == again


def test_other_rows_than_those_that_were_checked_are_not_fitted():
    plan = planned(patients())
    other = patients(size=[1.0] * 60)

    with pytest.raises(ArtefactMismatch, match="other rows"):
        fit(other, plan)


SLICED = Recipe(
    model="triage", revision="1", parameters={"estimator": "sgd", "slices": 3}, slices=3
)


def test_a_slice_is_fitted_onto_those_before_it():
    plan = planned(patients(), SLICED)
    places = [place for place, one in enumerate(plan.shards) if one.shard == Shard(0)]

    before = None
    for place in places:
        before = fit(patients(), plan, SLICED, place=place, before=before)

    assert len(places) == 3
    assert before == fit(patients(), plan, SLICED, place=places[-1])


def test_other_rows_in_an_earlier_slice_than_were_checked_are_not_fitted():
    table = patients()
    plan = planned(table, SLICED)
    place = next(n for n, one in enumerate(plan.shards) if (one.shard, one.slice) == (0, 1))
    early = next(
        row
        for row, who in enumerate(table["who"].to_pylist())
        if shard_of(who) == Shard(0) and SHARDING.slicer(3)(mark(who).bytes) == 0
    )
    size = [99.0 if row == early else value for row, value in enumerate(table["size"].to_pylist())]

    with pytest.raises(ArtefactMismatch, match="other rows"):
        fit(patients(size=size), plan, SLICED, place=place)


def test_the_hold_out_can_be_read_but_is_in_no_shard():
    table = patients()
    features = planned(table).features
    held_out = {mark(who).bytes for who in table["who"].to_pylist() if shard_of(who) == HOLD_OUT}

    shards = [read_shard(source(table), features, Shard(number)) for number in range(3)]

    assert held_out
    assert set(read_shard(source(table), features, HOLD_OUT).pseudonyms) == held_out
    assert not held_out & {one for shard in shards for one in shard.pseudonyms}


@pytest.mark.parametrize("only", [Shard(0), HOLD_OUT])
def test_somebody_who_is_not_registered_stops_the_reading(only):
    table = patients()
    members = {mark(who): shard_of(who) for who in table["who"].to_pylist()[1:]}

    with pytest.raises(DataRefused, match="not a registered member"):
        read_shard(source(table, members=members), planned(table).features, only)


def test_held_out_people_among_the_fitted_are_counted_and_refused(monkeypatch):
    table = patients()
    wanted = source(table)
    fitted = next(who for who in table["who"].to_pylist() if shard_of(who) == Shard(0))
    # Reading does not let this happen; the count beside it must not rely on that.
    monkeypatch.setattr(
        "training.reading._Index._place", lambda _self, _mark: (mark(fitted).bytes, Shard(0))
    )
    wanted = replace(wanted, members={**wanted.members, mark(fitted): HOLD_OUT})

    with pytest.raises(DataRefused, match="1 held-out people are among"):
        read_shard(wanted, planned(table).features, Shard(0))


def test_a_release_is_fitted_as_it_was_checked():
    trainer = trainer_named("release-centroids")
    (piece,) = plan_of_release(RELEASE, RECIPE).shards

    snapshot = fit_release(trainer, RELEASE, planned=piece, recipe=RECIPE)

    assert trainer.load(snapshot).features == RELEASE.features


def test_a_release_that_says_something_else_is_not_fitted():
    trainer = trainer_named("release-centroids")
    (piece,) = plan_of_release(RELEASE, RECIPE).shards
    other = ReleaseData(
        features=RELEASE.features,
        counts=RELEASE.counts,
        means={"size": {"ill": 1.5, "well": 2.0}},
        bounds=RELEASE.bounds,
    )

    with pytest.raises(ArtefactMismatch, match="something else"):
        fit_release(trainer, other, planned=piece, recipe=RECIPE)
