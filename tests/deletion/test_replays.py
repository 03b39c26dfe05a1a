"""A store came back from a backup: who was erased since then is erased there again."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import uuid4

import psycopg2
import pytest
from django.core.management import CommandError, call_command

from audits.models import Alert
from config.traces import files_naming, tables_naming
from deletion import actions, tasks
from deletion.errors import MomentAhead, RunUnderWay
from deletion.models import Run, RunPart
from deletion.queries import work
from deletion.queries.replays import found_since
from lineage.graph import EdgeKind, VersionState
from lineage.models import DatasetVersion, Pseudonym, Suppression
from lineage.stores.protocol import Step
from tests.cast import ALICE, BOB, OFFICER
from tests.deaths import dies
from tests.deletion.builders import (
    DORA,
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
from tests.lineage.builders import (
    make_family,
    make_node,
    make_store,
    make_version,
    pseudonym,
    recorded,
    write_people,
)

pytestmark = pytest.mark.django_db(transaction=True)

CAROL = "carol-canary-9e03"
PEOPLE = (CAROL, ALICE, BOB)
EVERYWHERE = {"a.parquet", "b.parquet", "people"}
URL = os.environ["DATABASE_URL"]


class Places:
    """ALICE, BOB and CAROL in two Parquet files and a table, with a backup of both places."""

    def __init__(self, folder, connection):
        self.connection = connection
        self.schema = f"replay_{uuid4().hex}"
        self.files = folder / "files"
        for file in ("a.parquet", "b.parquet"):
            write_people(self.files / file, PEOPLE)
        self.run(f"CREATE SCHEMA {self.schema}")
        self.run(f"SET search_path = {self.schema}")
        self.run("CREATE TABLE people (id serial PRIMARY KEY, patient_id text, size integer)")
        for one in PEOPLE:
            self.run("INSERT INTO people (patient_id, size) VALUES (%s, 7)", one)
        self.store = make_store(self.files, name="files")
        self.family = make_family(self.store)
        self.table = make_store(f"{URL}?table={self.schema}.people", name="table", kind="postgres")
        make_version(self.family)
        self.backup = folder / "backup"
        shutil.copytree(self.files, self.backup)
        self.rows = self.run("SELECT * FROM people")

    def run(self, query, *values):
        with self.connection.cursor() as cursor:
            cursor.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []

    def restore(self):
        shutil.rmtree(self.files)
        shutil.copytree(self.backup, self.files)
        self.run("TRUNCATE people")
        for row in self.rows:
            self.run("INSERT INTO people VALUES (%s, %s, %s)", *row)

    def naming(self, person):
        rows = self.run("SELECT 1 FROM people WHERE patient_id = %s", person)
        return {path.name for path in files_naming(self.files, person)} | (
            {"people"} if rows else set()
        )


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


@pytest.fixture
def places(tmp_path):
    connection = psycopg2.connect(URL)
    connection.autocommit = True
    places = Places(tmp_path, connection)
    yield places
    places.run(f"DROP SCHEMA {places.schema} CASCADE")
    connection.close()


def forget(person, *, key="key-1"):
    opened = make_request(raw(person), key=key, now=right_now())
    walk()
    assert state(opened) == "complete"
    return opened


def replay(store, *, since):
    return actions.start_replay(store_id=store.pk, since=since, actor=OFFICER, now=right_now())


def test_whoever_was_forgotten_since_the_backup_is_erased_again_and_nobody_else(places):
    backed_up_at = right_now()
    assert places.naming(ALICE) == EVERYWHERE
    forget(ALICE)
    assert places.naming(ALICE) == set()
    places.restore()
    assert places.naming(ALICE) == places.naming(BOB) == EVERYWHERE
    quarantined = make_version(places.family)
    assert quarantined.state == VersionState.QUARANTINED

    runs = [replay(store, since=backed_up_at) for store in (places.store, places.table)]
    work_off()

    assert places.naming(ALICE) == set()
    assert places.naming(BOB) == places.naming(CAROL) == EVERYWHERE
    assert places.run("SELECT * FROM people ORDER BY id") == [(1, CAROL, 7), (3, BOB, 7)]
    for run, parts in zip(runs, (2, 1), strict=True):
        run.refresh_from_db()
        assert (run.state, run.evidence["parts"], run.evidence["rows_erased"]) == (
            "succeeded",
            parts,
            parts,
        )
        assert events(f"run/{run.pk}")[0] == "ReplayStarted"
        assert events(f"run/{run.pk}")[-1] == "RunFinished"
    assert recorded("ReplayStarted")[0]["facts"]["marks"] == 1
    steps = [entry["facts"] for entry in recorded("PartStep")]
    assert {step["evidence"]["people"] for step in steps if step["step"] == "found"} == {1}
    assert DatasetVersion.objects.latest("seq").state == VersionState.CLEAR
    quarantined.refresh_from_db()
    assert quarantined.state == VersionState.SUPERSEDED
    assert not Alert.objects.filter(resolved_at=None).exists()
    assert tables_naming(str(pseudonym(ALICE))) == set()
    assert tables_naming(str(pseudonym(BOB)))
    assert Pseudonym.objects.count() == 2


def test_a_second_replay_finds_nobody_and_changes_nothing(places):
    backed_up_at = right_now()
    forget(ALICE)
    places.restore()
    replay(places.store, since=backed_up_at)
    work_off()
    files = {path.name: path.read_bytes() for path in places.files.iterdir()}

    again = replay(places.store, since=backed_up_at)
    work_off()

    again.refresh_from_db()
    assert (again.state, again.evidence["rows_erased"]) == ("succeeded", 0)
    assert {path.name: path.read_bytes() for path in places.files.iterdir()} == files


def test_who_was_forgotten_before_the_backup_was_made_is_not_looked_for(places):
    forget(ALICE)
    since = right_now()
    forget(CAROL, key="key-2")
    places.restore()
    assert found_since(places.store.pk, since=since, now=right_now()).people == 1

    replay(places.store, since=since)
    work_off()

    assert places.naming(CAROL) == {"people"}  # only the files were replayed
    assert places.naming(ALICE) == EVERYWHERE  # it could not have been in that backup


def test_the_restored_rows_of_a_request_that_is_still_open_are_erased_too(places):
    backed_up_at = right_now()
    opened = make_request(raw(ALICE), now=right_now())
    tasks.sweep()
    work_off()
    assert outcomes(opened) == {"files": "erased", "table": "erased"}
    assert state(opened) == "in progress"
    places.restore()
    assert places.naming(ALICE) == EVERYWHERE

    replay(places.store, since=backed_up_at)
    work_off()

    assert places.naming(ALICE) == {"people"}
    assert places.naming(BOB) == EVERYWHERE


def test_who_asked_again_and_is_held_is_left_alone(places):
    backed_up_at = right_now()
    forget(ALICE)
    forget(CAROL, key="key-2")
    places.restore()
    again = make_request(raw(ALICE), key="again", now=right_now())
    actions.place_hold(
        request_id=again.request.pk,
        article="GDPR Art. 17(3)(e)",
        reason="a claim",
        actor=OFFICER,
        now=right_now(),
    )

    replay(places.store, since=backed_up_at)
    work_off()

    assert places.naming(ALICE) == EVERYWHERE
    assert places.naming(CAROL) == {"people"}


@pytest.mark.parametrize("step", [Step.STAGED, Step.SWAPPED, Step.PROVEN])
def test_a_replay_whose_workers_are_killed_is_taken_up_and_ends_the_same(places, step):
    backed_up_at = right_now()
    forget(ALICE)
    places.restore()
    run = replay(places.store, since=backed_up_at)
    tasks.close_run(str(run.pk))
    parts = work.waiting_parts(now=right_now(), limit=9)
    assert len(parts) == 2

    assert dies("tests.deletion.killed_workers", "after", step, str(parts[0]))
    assert places.naming(BOB) >= EVERYWHERE  # and what was staged
    make_due()
    work_off()

    run.refresh_from_db()
    assert run.state == "succeeded"
    assert places.naming(ALICE) == {"people"}
    assert places.naming(BOB) == EVERYWHERE
    assert set(RunPart.objects.filter(run=run).values_list("step", flat=True)) == {"proven"}


def test_a_store_has_one_run_at_a_time(places):
    forget(ALICE)
    before = right_now() - timedelta(days=1)
    replay(places.store, since=before)

    with pytest.raises(RunUnderWay, match="files"):
        replay(places.store, since=before)

    assert Run.objects.filter(replay_since__isnull=False).count() == 1


def test_without_anybody_to_look_for_nothing_begins(places):
    assert replay(places.store, since=right_now() - timedelta(days=1)) is None

    assert not Run.objects.exists()
    assert "ReplayStarted" not in events()


def test_a_backup_of_the_future_is_refused(places):
    with pytest.raises(MomentAhead):
        replay(places.store, since=right_now() + timedelta(hours=1))


def test_a_model_of_another_tool_made_of_returned_people_is_alerted(places):
    backed_up_at = right_now()
    forget(ALICE)
    places.restore()
    quarantined = make_version(places.family)
    make_node(name="foreign", sources=[(quarantined.node_id, EdgeKind.TRAINED_ON)])
    make_node(name="bystander")

    replay(places.store, since=backed_up_at)

    alert = Alert.objects.get(kind="model-saw-returned-person")
    assert alert.about == "model/foreign 1"
    assert ALICE not in str(alert.detail)


def test_the_command_counts_without_changing_and_then_begins_a_run(places):
    backed_up_at = right_now()
    forget(ALICE)
    places.restore()
    said, since = StringIO(), backed_up_at.isoformat()
    before = (Run.objects.count(), events())

    call_command("replay_erasures", "--store", "files", "--since", since, "--dry-run", stdout=said)

    assert "files: 2 rows of 1 forgotten people in 2 parts; nothing was changed" in said.getvalue()
    assert (Run.objects.count(), events()) == before
    assert places.naming(ALICE) == EVERYWHERE
    call_command("replay_erasures", "--all-stores", "--since", since, stdout=said)
    work_off()
    assert places.naming(ALICE) == set()
    assert places.naming(BOB) == EVERYWHERE


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--store", "nowhere", "--since", "2026-01-01"], "StoreUnknown"),
        (["--store", "files", "--since", "last week"], "write it as"),
        (["--store", "files", "--since", "2999-01-01"], "MomentAhead"),
        (["--since", "2026-01-01"], "required"),
    ],
)
def test_what_the_command_cannot_do_it_says_in_one_line(places, arguments, why):
    with pytest.raises(CommandError, match=why):
        call_command("replay_erasures", *arguments)

    assert not Run.objects.exists()


def test_a_moment_without_a_time_zone_is_utc(places):
    forget(ALICE)
    places.restore()
    Suppression.objects.update(suppressed_at=datetime(2026, 1, 1, 12, tzinfo=UTC))
    said = StringIO()

    for since in ("2026-01-01T11:59", "2026-01-01T12:01"):
        call_command(
            "replay_erasures", "--store", "table", "--since", since, "--dry-run", stdout=said
        )

    first, second = said.getvalue().splitlines()
    assert "1 rows of 1" in first
    assert "0 rows of 0" in second


def test_who_came_back_and_was_forgotten_once_more_is_looked_for_since_the_second_time(places):
    forget(ALICE)
    places.restore()
    backed_up_at = right_now()
    forget(ALICE, key="key-2")
    places.restore()
    assert places.naming(ALICE) == EVERYWHERE

    replay(places.store, since=backed_up_at)
    work_off()

    assert places.naming(ALICE) == {"people"}  # only the files were replayed
    assert places.naming(BOB) == EVERYWHERE


def test_who_was_erased_and_then_held_is_erased_again_after_the_release(places):
    backed_up_at = right_now()
    opened = make_request(raw(ALICE), now=right_now())
    tasks.sweep()
    work_off()
    assert outcomes(opened) == {"files": "erased", "table": "erased"}
    actions.place_hold(
        request_id=opened.request.pk,
        article="GDPR Art. 17(3)(e)",
        reason="a claim",
        actor=OFFICER,
        now=right_now(),
    )
    places.restore()
    for store in (places.store, places.table):
        replay(store, since=backed_up_at)
    work_off()
    assert places.naming(ALICE) == EVERYWHERE  # it is kept
    assert outcomes(opened) == {"files": "held", "table": "held"}

    actions.release_hold(request_id=opened.request.pk, actor=DORA, now=right_now())
    walk()

    assert state(opened) == "complete"
    assert places.naming(ALICE) == set()
    assert places.naming(BOB) == EVERYWHERE
