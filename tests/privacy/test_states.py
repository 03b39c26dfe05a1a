import pytest

from privacy.errors import MoveNotAllowed
from privacy.states import ANSWERING, MOVES, ReleaseState, require_move


def test_only_a_release_that_was_never_drawn_can_be_voided():
    assert [state for state in ReleaseState if ReleaseState.VOID in MOVES[state]] == [
        ReleaseState.RESERVED
    ]


def test_a_release_that_ended_stays_ended():
    for ended in (ReleaseState.WITHDRAWN, ReleaseState.FAILED_CHARGED, ReleaseState.VOID):
        for target in ReleaseState:
            with pytest.raises(MoveNotAllowed):
                require_move(ended, target)


def test_a_release_that_is_out_can_only_be_withdrawn():
    assert MOVES[ReleaseState.COMMITTED] == {ReleaseState.WITHDRAWN}
    assert [state for state in ReleaseState if ReleaseState.WITHDRAWN in MOVES[state]] == [
        ReleaseState.COMMITTED
    ]


def test_drawing_begins_only_after_the_debit_was_reserved():
    require_move(ReleaseState.RESERVED, ReleaseState.DRAWING)
    require_move(ReleaseState.DRAWING, ReleaseState.COMMITTED)
    require_move(ReleaseState.DRAWING, ReleaseState.FAILED_CHARGED)
    with pytest.raises(MoveNotAllowed):
        require_move(ReleaseState.RESERVED, ReleaseState.COMMITTED)


def test_a_release_that_failed_or_was_voided_or_withdrawn_does_not_answer_its_question():
    assert set(ReleaseState) - ANSWERING == {
        ReleaseState.FAILED_CHARGED,
        ReleaseState.VOID,
        ReleaseState.WITHDRAWN,
    }
