from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.ledger import NanoRho
from privacy.shielding import Bound, Policy, shield_of
from privacy.states import ReleaseState
from tests.cast import MONDAY

BOUND = Bound(
    family_id=1,
    state=ReleaseState.COMMITTED,
    unit="patient_id",
    account_unit="patient_id",
    nano_rho=NanoRho(100),
    epsilon=Decimal("2.141939"),
    delta=Decimal("0.000001"),
)
POLICY = Policy(
    name="standard",
    family_id=1,
    max_epsilon=Decimal(3),
    max_delta=Decimal("0.000001"),
    max_deletions=3,
    approved_by="user:7",
    approved_at=MONDAY,
    expires_at=MONDAY + timedelta(days=30),
)


def shield(
    bound: Bound = BOUND, *policies: Policy, deletions: int = 1, now: datetime = MONDAY
) -> Any:
    return shield_of(bound, policies or [POLICY], deletions=deletions, now=now)


def test_a_release_within_policy_shields_and_says_so_in_the_permitted_words():
    given_shield = shield()

    assert given_shield.sentence == (
        "influence bounded by ε=2.141939, δ=0.000001 per person; retraining deferred under policy "
        "standard, approved by user:7, expires 2026-02-04"
    )
    assert (given_shield.policy, given_shield.approved_by) == ("standard", "user:7")
    assert not {"anonymous", "exempt", "anonymised"} & set(given_shield.sentence.split())


@pytest.mark.parametrize(
    "bound",
    [
        replace(BOUND, state=ReleaseState.DRAWING),
        replace(BOUND, state=ReleaseState.FAILED_CHARGED),
        replace(BOUND, unit="visit_id"),
        replace(BOUND, family_id=2),
        replace(BOUND, epsilon=Decimal("3.000001")),
        replace(BOUND, epsilon=Decimal("Infinity")),
        replace(BOUND, delta=Decimal("0.0000011")),
    ],
)
def test_a_release_outside_the_policy_does_not_shield(bound):
    assert shield(BOUND) is not None
    assert shield(bound) is None


def test_a_policy_shields_from_its_approval_until_it_expires():
    assert shield(now=MONDAY - timedelta(seconds=1)) is None
    assert shield(now=MONDAY) is not None
    assert shield(now=POLICY.expires_at - timedelta(seconds=1)) is not None
    assert shield(now=POLICY.expires_at) is None


def test_more_deletions_than_the_policy_allows_end_the_shield():
    assert shield(deletions=3).group_nano_rho == 900  # three people: nine times the loss of one
    assert shield(deletions=4) is None


@given(st.integers(0, 10_000), st.integers(1, 10_000), st.integers(1, 10**10))
def test_the_ceiling_on_the_groups_loss_is_a_ceiling_on_its_size(deletions, most, nano_rho):
    bound = replace(BOUND, nano_rho=NanoRho(nano_rho))
    policy = replace(POLICY, max_deletions=most)

    assert (shield(bound, policy, deletions=deletions) is not None) == (deletions <= most)


def test_of_several_policies_the_one_that_lasts_longest_counts():
    longer = replace(POLICY, name="longer", expires_at=POLICY.expires_at + timedelta(days=1))
    narrow = replace(
        longer, name="narrow", max_epsilon=Decimal(1), expires_at=MONDAY + timedelta(days=900)
    )

    assert shield(BOUND, POLICY, longer, narrow).policy == "longer"
    assert shield(BOUND, narrow) is None
