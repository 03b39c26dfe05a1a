from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from deletion.slices import FEWEST, MOST, QUICK, SLICES, people_at_once


def test_a_few_people_go_together():
    assert people_at_once(1, lasted=None) == FEWEST
    assert people_at_once(FEWEST * SLICES, lasted=timedelta(seconds=1)) == FEWEST


def test_a_backlog_is_cut_so_that_the_first_need_not_wait_for_the_last():
    assert people_at_once(FEWEST * SLICES + 1, lasted=None) == FEWEST + 1
    assert people_at_once(80_000, lasted=QUICK) == 10_000


def test_a_long_pass_is_made_once_for_everybody():
    assert people_at_once(1_000, lasted=QUICK + timedelta(seconds=1)) == MOST


@given(st.integers(min_value=1, max_value=10**9), st.none() | st.timedeltas(timedelta(0)))
def test_every_pass_takes_somebody_and_fits_into_memory(waiting, lasted):
    assert 1 <= people_at_once(waiting, lasted=lasted) <= MOST


@given(st.integers(min_value=FEWEST, max_value=SLICES * MOST))
def test_a_quick_pass_takes_no_more_than_its_part(waiting):
    assert people_at_once(waiting, lasted=None) <= max(FEWEST, waiting // SLICES + 1)
