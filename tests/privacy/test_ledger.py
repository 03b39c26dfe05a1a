from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.errors import RecipeInvalid
from privacy.ledger import (
    NANO,
    AccountState,
    NanoRho,
    cap_of,
    composed,
    debit_of,
    group_loss,
    rho_of,
    shared,
    shown,
)


def test_a_debit_rounds_up_and_a_cap_rounds_down():
    assert debit_of(0.1) == 100_000_001  # the float 0.1 is a little more than one tenth
    assert debit_of(0.5) == 500_000_000
    assert debit_of(1e-30) == 1
    assert debit_of(0.0) == 0
    assert cap_of(Decimal("0.1000000009")) == 100_000_000


@given(st.floats(min_value=0, max_value=1000))
def test_a_debit_is_never_less_than_the_loss_nor_a_whole_unit_more(rho):
    debit = debit_of(rho)

    assert Fraction(debit - 1, NANO) < Fraction(rho) <= Fraction(debit, NANO)


@given(st.lists(st.floats(min_value=0, max_value=10), max_size=20))
def test_debits_that_are_added_never_undercut_the_sum_of_the_losses(losses):
    total = composed(debit_of(loss) for loss in losses)

    assert Fraction(rho_of(total)) >= sum(Fraction(loss) for loss in losses)


def test_five_fifths_are_a_whole():
    # A filter that adds floats refuses the fifth: 1.0000000000000002.
    assert composed([NanoRho(NANO // 5)] * 5) == NANO


def test_a_group_of_k_loses_k_squared_times_as_much():
    assert group_loss(NanoRho(7), people=0) == 0
    assert group_loss(NanoRho(7), people=1) == 7
    assert group_loss(NanoRho(7), people=10) == 700


def test_a_total_is_shared_without_spending_more_than_itself():
    share = shared(NanoRho(100), among=7)

    assert share == 14
    assert composed([share] * 7) <= 100


def test_a_total_that_leaves_a_question_without_anything_is_refused():
    with pytest.raises(RecipeInvalid, match=r"budget\.nano_rho"):
        shared(NanoRho(2), among=3)


@given(st.floats(min_value=0, max_value=1000))
def test_an_epsilon_is_shown_with_six_places_and_never_smaller_than_it_is(epsilon):
    text = shown(epsilon)

    assert 0 <= Fraction(text) - Fraction(epsilon) < Fraction(1, 1_000_000)
    assert text.as_tuple().exponent == -6


def test_what_is_left_is_the_cap_without_what_is_spent():
    state = AccountState(
        family="patients",
        unit="patient_id",
        cap_nano_rho=NanoRho(10),
        spent_nano_rho=NanoRho(4),
        epsilon_spent=Decimal(0),
        delta=Decimal("0.000001"),
    )

    assert state.left_nano_rho == 6
