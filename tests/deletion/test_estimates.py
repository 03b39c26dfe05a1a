from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from deletion.estimates import estimate_of

GUESS = timedelta(minutes=10)
durations = st.lists(
    st.integers(0, 10**6).map(lambda seconds: timedelta(seconds=seconds)), max_size=40
)


def test_without_history_the_guess_counts():
    estimate = estimate_of([], guess=GUESS)

    assert GUESS < estimate.mean < 2 * GUESS
    assert estimate.safe > 4 * GUESS


def test_a_long_history_outweighs_the_guess():
    estimate = estimate_of([timedelta(hours=3)] * 50, guess=GUESS)

    assert timedelta(hours=2) < estimate.mean < timedelta(hours=4)


def test_one_quick_run_is_not_trusted_yet():
    estimate = estimate_of([timedelta(seconds=1)], guess=GUESS)

    assert estimate.mean > timedelta(minutes=1)


@given(past=durations)
def test_the_safe_time_is_longer_than_the_expected_one(past):
    estimate = estimate_of(past, guess=GUESS)

    assert timedelta(0) < estimate.mean < estimate.safe


@given(past=durations)
def test_the_order_of_the_past_does_not_matter(past):
    forward, backward = estimate_of(past, guess=GUESS), estimate_of(past[::-1], guess=GUESS)

    assert abs(forward.mean - backward.mean) <= timedelta(milliseconds=1) + forward.mean / 10**9
