from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deletion.estimates import (
    NO_HISTORY,
    estimate_of,
    history_of,
    hung_after,
    prior_of,
)

GUESS = timedelta(minutes=10)
durations = st.lists(
    st.integers(0, 10**6).map(lambda seconds: timedelta(seconds=seconds)), max_size=40
)


def estimated(past, *, quantile=0.9995):
    return estimate_of(history_of(past), prior=prior_of([], guess=GUESS), quantile=quantile)


def test_without_history_the_guess_counts():
    estimate = estimated([])

    assert GUESS < estimate.mean < 15 * GUESS  # it may be much longer: better begin early
    assert estimate.safe > 40 * GUESS


def test_a_long_history_outweighs_the_guess():
    estimate = estimated([timedelta(hours=3)] * 50)

    assert timedelta(hours=2) < estimate.mean < timedelta(hours=4)


def test_the_fewer_runs_were_seen_the_longer_the_safe_time():
    seen = [estimated([3 * GUESS] * runs) for runs in (0, 1, 3, 10, 50)]

    assert [one.safe for one in seen] == sorted((one.safe for one in seen), reverse=True)


def test_a_target_that_never_ran_is_taken_to_be_like_the_others_of_its_kind():
    others = [history_of([100 * GUESS] * 20)] * 30

    prior = prior_of(others, guess=GUESS)

    alone = estimated([])
    among_them = estimate_of(NO_HISTORY, prior=prior, quantile=0.9995)
    assert alone.mean < 15 * GUESS
    assert 50 * GUESS < among_them.mean < 200 * GUESS


def test_as_long_as_most_have_never_run_the_short_ones_that_have_say_little():
    short = [history_of([GUESS / 10])] * 25

    few = prior_of(short, guess=GUESS)
    few_of_many = prior_of([*short, *[NO_HISTORY] * 975], guess=GUESS)

    likely = [
        estimate_of(NO_HISTORY, prior=prior, quantile=0.9995).mean for prior in (few, few_of_many)
    ]
    assert likely[0] < GUESS < 4 * GUESS < likely[1]


@given(past=durations)
def test_the_safe_time_is_longer_than_the_expected_one(past):
    estimate = estimated(past)

    assert timedelta(0) < estimate.mean < estimate.safe


@given(past=durations)
def test_the_order_of_the_past_does_not_matter(past):
    forward, backward = estimated(past), estimated(past[::-1])

    assert abs(forward.mean - backward.mean) <= timedelta(milliseconds=1) + forward.mean / 10**9


@given(past=durations, lower=st.floats(0.5, 0.99), more=st.floats(0, 0.0099))
def test_who_wants_to_be_surer_starts_no_later(past, lower, more):
    unsure, sure = estimated(past, quantile=lower), estimated(past, quantile=lower + more)

    assert unsure.safe <= sure.safe
    assert unsure.mean == sure.mean


def test_the_safe_time_is_the_quantile_of_what_was_seen():
    rng = Random(7)  # noqa: S311  # durations are no secret
    past = [timedelta(seconds=rng.lognormvariate(8, 0.5)) for _ in range(4000)]

    safe = estimated(past, quantile=0.99).safe

    assert 0.985 < sum(length <= safe for length in past) / len(past) < 0.995


def hung(past, *, kills=0):
    return hung_after(history_of(past), prior=prior_of([], guess=GUESS), kills=kills)


def test_what_works_for_much_longer_than_eight_medians_has_hung():
    assert 8 * GUESS < hung([GUESS] * 50) < 11 * GUESS


def test_the_fewer_runs_were_seen_the_longer_nobody_is_called_hung():
    limits = [hung([GUESS] * runs) for runs in (0, 1, 3, 10, 50)]

    assert limits == sorted(limits, reverse=True)
    assert limits[0] > 50 * GUESS


def test_what_was_killed_is_given_twice_as_long_every_second_time():
    limits = [hung([GUESS] * 50, kills=kills) / hung([GUESS] * 50) for kills in range(5)]

    assert limits == pytest.approx([1, 1, 2, 2, 4])
    assert hung([GUESS] * 50, kills=10**6) == hung([GUESS] * 50, kills=20)  # and no overflow


def pareto(rng, runs):
    """Return runs with a heavy tail: the median is an hour, and three hours the mean of all."""
    return [timedelta(hours=rng.paretovariate(1.2) / 2 ** (1 / 1.2)) for _ in range(runs)]


def test_the_expected_time_is_the_mean_also_of_heavy_tails():
    rng = Random(7)  # noqa: S311  # durations are no secret
    seen = [history_of(pareto(rng, 50)) for _ in range(400)]
    prior = prior_of(seen, guess=GUESS)

    means = [estimate_of(one, prior=prior, quantile=0.9995).mean for one in seen]

    true = sum(pareto(rng, 200_000), timedelta()) / 200_000
    assert 0.7 * true < sum(means, timedelta()) / len(means) < 1.5 * true


def test_where_runs_hang_the_safe_time_leaves_room_for_one_that_does_and_another():
    rng = Random(7)  # noqa: S311  # durations are no secret
    calm = [history_of([timedelta(hours=rng.lognormvariate(0, 0.3)) for _ in range(50)])] * 100
    wild = [history_of(pareto(rng, 50)) for _ in range(100)]
    target = history_of([timedelta(hours=1)] * 50)

    def safe(others):
        prior = prior_of(others, guess=GUESS)
        cut_off = hung_after(target, prior=prior, kills=0)
        return estimate_of(target, prior=prior, quantile=0.9995).safe, cut_off

    among_calm, cut_off = safe(calm)
    assert among_calm < cut_off / 2
    among_wild, cut_off = safe(wild)
    assert among_wild > cut_off + timedelta(hours=2)


@given(runs=st.integers(0, 50), share=st.floats(0, 0.9), more=st.floats(0, 0.1), calm=st.booleans())
def test_what_hangs_more_often_starts_no_later(runs, share, more, calm):
    prior = prior_of([history_of([GUESS] * 9 + [3 * GUESS])] * 30 * calm, guess=GUESS)
    target = history_of([GUESS] * runs)

    often, oftener = (
        estimate_of(target, prior=replace(prior, overlong=one), quantile=0.9995).safe
        for one in (share, share + more)
    )

    assert often <= oftener


def test_what_took_longer_than_eight_medians_counts_as_hanging():
    histories = [history_of([GUESS] * 9 + [longest * GUESS]) for longest in (7, 9)]

    assert [one.is_overlong for one in histories] == [False, True]
    assert prior_of(histories * 500, guess=GUESS).overlong == pytest.approx(0.05, rel=0.01)
