from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import pytest

from lineage.identifiers import Digest, pseudonym_of
from lineage.sharding import HOLD_OUT, Shard
from privacy.draws import Step, next_step, trained_people
from privacy.states import ReleaseState
from tests.cast import ALICE, BOB, MONDAY

KEY = b"k" * 32
SECOND = timedelta(seconds=1)


def pseudonym(person: str, namespace: str = "patient_id") -> UUID:
    return pseudonym_of(Digest(sha256(person.encode()).digest()), namespace=namespace, key=KEY)


@pytest.mark.parametrize(
    ("state", "attempts", "step"),
    [
        (ReleaseState.RESERVED, 0, Step.DRAW),
        (ReleaseState.RESERVED, 4, Step.DRAW),
        (ReleaseState.RESERVED, 5, Step.VOID),
        (ReleaseState.DRAWING, 1, Step.FAIL),
        (ReleaseState.COMMITTED, 1, None),
        (ReleaseState.FAILED_CHARGED, 1, None),
        (ReleaseState.VOID, 5, None),
    ],
)
@pytest.mark.parametrize("lease_until", [None, MONDAY - SECOND, MONDAY])
def test_what_is_done_with_a_release_that_nobody_works_on(state, attempts, step, lease_until):
    assert (
        next_step(state, lease_until=lease_until, attempts=attempts, most_attempts=5, now=MONDAY)
        is step
    )


@pytest.mark.parametrize("state", list(ReleaseState))
def test_a_release_that_somebody_works_on_is_left_alone(state):
    lease_until = MONDAY + SECOND

    assert (
        next_step(state, lease_until=lease_until, attempts=9, most_attempts=5, now=MONDAY) is None
    )


def test_a_release_sees_those_whom_training_sees_and_nobody_else():
    shards = {pseudonym(ALICE): Shard(3), pseudonym(BOB): HOLD_OUT}
    included = trained_people(shards, namespace="patient_id", key=KEY)

    assert included(ALICE)
    assert not included(BOB)
    assert not included("somebody whom no scan has found")


def test_people_are_recognised_within_their_namespace_only():
    shards = {pseudonym(ALICE, "email"): Shard(0)}

    assert trained_people(shards, namespace="email", key=KEY)(ALICE)
    assert not trained_people(shards, namespace="patient_id", key=KEY)(ALICE)
