from datetime import timedelta
from hashlib import sha256

import pyarrow.parquet as pq
import pytest
from django.conf import settings

from audits.models import Alert, OutboxEntry
from config.traces import tables_naming
from deletion import actions, tasks
from deletion.models import Found, Run, RunPart, Share
from deletion.queries import work
from lineage.errors import LeaseLost
from lineage.queries import adapter_of
from lineage.stores.errors import ChangedMeanwhile
from lineage.stores.protocol import Erasure, Step
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.deletion.builders import (
    DORA,
    events,
    make_due,
    make_request,
    outcomes,
    plan_and_approve,
    raw,
    right_now,
    state,
    walk,
    work_off,
)
from tests.lineage.builders import PATIENT_ID, make_dataset, pseudonym

pytestmark = pytest.mark.django_db

LENGTH = timedelta(minutes=2)
ERASURE = Erasure(
    rows_before=5,
    rows_erased=1,
    values_removed=0,
    digest_before="a",
    digest_after="b",
    kept_rows_digest="c",
    reader="nobody",
    bytes_written=0,
)
STEPS = [Step.FOUND, Step.STAGED, Step.VERIFIED, Step.SWAPPED, Step.PURGED]


class Killed(Exception):
    """The worker's process is gone."""


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
    (run,) = work.waiting_runs(now=right_now(), limit=1)
    tasks.close_run(str(run))
    return opened


def part() -> RunPart:
    return RunPart.objects.get()


def claim(*, now=None, most_attempts=5):
    return actions.claim_part(
        part_id=part().pk,
        owner="worker",
        length=LENGTH,
        most_attempts=most_attempts,
        actor=OFFICER,
        now=now or right_now(),
    )


def record(lease, step=Step.FOUND, people=(ALICE,)):
    return actions.record_step(
        part_id=part().pk,
        token=lease.token,
        step=step,
        found=[pseudonym(person) for person in people],
        length=LENGTH,
        actor=OFFICER,
        now=right_now(),
    )


def die_after(step: Step) -> None:
    """Erase as a worker does that is killed right after it reported a step."""
    lease = claim()
    todo = work.part_work(part().pk, now=right_now())

    def report(reached, found):
        actions.record_step(
            part_id=part().pk,
            token=lease.token,
            step=reached,
            found=found,
            length=LENGTH,
            actor=OFFICER,
            now=right_now(),
        )
        if reached is step:
            raise Killed

    with pytest.raises(Killed):
        adapter_of(todo.store_id).erase(todo.part, dict(todo.wanted), progress=report)


@pytest.mark.parametrize("step", STEPS)
def test_a_worker_that_dies_after_any_step_changes_nothing_about_the_end(alice, tmp_path, step):
    before = pq.read_table(tmp_path / "part-0.parquet")[PATIENT_ID].to_pylist()
    die_after(step)
    assert part().step == step
    assert Found.objects.filter(request=alice.request).exists()
    assert tasks.erase_part(part().pk) is None  # the lease still runs: nobody takes it
    assert part().attempts == 1

    make_due()
    walk()

    assert state(alice) == "complete"
    assert outcomes(alice) == {"patients": "erased"}
    after = pq.read_table(tmp_path / "part-0.parquet")[PATIENT_ID].to_pylist()
    assert after == [person for person in before if person != ALICE]
    assert [path.name for path in tmp_path.iterdir()] == ["part-0.parquet"]
    assert tables_naming(str(pseudonym(ALICE))) == set()


def test_a_worker_that_dies_after_the_proof_changes_nothing_about_the_end(alice):
    tasks.erase_part(part().pk)
    assert part().finished_at is not None

    walk()

    assert outcomes(alice) == {"patients": "erased"}


def test_a_part_is_taken_by_one_worker_at_a_time(alice):
    lease = claim()

    assert lease is not None
    assert claim() is None
    assert events(f"run/{part().run_id}")[-1] == "AttemptBegan"


def test_when_a_lease_ends_the_next_worker_gets_a_newer_token(alice):
    first = claim()
    assert part().leases_lost == 0
    second = claim(now=right_now() + 2 * LENGTH)

    assert second.token > first.token
    assert part().leases_lost == 1


def test_a_lease_that_was_given_back_is_not_lost(alice):
    lease = claim()
    actions.fail_part(
        part_id=part().pk,
        token=lease.token,
        error="no",
        most_attempts=5,
        actor=OFFICER,
        now=right_now(),
    )

    assert claim(now=right_now() + 10 * LENGTH) is not None
    assert part().leases_lost == 0


def test_a_worker_whose_lease_has_passed_on_is_refused_at_every_report(alice):
    old = claim()
    new = claim(now=right_now() + 2 * LENGTH)

    with pytest.raises(LeaseLost):
        record(old)
    with pytest.raises(LeaseLost):
        actions.finish_part(
            part_id=part().pk,
            token=old.token,
            erasure=ERASURE,
            proven_by="nobody",
            actor=OFFICER,
            now=right_now(),
        )
    with pytest.raises(LeaseLost):
        actions.fail_part(
            part_id=part().pk,
            token=old.token,
            error="x",
            most_attempts=5,
            actor=OFFICER,
            now=right_now(),
        )
    assert not Found.objects.exists()
    assert record(new).step == "found"


def test_no_digest_of_the_state_with_the_person_is_left_by_which_a_guessed_row_could_be_tried(
    alice, tmp_path
):
    (file,) = tmp_path.glob("*.parquet")
    before = sha256(file.read_bytes()).hexdigest()

    walk()

    assert before != sha256(file.read_bytes()).hexdigest()
    entries = b"\n".join(bytes(entry.entry) for entry in OutboxEntry.objects.all())
    assert b"digest_before" in entries
    assert before.encode() not in entries
    assert part().evidence["digest_after"] == sha256(file.read_bytes()).hexdigest()
    assert before not in str(part().evidence)


def test_a_heartbeat_extends_the_newest_lease_only(alice):
    old = claim()
    new = claim(now=right_now() + 2 * LENGTH)
    later = right_now() + 10 * LENGTH

    kept = [
        actions.keep_part(part_id=part().pk, token=lease.token, length=LENGTH, now=later)
        for lease in (old, new)
    ]

    assert kept == [False, True]
    assert part().lease_until == later + LENGTH


def test_who_was_found_is_written_with_the_step_and_counted_in_the_trail(alice):
    record(claim(), people=(ALICE, BOB))

    assert list(Found.objects.values_list("request", flat=True)) == [alice.request.pk]
    assert events(f"run/{part().run_id}")[-1] == "PartStep"


def test_a_failed_attempt_gives_the_lease_back_and_waits_before_the_next(alice):
    lease = claim()

    actions.fail_part(
        part_id=part().pk,
        token=lease.token,
        error="PartCorrupt: patients",
        most_attempts=5,
        actor=OFFICER,
        now=right_now(),
    )

    assert part().last_error == "PartCorrupt: patients"
    assert RunPart.objects.filter(not_before__gt=right_now()).exists()
    assert claim() is None
    assert claim(now=right_now() + timedelta(hours=1)) is not None
    assert "AttemptFailed" in events(f"run/{part().run_id}")


def test_when_attempts_end_a_person_must_look_and_everybody_can_see_why(alice):
    lease = claim(most_attempts=1)

    actions.fail_part(
        part_id=part().pk,
        token=lease.token,
        error="PartCorrupt: damaged",
        most_attempts=1,
        actor=OFFICER,
        now=right_now(),
    )

    assert Run.objects.get().state == "stuck"
    share = Share.objects.get()
    assert (share.outcome, share.note) == ("unreachable", "PartCorrupt: damaged")
    assert state(alice) == "in progress"
    alert = Alert.objects.get(kind="run-stuck")
    assert alert.detail["why"] == "PartCorrupt: damaged"
    assert "RunStuck" in events(f"run/{part().run_id}")


def test_workers_that_only_ever_die_make_the_run_stuck_too(alice):
    RunPart.objects.update(attempts=settings.ATTEMPTS)

    tasks.erase_part(part().pk)

    assert Run.objects.get().state == "stuck"
    assert Share.objects.get().note == "its workers died without a word"


def test_a_person_held_while_they_are_looked_for_is_not_erased(alice, tmp_path):
    lease = claim()
    actions.place_hold(
        request_id=alice.request.pk,
        article="GDPR Art. 17(3)(e)",
        reason="",
        actor=OFFICER,
        now=MONDAY,
    )

    with pytest.raises(ChangedMeanwhile):
        record(lease)

    make_due()
    work_off()
    assert ALICE in pq.read_table(tmp_path / "part-0.parquet")[PATIENT_ID].to_pylist()
    assert outcomes(alice) == {"patients": "held"}


def test_after_the_release_a_new_run_erases_who_was_held(alice, tmp_path):
    actions.place_hold(
        request_id=alice.request.pk,
        article="GDPR Art. 17(3)(e)",
        reason="",
        actor=OFFICER,
        now=MONDAY,
    )
    walk()
    assert outcomes(alice) == {"patients": "held"}
    assert Run.objects.get().state == "succeeded"

    actions.release_hold(request_id=alice.request.pk, actor=DORA, now=MONDAY)
    walk()

    assert state(alice) == "complete"
    assert outcomes(alice) == {"patients": "erased"}
    assert Run.objects.count() == 2
    assert ALICE not in pq.read_table(tmp_path / "part-0.parquet")[PATIENT_ID].to_pylist()
