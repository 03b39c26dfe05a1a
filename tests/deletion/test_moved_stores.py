"""A place that was moved, or whose column was renamed, while somebody asks to be deleted."""

import pyarrow.parquet as pq
import pytest
from django.core.management import call_command

from audits.trail import Actor
from config.traces import pages_naming, tables_naming
from deletion import actions, tasks
from deletion.models import Run
from lineage.models import DatasetFamily
from tests.cast import ALICE, BOB
from tests.deletion.builders import (
    make_due,
    make_request,
    outcomes,
    raw,
    right_now,
    state,
    walk,
    work_off,
)
from tests.lineage.builders import (
    PATIENT_ID,
    PEOPLE,
    make_dataset,
    pseudonym,
    recorded,
    subject,
    write_people,
)

pytestmark = pytest.mark.django_db

CLARA = Actor("user:clara")


@pytest.fixture(autouse=True)
def few_attempts_at_once(settings):
    settings.COALESCE = settings.COALESCE * 0
    settings.ATTEMPTS = 2


def get_stuck():
    for _ in range(4):
        tasks.sweep()
        work_off()
        make_due()
    assert Run.objects.get().state == "stuck"


def test_a_store_that_was_moved_and_its_column_renamed_lets_the_stuck_run_end(tmp_path):
    make_dataset(tmp_path / "old")
    alice, bob = pseudonym(ALICE), subject(BOB)
    opened = make_request(raw(ALICE), now=right_now())
    moved = tmp_path / "new"
    (tmp_path / "old").rename(moved)
    table = pq.read_table(moved / "part-0.parquet")
    pq.write_table(table.rename_columns(["who", *table.column_names[1:]]), moved / "part-0.parquet")
    get_stuck()
    assert outcomes(opened) == {"patients": "unreachable"}
    assert pages_naming(moved, ALICE)
    assert "lineage_pseudonym" in str(tables_naming(str(alice)))

    call_command("move_store", "patients", str(moved), "--id-column=who")
    actions.retry_run(run_id=Run.objects.get().pk, actor=CLARA, now=right_now())
    walk()

    assert state(opened) == "complete"
    assert outcomes(opened) == {"patients": "erased"}
    assert not pages_naming(tmp_path, ALICE)
    assert pages_naming(tmp_path, BOB)
    assert not tables_naming(str(alice))
    kept = pq.read_table(moved / "part-0.parquet")
    expected = table.rename_columns(["who", *table.column_names[1:]])
    assert kept.equals(expected.filter([person != ALICE for person in PEOPLE]))
    assert subject(BOB) == bob
    assert DatasetFamily.objects.get().id_column == "who"
    assert recorded("StoreMoved")[0]["facts"]["renamed"] == {PATIENT_ID: "who"}


def test_a_file_that_was_given_another_name_lets_the_stuck_run_end(tmp_path):
    write_people(tmp_path / "crm.parquet", (ALICE, BOB))
    call_command("declare_namespace", PATIENT_ID, "--kind=text")
    place = str(tmp_path / "crm.parquet")
    call_command("register_store", place, "--name=crm", f"--id-column={PATIENT_ID}")
    opened = make_request(raw(ALICE), now=right_now())
    (tmp_path / "crm.parquet").rename(tmp_path / "customers.parquet")
    get_stuck()
    assert outcomes(opened) == {"crm": "unreachable"}

    call_command("move_store", "crm", str(tmp_path / "customers.parquet"))
    actions.retry_run(run_id=Run.objects.get().pk, actor=CLARA, now=right_now())
    walk()

    assert (state(opened), outcomes(opened)) == ("complete", {"crm": "erased"})
    assert pq.read_table(tmp_path / "customers.parquet")[PATIENT_ID].to_pylist() == [BOB]
