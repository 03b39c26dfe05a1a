import pytest

from training.errors import MoveNotAllowed
from training.states import (
    RUN_MOVES,
    RUN_OPEN,
    VERSION_MOVES,
    RunState,
    VersionState,
    require_run_move,
    require_version_move,
)


def test_every_state_says_where_it_leads():
    assert set(RUN_MOVES) == set(RunState)
    assert set(VERSION_MOVES) == set(VersionState)
    assert set(RunState) - RUN_OPEN == {RunState.SUCCEEDED, RunState.REFUSED, RunState.FAILED}


def test_nothing_leads_back_to_service():
    reached = {VersionState.WITHDRAWN}
    while more := {to for state in reached for to in VERSION_MOVES[state]} - reached:
        reached |= more

    assert reached == {VersionState.WITHDRAWN, VersionState.DESTROYED}


def test_only_what_served_stands_by():
    leads_to = {state for state in VersionState if VersionState.STANDBY in VERSION_MOVES[state]}

    assert leads_to == {VersionState.RELEASED}
    assert VERSION_MOVES[VersionState.STANDBY] == {VersionState.RELEASED, VersionState.WITHDRAWN}


def test_a_move_that_is_not_allowed_is_refused():
    require_run_move(RunState.WAITING, RunState.CHECKING)
    require_version_move(VersionState.TRAINED, VersionState.QUALIFIED)

    with pytest.raises(MoveNotAllowed):
        require_run_move(RunState.WAITING, RunState.SUCCEEDED)
    with pytest.raises(MoveNotAllowed):
        require_version_move(VersionState.TRAINED, VersionState.RELEASED)
