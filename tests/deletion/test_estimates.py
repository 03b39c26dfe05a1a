from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from deletion.estimates import (
    NO_HISTORY,
    estimate_of,
    history_of,
    hung_after,
)

GUESS = timedelta(minutes=10)
durations = st.lists(
    st.integers(0, 10**6).map(lambda seconds: timedelta(seconds=seconds)), max_size=40
)


def estimated(past, *, quantile=0.9995):
    return estimate_of(history_of(past), guess=GUESS, quantile=quantile)


def test_without_history_the_guess_counts():
    estimate = estimated([])

    assert GUESS < estimate.mean < 2 * GUESS
    assert estimate.safe > 4 * GUESS


def test_a_long_history_outweighs_the_guess():
    estimate = estimated([timedelta(hours=3)] * 50)

    assert timedelta(hours=2) < estimate.mean < timedelta(hours=4)


def test_one_quick_run_is_not_trusted_yet():
    estimate = estimated([timedelta(seconds=1)])

    assert estimate.mean > timedelta(minutes=1)


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


def test_nothing_is_called_hung_before_enough_is_known():
    assert hung_after(NO_HISTORY, kills=0) is None
    assert hung_after(history_of([GUESS] * 4), kills=0) is None


def test_what_works_for_eight_medians_has_hung_and_is_given_twice_as_long_the_next_time():
    history = history_of([GUESS / 2] * 3 + [GUESS] * 5 + [2 * GUESS] * 3)

    assert hung_after(history, kills=0) == 8 * GUESS
    assert hung_after(history, kills=1) == 16 * GUESS
    assert hung_after(history, kills=10**6) is not None  # and no overflow
