"""Parts that other programs write while a run works."""

import pyarrow.parquet as pq
import pytest

from deletion import tasks
from deletion.queries import work
from tests.cast import ALICE, BOB
from tests.deletion.builders import make_request, outcomes, raw, right_now, state, walk
from tests.lineage.builders import PATIENT_ID, make_store, write_people

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


def list_again():
    (run,) = work.waiting_runs(now=right_now(), limit=9)
    tasks.close_run(str(run))


def erase():
    for part in work.waiting_parts(now=right_now(), limit=9):
        tasks.erase_part(part)


def people_in(file):
    return pq.read_table(file)[PATIENT_ID].to_pylist()


def test_a_part_that_changes_while_another_gets_its_round_is_looked_at_again(tmp_path):
    write_people(tmp_path / "a.parquet", (ALICE, BOB))
    make_store(tmp_path, name="crm")
    alice = make_request(raw(ALICE), now=right_now())
    tasks.sweep()
    list_again()
    erase()
    assert people_in(tmp_path / "a.parquet") == [BOB]
    write_people(tmp_path / "b.parquet", ("x1", "x2"))
    list_again()

    write_people(tmp_path / "a.parquet", (ALICE, BOB))
    erase()  # nobody is found in the new part
    walk()

    assert state(alice) == "complete"
    assert outcomes(alice) == {"crm": "erased"}
    assert people_in(tmp_path / "a.parquet") == [BOB]
