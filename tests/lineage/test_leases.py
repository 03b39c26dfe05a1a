from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from lineage.leases import Lease, Token, next_lease
from tests.cast import MONDAY

MINUTE = timedelta(minutes=1)


def test_free_work_is_leased_from_now():
    lease = next_lease(token=0, until=None, now=MONDAY, length=MINUTE)

    assert lease == Lease(token=Token(1), until=MONDAY + MINUTE)


def test_leased_work_is_refused_until_the_lease_ends():
    until = MONDAY + MINUTE

    assert (
        next_lease(token=1, until=until, now=until - timedelta(microseconds=1), length=MINUTE)
        is None
    )
    assert next_lease(token=1, until=until, now=until, length=MINUTE) == Lease(
        token=Token(2), until=until + MINUTE
    )


@given(st.lists(st.integers(0, 200), max_size=30))
def test_tokens_only_grow_and_leases_never_overlap(pauses):
    token, until, now, last_end = 0, None, MONDAY, MONDAY
    for pause in pauses:
        now += timedelta(seconds=pause)
        lease = next_lease(token=token, until=until, now=now, length=MINUTE)
        if lease is not None:
            assert lease.token == token + 1
            assert now >= last_end
            token, until, last_end = lease.token, lease.until, lease.until
