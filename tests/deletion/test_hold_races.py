"""A hold and a decision about its plan at the same moment, each in its own connection."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from deletion import actions
from deletion.errors import PlanOutdated
from deletion.models import Batch, Hold, Obligation
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.deletion.builders import make_request, raw, state
from tests.lineage.builders import make_dataset

pytestmark = pytest.mark.django_db(transaction=True)


def planned(*opened):
    batch = actions.plan_batch(
        request_ids=[one.request.pk for one in opened], actor=OFFICER, now=MONDAY
    )
    assert batch is not None
    return batch


def decided_while_held(decide, opened):
    """Let a decision wait for the request's lock while its hold is placed; return the decision."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            actions.place_hold(
                request_id=opened.request.pk,
                article="GDPR Art. 17(3)(e)",
                reason="",
                actor=OFFICER,
                now=MONDAY,
            )
            decision = pool.submit(in_own_connection, decide)
            wait_for_a_waiter()
        return decision


def in_own_connection(decide):
    try:
        return decide()
    finally:
        connection.close()


def wait_for_a_waiter():
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits for the request")


def test_an_approval_that_waited_for_a_hold_is_refused(tmp_path):
    make_dataset(tmp_path)
    alice, bob = make_request(raw(ALICE)), make_request(raw(BOB), key="k2")
    batch = planned(alice, bob)

    decision = decided_while_held(
        lambda: actions.approve_plan(
            batch_id=batch.pk, seen_digest=batch.digest, actor=OFFICER, now=MONDAY
        ),
        alice,
    )

    with pytest.raises(PlanOutdated):
        decision.result()
    assert (state(alice), state(bob)) == ("held", "planned")
    assert Hold.objects.filter(released_at=None).count() == 1
    assert not Obligation.objects.exists()


def test_a_plan_dissolved_while_somebody_is_held_leaves_them_held(tmp_path):
    make_dataset(tmp_path)
    alice, bob = make_request(raw(ALICE)), make_request(raw(BOB), key="k2")
    batch = planned(alice, bob)

    decision = decided_while_held(
        lambda: actions.dissolve_plan(batch_id=batch.pk, actor=OFFICER, now=MONDAY), alice
    )

    assert decision.result().dissolved_at == MONDAY
    assert (state(alice), state(bob)) == ("held", "received")
    assert Batch.objects.get().requests.count() == 0
