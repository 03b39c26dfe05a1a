"""What a sweep and the workers do when something is taken, broken or lost."""

import os

import psycopg2
import pytest
from django.db import connection

from deletion import tasks
from deletion.actions.locks import ONE_SWEEP, one_sweep
from deletion.models import DeletionRequest, Run, RunPart
from deletion.queries import work
from lineage.models import Namespace
from tests.cast import ALICE, BOB
from tests.deletion.builders import (
    make_due,
    make_request,
    raw,
    right_now,
    state,
    walk,
    work_off,
)
from tests.lineage.builders import make_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


def test_a_sweep_can_be_run_by_one_machine_at_a_time(tmp_path):
    make_dataset(tmp_path)
    opened = make_request(now=right_now())
    other = psycopg2.connect(os.environ["DATABASE_URL"], dbname=connection.settings_dict["NAME"])
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [ONE_SWEEP])

    tasks.sweep()
    assert state(opened) == "received"

    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s)", [ONE_SWEEP])
    other.close()
    tasks.sweep()
    assert state(opened) == "in progress"


def test_the_sweeps_lock_is_given_back_whatever_happens():
    with pytest.raises(ZeroDivisionError):
        trouble_in_a_sweep()

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE objid = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [ONE_SWEEP],  # another database of the same server may be swept at this moment
        )
        assert cursor.fetchone() == (0,)


def trouble_in_a_sweep() -> None:
    with one_sweep() as mine:
        assert mine
        raise ZeroDivisionError


def test_one_request_that_cannot_be_completed_holds_up_nobody_and_is_not_passed_over(tmp_path):
    make_dataset(tmp_path)
    alice = make_request(raw(ALICE), key="k1", now=right_now())
    bob = make_request(raw(BOB), key="k2", now=right_now())
    tasks.sweep()
    work_off()
    DeletionRequest.objects.filter(pk=alice.request.pk).update(wrapped_key=b"damaged")

    with pytest.raises(ExceptionGroup):
        tasks.sweep()

    assert (state(alice), state(bob)) == ("in progress", "complete")


def test_what_nobody_foresaw_is_recorded_by_its_kind_only_and_raised(tmp_path):
    make_dataset(tmp_path)
    make_request(raw(ALICE), now=right_now())
    tasks.sweep()
    (run,) = work.waiting_runs(now=right_now(), limit=1)
    tasks.close_run(str(run))
    (part,) = work.waiting_parts(now=right_now(), limit=1)
    Namespace.objects.update(kind="shoe size")

    with pytest.raises(ValueError, match="shoe size"):
        tasks.erase_part(part)

    assert RunPart.objects.get().last_error == "ValueError"
    Namespace.objects.update(kind="text")
    make_due()
    walk()
    assert not DeletionRequest.objects.exclude(state="complete").exists()


def test_a_place_that_cannot_be_listed_is_recorded_at_its_run_until_a_person_must_look(
    tmp_path, settings
):
    settings.ATTEMPTS = 2
    make_dataset(tmp_path / "data")
    opened = make_request(raw(ALICE), now=right_now())
    (tmp_path / "data").rename(tmp_path / "moved")

    for _ in range(3):
        tasks.sweep()
        work_off()
        make_due()

    run = Run.objects.get()
    assert (run.state, run.attempts) == ("stuck", 2)
    assert run.last_error.startswith("PlaceMissing: ")
    assert state(opened) == "in progress"


def test_a_run_whose_workers_only_ever_die_between_the_parts_is_stuck_too(tmp_path, settings):
    make_dataset(tmp_path)
    make_request(raw(ALICE), now=right_now())
    tasks.sweep()
    Run.objects.update(attempts=settings.ATTEMPTS)

    tasks.close_run(str(Run.objects.get().pk))

    assert Run.objects.get().state == "stuck"


def test_messages_about_work_that_is_done_or_taken_change_nothing(tmp_path):
    make_dataset(tmp_path)
    make_request(raw(ALICE), now=right_now())
    walk()
    before = list(RunPart.objects.values())

    tasks.erase_part(RunPart.objects.get().pk)
    tasks.close_run(str(Run.objects.get().pk))
    tasks.erase_part(10**9)

    assert list(RunPart.objects.values()) == before
