from datetime import timedelta

import pytest

from deletion.urgency import Urgency, urgency_of
from tests.cast import MONDAY

DAY = timedelta(days=1)
DUE = MONDAY + 10 * DAY


@pytest.mark.parametrize(
    ("now", "stands"),
    [
        (MONDAY, Urgency.AHEAD),
        (DUE - 2 * DAY - timedelta(seconds=1), Urgency.AHEAD),
        (DUE - 2 * DAY, Urgency.NEAR),
        (DUE, Urgency.NEAR),
        (DUE + timedelta(seconds=1), Urgency.OVERDUE),
    ],
)
def test_a_date_is_near_in_the_last_fifth_of_its_time(now, stands):
    assert urgency_of(since=MONDAY, due_at=DUE, ended_at=None, now=now) is stands


@pytest.mark.parametrize(
    ("now", "stands"),
    [(MONDAY, Urgency.AHEAD), (DUE, Urgency.NEAR), (DUE + DAY, Urgency.HELD_PAST)],
)
def test_a_hold_does_not_stop_the_clock_and_makes_nobody_late(now, stands):
    assert urgency_of(since=MONDAY, due_at=DUE, ended_at=None, held=True, now=now) is stands


@pytest.mark.parametrize(
    ("ended_at", "stands"),
    [(DUE, Urgency.IN_TIME), (DUE + timedelta(seconds=1), Urgency.LATE)],
)
def test_a_date_that_has_ended_was_met_or_missed_whatever_the_time_is_now(ended_at, stands):
    for now in (ended_at, ended_at + 100 * DAY):
        assert urgency_of(since=MONDAY, due_at=DUE, ended_at=ended_at, now=now) is stands
