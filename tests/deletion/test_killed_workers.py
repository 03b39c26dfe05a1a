"""A worker killed before or after any step, in any kind of store, is replaced by the sweep."""

import os
from itertools import pairwise
from uuid import uuid4

import psycopg2
import pytest

from config.traces import files_naming, tables_naming
from deletion import tasks
from deletion.models import RunPart
from deletion.queries import work
from lineage.stores.protocol import Step
from tests.cast import ALICE, BOB
from tests.deaths import dies
from tests.deletion.builders import (
    make_due,
    make_request,
    outcomes,
    raw,
    right_now,
    state,
    walk,
)
from tests.lineage.builders import PATIENT_ID, make_store, pseudonym, write_people

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = ("erin-canary-40aa", ALICE, BOB)
BEFORE = {Step.FOUND: ""} | {after: before.value for before, after in pairwise(Step)}
URL = os.environ["DATABASE_URL"]


class Places:
    """ALICE and BOB in a Parquet file, a CSV file and a table of PostgreSQL."""

    def __init__(self, folder, connection):
        self.connection = connection
        self.schema = f"killed_{uuid4().hex}"
        self.parquet = write_people(folder / "parquet" / "a.parquet", PEOPLE)
        self.csv = folder / "csv" / "a.csv"
        self.csv.parent.mkdir()
        self.csv.write_text(f"{PATIENT_ID},size\n" + "".join(f"{one},7\n" for one in PEOPLE))
        self.run(f"CREATE SCHEMA {self.schema}")
        self.run(f"SET search_path = {self.schema}")
        self.run("CREATE TABLE people (patient_id text, size integer)")
        for one in PEOPLE:
            self.run("INSERT INTO people VALUES (%s, 7)", one)
        make_store(self.parquet.parent, name="parquet")
        make_store(self.csv.parent, name="csv", kind="csv")
        make_store(f"{URL}?table={self.schema}.people", name="table", kind="postgres")

    def run(self, query, *values):
        with self.connection.cursor() as cursor:
            cursor.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []

    def naming(self, person):
        rows = self.run("SELECT 1 FROM people WHERE patient_id = %s", person)
        files = files_naming(self.parquet.parent, person) | files_naming(self.csv.parent, person)
        return {path.name for path in files} | ({"people"} if rows else set())


@pytest.fixture
def places(tmp_path):
    connection = psycopg2.connect(URL)
    connection.autocommit = True
    places = Places(tmp_path, connection)
    yield places
    places.run(f"DROP SCHEMA {places.schema} CASCADE")
    connection.close()


@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize("when", ["before", "after"])
def test_workers_killed_around_any_step_are_replaced_and_the_request_completes(
    places, settings, when, step
):
    settings.COALESCE = settings.COALESCE * 0
    everywhere = {"a.parquet", "a.csv", "people"}
    opened = make_request(raw(ALICE), now=right_now())
    tasks.sweep()
    for run in work.waiting_runs(now=right_now(), limit=9):
        tasks.close_run(str(run))
    parts = work.waiting_parts(now=right_now(), limit=9)
    assert len(parts) == 3
    assert places.naming(ALICE) == places.naming(BOB) == everywhere
    assert tables_naming(str(pseudonym(ALICE)))

    assert dies("tests.deletion.killed_workers", when, step, *map(str, parts))

    reached = step.value if when == "after" else BEFORE[step]
    assert set(RunPart.objects.values_list("step", flat=True)) == {reached}
    assert state(opened) == "in progress"
    make_due()
    walk()

    assert state(opened) == "complete"
    assert outcomes(opened) == {"parquet": "erased", "csv": "erased", "table": "erased"}
    assert places.naming(ALICE) == set()
    assert tables_naming(str(pseudonym(ALICE))) == set()
    assert places.naming(BOB) == everywhere
    assert places.csv.read_text() == f"{PATIENT_ID},size\n{PEOPLE[0]},7\n{BOB},7\n"
    assert places.run("SELECT * FROM people") == [(PEOPLE[0], 7), (BOB, 7)]
    assert set(RunPart.objects.values_list("step", flat=True)) == {"proven"}
