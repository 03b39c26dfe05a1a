"""Workers that live but get nowhere are cut off: their word counts no more, and others go on."""

from datetime import timedelta

import pyarrow.parquet as pq
import pytest

from deletion import actions, tasks
from deletion.models import Run, RunPart
from deletion.queries import work
from lineage.errors import LeaseLost
from lineage.leases import Lease, Token
from tests.cast import ALICE, BOB, OFFICER
from tests.deletion.builders import (
    events,
    make_due,
    make_request,
    outcomes,
    plan_and_approve,
    raw,
    right_now,
    state,
    train_off,
    walk,
    work_off,
)
from tests.lineage.builders import PATIENT_ID, make_dataset
from tests.training.builders import make_trained_model
from training import actions as training
from training.driving import Step
from training.models import ShardFit, TrainingRun

pytestmark = pytest.mark.django_db

LENGTH = timedelta(minutes=2)
AGES = timedelta(days=400)


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


@pytest.fixture
def alice(tmp_path):
    """ALICE's request, with a run whose one part waits for a worker."""
    make_dataset(tmp_path)
    opened = make_request(raw(ALICE), now=right_now())
    plan_and_approve(opened, now=right_now())
    tasks.sweep()
    return opened


def claim_part(*, most_attempts=5):
    for run in work.waiting_runs(now=right_now(), limit=1):
        tasks.close_run(str(run))
    return actions.claim_part(
        part_id=RunPart.objects.get().pk,
        owner="w",
        length=LENGTH,
        most_attempts=most_attempts,
        actor=OFFICER,
        now=right_now(),
    )


def held(lease: Lease | None) -> Lease:
    assert lease is not None
    return lease


def has_worked_for_ages(rows) -> None:
    """Let the attempt of a living worker have begun long ago."""
    rows.filter(lease_until__gt=right_now()).update(leased_at=right_now() - AGES)


def people(folder):
    return pq.read_table(folder / "part-0.parquet")[PATIENT_ID].to_pylist()


def test_who_hangs_on_a_part_is_cut_off_and_another_worker_erases(alice, tmp_path):
    lease = held(claim_part())
    assert {ALICE, BOB} <= set(people(tmp_path))
    has_worked_for_ages(RunPart.objects)

    tasks.sweep()

    part = RunPart.objects.get()
    assert (part.lease_until, part.last_error) == (None, actions.HUNG)
    assert events(f"run/{part.run_id}")[-1] == "AttemptFailed"
    with pytest.raises(LeaseLost):
        actions.drop_part(part_id=part.pk, token=held(lease).token, actor=OFFICER, now=right_now())
    assert not actions.keep_part(
        part_id=part.pk, token=held(lease).token, length=LENGTH, now=right_now()
    )

    make_due()
    walk()

    assert (state(alice), outcomes(alice)) == ("complete", {"patients": "erased"})
    assert ALICE not in people(tmp_path)
    assert BOB in people(tmp_path)


def test_who_works_as_long_as_others_did_is_let_be(alice):
    claim_part()

    tasks.sweep()

    assert RunPart.objects.get().lease_until is not None


def test_who_has_died_is_not_cut_off_but_followed(alice):
    claim_part()
    RunPart.objects.update(leased_at=right_now() - AGES, lease_until=right_now() - LENGTH)

    tasks.sweep()

    assert RunPart.objects.get().last_error == ""


def test_what_has_ended_meanwhile_is_let_be(alice):
    lease = held(claim_part())
    part = RunPart.objects.get()
    before = events()

    def kill(token):
        return actions.kill_part(
            part_id=part.pk, token=token, most_attempts=5, actor=OFFICER, now=right_now()
        )

    assert not kill(Token(lease.token + 1))
    RunPart.objects.update(finished_at=right_now())
    assert not kill(lease.token)
    assert events() == before


def test_the_last_attempt_that_hangs_leaves_the_run_to_a_person(alice, settings):
    settings.ATTEMPTS = 1
    claim_part()
    has_worked_for_ages(RunPart.objects)

    tasks.sweep()

    assert Run.objects.get().state == "stuck"
    assert outcomes(alice) == {"patients": "unreachable"}


def test_who_hangs_while_listing_a_place_is_cut_off(alice):
    run = Run.objects.get()
    lease = actions.claim_run(
        run_id=run.pk,
        owner="w",
        length=LENGTH,
        most_attempts=5,
        actor=OFFICER,
        now=right_now(),
    )
    has_worked_for_ages(Run.objects)

    tasks.sweep()

    with pytest.raises(LeaseLost):
        actions.list_parts(
            run_id=run.pk, token=held(lease).token, listed=[], actor=OFFICER, now=right_now()
        )
    make_due()
    walk()
    assert outcomes(alice) == {"patients": "erased"}


def test_who_hangs_on_a_training_is_cut_off_and_another_worker_trains(tmp_path):
    make_trained_model(tmp_path)
    alice = make_request(raw(ALICE), now=right_now())
    for _ in range(3):
        tasks.sweep()
        work_off()
    run = TrainingRun.objects.get(deletion_run__isnull=False)
    step = training.claim_run(
        run_id=run.pk,
        step=Step.CHECK,
        most_attempts=5,
        owner="w",
        length=LENGTH,
        actor=OFFICER,
        now=right_now(),
    )
    has_worked_for_ages(TrainingRun.objects)

    tasks.sweep()

    run.refresh_from_db()
    assert (run.lease_until, run.last_error) == (None, actions.HUNG)
    assert run.fencing_token > held(step).token
    assert events(f"training/{run.pk}")[-1] == "StepFailed"
    assert not training.keep_run(
        run_id=run.pk, token=held(step).token, length=LENGTH, now=right_now()
    )

    TrainingRun.objects.update(not_before=None)
    train_off()
    walk()
    assert outcomes(alice)["triage"] == "retrained"


def test_who_hangs_on_a_shard_may_not_report_it_any_more(tmp_path):
    make_trained_model(tmp_path)
    make_request(raw(ALICE), now=right_now())
    for _ in range(3):
        tasks.sweep()
        work_off()
    run = TrainingRun.objects.get(deletion_run__isnull=False)
    TrainingRun.objects.filter(pk=run.pk).update(state="fitting")
    fit = ShardFit.objects.create(run=run, shard=0, key="k", people=1, rows=1)
    lease = training.claim_fit(
        fit_id=fit.pk,
        most_attempts=5,
        owner="w",
        length=LENGTH,
        actor=OFFICER,
        now=right_now(),
    )
    has_worked_for_ages(ShardFit.objects)

    tasks.sweep()

    assert events(f"training/{run.pk}")[-1] == "FitFailed"
    with pytest.raises(LeaseLost):
        training.finish_fit(
            fit_id=fit.pk,
            token=held(lease).token,
            file="f",
            digest="d",
            actor=OFFICER,
            now=right_now(),
        )
