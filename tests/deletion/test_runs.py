import pytest

from deletion import actions
from deletion.errors import RunUnknown
from deletion.models import Obligation, Run
from lineage.errors import LeaseLost
from lineage.leases import Token
from lineage.queries import adapter_of
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.deletion.builders import events, make_request, plan_and_approve, raw
from tests.lineage.builders import make_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def obligations(tmp_path):
    make_dataset(tmp_path)
    plan_and_approve(make_request(raw(ALICE), key="k1"))
    plan_and_approve(make_request(raw(BOB), key="k2"))
    return list(Obligation.objects.order_by("pk").values_list("pk", flat=True))


def start(*ids: int):
    return actions.start_erasure(obligation_ids=ids, because="x", actor=OFFICER, now=MONDAY)


def claim(run):
    return actions.claim_run(
        run_id=run.pk,
        owner="worker",
        length=MONDAY - MONDAY,
        most_attempts=5,
        actor=OFFICER,
        now=MONDAY,
    )


def test_one_run_discharges_the_obligations_of_several_batches(obligations):
    run = start(*obligations)

    assert list(run.obligations.order_by("pk").values_list("pk", flat=True)) == obligations
    assert "RunStarted" in events(f"run/{run.pk}")


def test_what_is_owed_after_a_run_began_gets_the_next_run(obligations):
    run = start(obligations[0])

    assert start(obligations[1]) is None
    assert list(run.obligations.values_list("pk", flat=True)) == obligations[:1]


def test_what_a_run_already_discharges_is_not_taken_again(obligations):
    start(*obligations)

    assert start(*obligations) is None
    assert start() is None
    assert Run.objects.count() == 1


def test_a_retraining_is_not_begun_for_what_is_to_be_erased(obligations):
    assert (
        actions.start_retraining(obligation_ids=obligations, because="x", actor=OFFICER, now=MONDAY)
        is None
    )


def test_a_run_is_finished_only_by_the_newest_lease_and_only_once_its_parts_are_proven(obligations):
    run = start(*obligations)
    lease = claim(run)

    with pytest.raises(LeaseLost):
        actions.finish_erasure(run_id=run.pk, token=Token(99), actor=OFFICER, now=MONDAY)
    actions.list_parts(
        run_id=run.pk,
        token=lease.token,
        listed=adapter_of(run.store_id).parts(),
        actor=OFFICER,
        now=MONDAY,
    )
    with pytest.raises(RunUnknown):
        actions.finish_erasure(run_id=run.pk, token=lease.token, actor=OFFICER, now=MONDAY)
    assert claim(run) is None  # its part waits for a worker


def test_a_heartbeat_extends_the_lease_of_a_run(obligations):
    run = start(*obligations)
    lease = claim(run)

    kept = [
        actions.keep_run(run_id=run.pk, token=token, length=MONDAY - MONDAY, now=MONDAY)
        for token in (lease.token, Token(lease.token + 1))
    ]

    assert kept == [True, False]


def test_only_a_stuck_run_is_retried(obligations):
    run = start(*obligations)

    with pytest.raises(RunUnknown):
        actions.retry_run(run_id=run.pk, actor=OFFICER, now=MONDAY)
