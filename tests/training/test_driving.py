from datetime import timedelta
from uuid import UUID

import pytest

from tests.cast import MONDAY
from training.driving import Due, FitView, RunView, Step, Waiting, back_off, due
from training.states import RunState

RUN = UUID(int=1)
LATER = MONDAY + timedelta(seconds=1)
FREE = Waiting(lease_until=None, not_before=None, attempts=0)
LEASED = Waiting(lease_until=LATER, not_before=None, attempts=1)
BACKED_OFF = Waiting(lease_until=None, not_before=LATER, attempts=1)
DEAD = Waiting(lease_until=MONDAY, not_before=None, attempts=2)
WORN_OUT = Waiting(lease_until=MONDAY, not_before=None, attempts=3)


def steps(state, waiting=FREE, *fits, stopped=False):
    view = RunView(
        id=RUN,
        model_id=7,
        state=state,
        waiting=waiting,
        unfitted=tuple(FitView(id=number, waiting=fit) for number, fit in enumerate(fits, 1)),
        stopped=stopped,
    )
    return due(view, most_attempts=3, now=MONDAY)


def one(step, fit_id=0):
    return Due(step=step, run_id=RUN, model_id=7, fit_id=fit_id)


@pytest.mark.parametrize(
    ("state", "step"),
    [
        (RunState.WAITING, Step.CHECK),
        (RunState.CHECKING, Step.CHECK),
        (RunState.FITTING, Step.ASSEMBLE),
        (RunState.JUDGING, Step.JUDGE),
        (RunState.DESTROYING, Step.DESTROY),
    ],
)
def test_each_open_state_has_its_step(state, step):
    assert steps(state) == [one(step)]


@pytest.mark.parametrize("state", [RunState.SUCCEEDED, RunState.REFUSED, RunState.FAILED])
def test_a_run_that_has_ended_has_none(state):
    assert steps(state) == []


def test_shards_are_fitted_before_they_are_put_together():
    assert steps(RunState.FITTING, FREE, FREE, LEASED, FREE) == [
        one(Step.FIT, 1),
        one(Step.FIT, 3),
    ]


@pytest.mark.parametrize("waiting", [LEASED, BACKED_OFF])
def test_what_is_leased_or_backed_off_waits(waiting):
    assert steps(RunState.CHECKING, waiting) == []
    assert steps(RunState.FITTING, FREE, waiting) == []


def test_what_a_dead_worker_left_is_taken_again():
    assert steps(RunState.JUDGING, DEAD) == [one(Step.JUDGE)]
    assert steps(RunState.FITTING, FREE, DEAD) == [one(Step.FIT, 1)]


def test_when_attempts_are_used_up_the_run_is_given_up():
    assert steps(RunState.JUDGING, WORN_OUT) == [one(Step.GIVE_UP)]
    assert steps(RunState.FITTING, FREE, FREE, WORN_OUT) == [one(Step.GIVE_UP)]


def test_a_stop_holds_everything_but_destruction():
    assert steps(RunState.WAITING, stopped=True) == []
    assert steps(RunState.FITTING, FREE, FREE, stopped=True) == []
    assert steps(RunState.DESTROYING, stopped=True) == [one(Step.DESTROY)]


def test_waiting_grows_up_to_an_hour():
    waits = [back_off(attempts).total_seconds() for attempts in (0, 1, 2, 3, 4, 20, 10**6)]

    assert waits == [2, 2, 8, 32, 128, 3600, 3600]
