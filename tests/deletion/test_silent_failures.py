"""Four ways in which a deletion can fail without a word, on four PostgreSQL tables.

Each ends in its own outcome or state; none of them is "erased" where nothing was erased.
"""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from uuid import uuid4

import psycopg2
import pytest

from audits.models import Alert
from deletion import tasks
from deletion.models import Certificate, Run
from lineage.identifiers import IdentifierKind
from tests.deletion.builders import (
    make_due,
    make_request,
    outcomes,
    raw,
    right_now,
    state,
    statement_of,
    walk,
    work_off,
)
from tests.lineage.builders import make_namespace, make_store

pytestmark = pytest.mark.django_db

TABLES = {"customer": 1, "address": 1, "orders": 3, "event": 5}  # rows a person
ALICE = "alice.canary@example.com"
BOB = "bob.canary@example.com"
NOBODY = "nobody.canary@example.com"


class Shop:
    """An organisation's four tables, each of which names people by their e-mail address."""

    def __init__(self) -> None:
        self.schema = f"shop_{uuid4().hex}"

    @contextmanager
    def cursor(self) -> Iterator[psycopg2.extensions.cursor]:
        with closing(psycopg2.connect(os.environ["DATABASE_URL"])) as link:
            link.autocommit = True
            with link.cursor() as cursor:
                yield cursor

    def open(self, *people: str) -> None:
        with self.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA {self.schema}")
            for table in TABLES:
                cursor.execute(
                    f"CREATE TABLE {self.schema}.{table} (email text NOT NULL, said text)"
                )
        for person in people:
            self.add(person)

    def add(self, person: str) -> None:
        with self.cursor() as cursor:
            for table, rows in TABLES.items():
                cursor.execute(
                    f"INSERT INTO {self.schema}.{table} (email, said) "  # noqa: S608  # names made here
                    "SELECT %s, 'row ' || k FROM generate_series(1, %s) k",
                    [person, rows],
                )

    def close(self) -> None:
        with self.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE")

    def rows_of(self, person: str, *, event: str = "event") -> dict[str, int]:
        """Count a person's rows by table, in whatever letter case they are written."""
        found = {}
        with self.cursor() as cursor:
            for table in TABLES:
                place = event if table == "event" else table
                cursor.execute(
                    f"SELECT count(*) FROM {self.schema}.{place} WHERE lower(email) = lower(%s)",  # noqa: S608  # as above
                    [person],
                )
                (found[table],) = cursor.fetchone() or (0,)
        return found

    def rename(self, table: str, name: str) -> None:
        with self.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {self.schema}.{table} RENAME TO {name}")


@pytest.fixture
def shop(settings):
    settings.COALESCE = settings.COALESCE * 0
    settings.ATTEMPTS = 2
    place = Shop()
    place.open(ALICE, BOB)
    make_namespace("email", kind=IdentifierKind.EMAIL)
    for table in TABLES:
        make_store(
            f"env:DATABASE_URL?table={place.schema}.{table}",
            name=table,
            kind="postgres",
            columns={"email": "email"},
        )
    yield place
    place.close()


def ask(person, key="k1"):
    return make_request(raw(person, "email"), key=key, now=right_now())


GONE = dict.fromkeys(TABLES, 0)


def test_the_plain_case_is_erased_and_the_bystander_is_not(shop):
    assert shop.rows_of(ALICE) == TABLES
    assert shop.rows_of(BOB) == TABLES
    opened = ask(ALICE)

    walk()

    assert (state(opened), outcomes(opened)) == ("complete", dict.fromkeys(TABLES, "erased"))
    assert shop.rows_of(ALICE) == GONE
    assert shop.rows_of(BOB) == TABLES


def test_an_absent_person_ends_as_absent(shop):
    assert shop.rows_of(ALICE) == TABLES  # the search is able to find somebody
    assert shop.rows_of(NOBODY) == GONE
    opened = ask(NOBODY)

    walk()

    assert (state(opened), outcomes(opened)) == ("complete", dict.fromkeys(TABLES, "absent"))
    predicate = statement_of(Certificate.objects.get())["predicate"]
    assert predicate["outcomes"] == {"absent": 4}
    assert [one["evidence"]["rows_erased"] for one in predicate["targets"]] == [0] * 4
    assert all(one["evidence"]["readers"] for one in predicate["targets"])
    assert shop.rows_of(ALICE) == TABLES
    assert shop.rows_of(BOB) == TABLES


def test_the_same_person_in_another_letter_case_is_erased(shop):
    assert shop.rows_of(ALICE) == TABLES
    opened = ask(ALICE.upper().replace("EXAMPLE", "Example"))

    walk()

    assert (state(opened), outcomes(opened)) == ("complete", dict.fromkeys(TABLES, "erased"))
    assert shop.rows_of(ALICE) == GONE
    assert shop.rows_of(BOB) == TABLES


def test_a_table_renamed_since_it_was_declared_is_unreachable_and_nothing_is_complete(shop):
    opened = ask(ALICE)
    shop.rename("event", "event_2")
    assert shop.rows_of(ALICE, event="event_2") == TABLES

    for _ in range(4):
        tasks.sweep()
        work_off()
        make_due()

    assert state(opened) == "in progress"
    assert outcomes(opened) == dict.fromkeys(TABLES, "erased") | {"event": "unreachable"}
    assert not Certificate.objects.exists()
    assert shop.rows_of(ALICE, event="event_2") == GONE | {"event": TABLES["event"]}
    stuck = Run.objects.get(state="stuck")
    assert "no such table" in stuck.last_error
    assert Alert.objects.get(kind="run-stuck").about == f"run/{stuck.pk}"
    assert shop.rows_of(BOB, event="event_2") == TABLES


def test_an_already_erased_person_who_asks_again_is_absent_by_a_new_search(shop):
    first = ask(ALICE, "k1")
    walk()
    assert outcomes(first) == dict.fromkeys(TABLES, "erased")
    assert shop.rows_of(ALICE) == GONE

    second = ask(ALICE, "k2")
    walk()

    assert (state(second), outcomes(second)) == ("complete", dict.fromkeys(TABLES, "absent"))
    erased = [
        run.evidence["rows_erased"] for run in Run.objects.filter(shares__request=second.request)
    ]
    assert erased == [0] * 4  # counted anew: not the ten rows of the first time
    assert shop.rows_of(BOB) == TABLES
