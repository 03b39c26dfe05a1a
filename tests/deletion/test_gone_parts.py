"""Files that go away, or are renamed by a compaction, while a run works."""

from datetime import timedelta

import pyarrow.parquet as pq
import pytest

from audits.trail import Actor
from deletion import actions, tasks
from deletion.models import Run, RunPart
from deletion.queries import work
from deletion.rounds import MOST_ROUNDS
from lineage.errors import LeaseLost
from tests.cast import ALICE, BOB, OFFICER
from tests.deletion.builders import (
    events,
    make_due,
    make_request,
    outcomes,
    raw,
    right_now,
    state,
    walk,
    work_off,
)
from tests.lineage.builders import PATIENT_ID, make_store, write_people

pytestmark = pytest.mark.django_db

CLARA = Actor("user:clara")


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


@pytest.fixture
def alice(tmp_path):
    """ALICE's request, with a run that has listed two files and done none of them."""
    write_people(tmp_path / "a.parquet", (ALICE, BOB))
    write_people(tmp_path / "b.parquet", ("x1", ALICE))
    make_store(tmp_path, name="crm")
    opened = make_request(raw(ALICE), now=right_now())
    tasks.sweep()
    (run,) = work.waiting_runs(now=right_now(), limit=9)
    tasks.close_run(str(run))
    return opened


def people_in(folder):
    return [
        person
        for file in sorted(folder.glob("*.parquet"))
        for person in pq.read_table(file)[PATIENT_ID].to_pylist()
    ]


def get_stuck():
    for _ in range(4):
        tasks.sweep()
        work_off()
        make_due()
    assert Run.objects.get().state == "stuck"


def test_a_file_that_is_renamed_after_the_listing_is_searched_under_its_new_name(alice, tmp_path):
    (tmp_path / "b.parquet").rename(tmp_path / "compacted.parquet")

    walk()

    assert state(alice) == "complete"
    assert outcomes(alice) == {"crm": "erased"}
    assert people_in(tmp_path) == [BOB, "x1"]
    assert dict(RunPart.objects.values_list("name", "step")) == {
        "a.parquet": "proven",
        "b.parquet": "gone",
        "compacted.parquet": "proven",
    }
    gone = RunPart.objects.get(step="gone")
    assert gone.evidence == {}
    evidence = Run.objects.get().evidence
    assert (evidence["parts"], evidence["rows_before"], evidence["rows_erased"]) == (2, 4, 2)
    assert "AttemptFailed" not in events(f"run/{gone.run_id}")


def test_a_file_that_comes_back_as_it_was_listed_is_not_taken_for_proven(alice, tmp_path):
    (tmp_path / "b.parquet").rename(tmp_path.parent / "away.parquet")
    for part in work.waiting_parts(now=right_now(), limit=9):
        tasks.erase_part(part)
    assert RunPart.objects.filter(step="gone").exists()

    (tmp_path.parent / "away.parquet").rename(tmp_path / "b.parquet")
    walk()

    assert outcomes(alice) == {"crm": "erased"}
    assert people_in(tmp_path) == [BOB, "x1"]


def test_a_folder_in_which_nothing_is_left_is_no_place_without_the_person(
    alice, tmp_path, settings
):
    settings.ATTEMPTS = 2
    for file in tmp_path.glob("*.parquet"):
        file.unlink()

    get_stuck()

    assert state(alice) == "in progress"
    assert outcomes(alice) == {"crm": "unreachable"}
    assert not RunPart.objects.filter(step="gone").exists()


def test_a_part_is_dropped_by_the_worker_who_has_it_and_the_trail_says_so(alice):
    part = RunPart.objects.get(name="b.parquet")
    old, new = (
        actions.claim_part(
            part_id=part.pk,
            owner="worker",
            length=timedelta(minutes=2),
            most_attempts=5,
            actor=OFFICER,
            now=right_now() + timedelta(minutes=wait),
        )
        for wait in (0, 3)
    )
    assert old is not None
    assert new is not None

    with pytest.raises(LeaseLost):
        actions.drop_part(part_id=part.pk, token=old.token, actor=OFFICER, now=right_now())
    actions.drop_part(part_id=part.pk, token=new.token, actor=OFFICER, now=right_now())

    part.refresh_from_db()
    assert part.step == "gone"
    assert part.finished_at is not None
    assert events(f"run/{part.run_id}")[-1] == "PartStep"


def test_a_stuck_run_that_is_retried_lists_the_place_again(alice, tmp_path, settings):
    settings.ATTEMPTS = 2
    good = (tmp_path / "b.parquet").read_bytes()
    (tmp_path / "b.parquet").write_bytes(b"PAR1 this is no Parquet file PAR1")
    get_stuck()
    run = Run.objects.get()

    actions.retry_run(run_id=run.pk, actor=CLARA, now=right_now())

    assert work.waiting_parts(now=right_now(), limit=9) == []
    assert work.waiting_runs(now=right_now(), limit=9) == [run.pk]
    assert RunPart.objects.get(name="b.parquet").step == "set aside"
    (tmp_path / "b.parquet").write_bytes(good)

    walk()

    assert state(alice) == "complete"
    assert outcomes(alice) == {"crm": "erased"}
    assert people_in(tmp_path) == [BOB, "x1"]


def test_a_run_that_was_stuck_after_too_many_rounds_gets_further_ones_when_it_is_retried(
    alice, tmp_path, settings
):
    settings.ATTEMPTS = 1
    for part in work.waiting_parts(now=right_now(), limit=9):
        tasks.erase_part(part)
    Run.objects.update(rounds=MOST_ROUNDS)
    write_people(tmp_path / "c.parquet", (ALICE, "x2"))
    get_stuck()

    actions.retry_run(run_id=Run.objects.get().pk, actor=CLARA, now=right_now())
    walk()

    assert outcomes(alice) == {"crm": "erased"}
    assert people_in(tmp_path) == [BOB, "x1", "x2"]
