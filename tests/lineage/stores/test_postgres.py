import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import psycopg2
import pyarrow as pa
import pytest

from lineage.identifiers import IdentifierKind
from lineage.liveness import ASKED, ASKING
from lineage.stores.errors import (
    ChangedMeanwhile,
    ColumnMissing,
    ColumnTypeMismatch,
    KeptRowsDiffer,
    MalformedIdentifier,
    NotSafelyErasable,
    NullIdentifier,
    StillPresent,
    StoreUnreadable,
)
from lineage.stores.postgres import PostgresStore
from lineage.stores.postgres_table import address_of, connected
from lineage.stores.protocol import DeclaredColumn, Step
from tests.cast import ALICE, BOB
from tests.lineage.stores.builders import CLARA, DIANA, Interrupted, Steps
from tests.lineage.stores.marks import EMAIL, GUID, NUMBER, USER, mark, wanted

ALL_STEPS = [Step.FOUND, Step.STAGED, Step.VERIFIED, Step.SWAPPED, Step.PURGED]
URL = os.environ["DATABASE_URL"]


class Database:
    """A schema of its own, with a connection that sees what is committed."""

    def __init__(self) -> None:
        self.connection = psycopg2.connect(URL)
        self.connection.autocommit = True
        self.schema = f"stores_{uuid4().hex}"
        self.run(f"CREATE SCHEMA {self.schema}")
        self.run(f"SET search_path = {self.schema}")

    def run(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []

    def people(self, columns: str = "") -> str:
        """Create a table with ALICE in two spellings, BOB and CLARA; return its name."""
        self.run(f'CREATE TABLE people ("user" text, city text{columns})')
        for user, city in [(ALICE, "Aachen"), (BOB, "Bonn"), (ALICE.upper(), "Celle"), (CLARA, "")]:
            self.run('INSERT INTO people ("user", city) VALUES (%s, %s)', user, city)
        return f"{self.schema}.people"

    def store(
        self, *columns: DeclaredColumn, table: str = "people", url: str = URL
    ) -> PostgresStore:
        return PostgresStore(f"{url}?table={self.schema}.{table}", columns or (USER,))

    def close(self) -> None:
        self.run(f"DROP SCHEMA {self.schema} CASCADE")
        self.connection.close()


@pytest.fixture
def database() -> Iterator[Database]:
    database = Database()
    yield database
    database.close()


# Reading


def test_a_table_is_one_part_whose_digest_follows_its_rows(database):
    part = database.people()
    first = database.store().parts()[0]
    database.run("UPDATE people SET city = 'Dorsten' WHERE city = ''")
    changed = database.store().parts()[0]
    database.run("UPDATE people SET city = '' WHERE city = 'Dorsten'")

    again = database.store().parts()[0]

    assert (first.name, first.rows) == (part, 4)
    assert first.size_bytes > 0
    assert first.digest == again.digest != changed.digest


def test_the_address_may_stand_in_the_environment(database, monkeypatch):
    part = database.people()
    monkeypatch.setenv("CLINIC_URL", URL)

    assert PostgresStore(f"env:CLINIC_URL?table={part}", [USER]).parts()[0].rows == 4
    with pytest.raises(StoreUnreadable, match="OTHER_URL is not set"):
        PostgresStore(f"env:OTHER_URL?table={part}", [USER]).parts()


@pytest.mark.parametrize(
    "uri",
    ["postgres://host/db", "postgres://host/db?table=", "env:?table=a", "mysql://host/db?table=a"],
)
def test_an_address_without_a_table_or_server_is_refused(uri):
    with pytest.raises(StoreUnreadable, match="not the address of a table"):
        PostgresStore(uri, [USER])


def test_neither_address_nor_password_is_in_a_message(database):
    store = PostgresStore("postgres://me:secret@127.0.0.1:1/db?table=public.people", [USER])

    with pytest.raises(StoreUnreadable) as refusal:
        store.parts()

    assert "secret" not in str(refusal.value)
    assert "127.0.0.1" not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


def test_what_is_no_table_is_unreadable(database):
    database.people()
    database.run("CREATE VIEW seen AS SELECT * FROM people")

    with pytest.raises(StoreUnreadable, match="no such table"):
        database.store(table="absent").parts()
    with pytest.raises(StoreUnreadable, match="not a table"):
        database.store(table="seen").parts()
    with pytest.raises(StoreUnreadable, match="another table"):
        database.store().read("public.people")


def test_scanning_yields_every_identifier_whatever_its_type(database):
    guid = UUID(int=7)
    part = database.people(
        f", email varchar(80) DEFAULT 'a@x.example', number bigint DEFAULT 5"
        f", guid uuid DEFAULT '{guid}'"
    )
    store = database.store(USER, EMAIL, NUMBER, GUID)

    found = [[v for batch in store.scan(part, column) for v in batch] for column in store.columns]

    assert sorted(map(str, found[0])) == sorted([ALICE, BOB, ALICE.upper(), CLARA])
    assert found[1:] == [["a@x.example"] * 4, [5] * 4, [str(guid)] * 4]


def test_reading_gives_columns_with_types_in_a_stable_order(database):
    part = database.people()
    database.run(
        "ALTER TABLE people ADD n smallint DEFAULT 1, ADD amount numeric(9,2) DEFAULT 1.25, "
        "ADD born date DEFAULT '2000-02-29', ADD at timestamptz DEFAULT '2000-01-01 00:00+01', "
        "ADD doc jsonb DEFAULT '{\"a\": 1}', ADD raw bytea DEFAULT '\\x00ff', ADD ok bool"
    )

    table = database.store().read(part)

    assert table.column_names[:2] == ["user", "city"]
    assert table.schema.types[2:] == [
        pa.int16(),
        pa.float64(),
        pa.date32(),
        pa.timestamp("us", tz="UTC"),
        pa.string(),
        pa.binary(),
        pa.bool_(),
    ]
    assert list(table.slice(0, 1).to_pylist()[0].values())[2:] == [
        1,
        1.25,
        date(2000, 2, 29),
        datetime(1999, 12, 31, 23, tzinfo=UTC),
        '{"a": 1}',
        b"\x00\xff",
        None,
    ]
    assert table.equals(database.store().read(part))
    assert database.store().read(part, ["n"]).column_names == ["n"]


def test_an_empty_table_is_read_with_its_types(database):
    part = database.people()
    database.run("DELETE FROM people")

    assert database.store().read(part).schema.types == [pa.string(), pa.string()]


def test_a_renamed_column_is_missing(database):
    part = database.people()
    database.run('ALTER TABLE people RENAME "user" TO username')
    store = database.store()

    for attempt in (
        lambda: list(store.scan(part, USER)),
        lambda: store.erase(part, wanted(ALICE), progress=Steps()),
        lambda: store.prove_absent(part, wanted(ALICE)),
        lambda: store.read(part, ["user"]),
    ):
        with pytest.raises(ColumnMissing, match="user"):
            attempt()


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        (IdentifierKind.TEXT, "integer"),
        (IdentifierKind.EMAIL, "bytea"),
        (IdentifierKind.INTEGER, "text"),
        (IdentifierKind.INTEGER, "numeric"),
        (IdentifierKind.UUID, "bigint"),
    ],
)
def test_a_column_that_cannot_hold_such_identifiers_is_refused(database, kind, type_):
    part = database.people(f", who {type_}")
    column = DeclaredColumn(name="who", namespace="n", kind=kind)

    with pytest.raises(ColumnTypeMismatch, match="cannot hold"):
        list(database.store(column).scan(part, column))
    with pytest.raises(ColumnTypeMismatch, match="cannot hold"):
        database.store(column).erase(part, {"who": wanted()["user"]}, progress=Steps())


def test_a_row_that_names_nobody_stops_scanning_and_erasing(database):
    part, steps = database.people(), Steps()
    database.run("INSERT INTO people VALUES (NULL, 'x')")

    with pytest.raises(NullIdentifier):
        list(database.store().scan(part, USER))
    with pytest.raises(NullIdentifier):
        database.store().erase(part, wanted(ALICE), progress=steps)
    assert steps.seen == []
    assert database.run("SELECT count(*) FROM people") == [(5,)]


def test_a_malformed_identifier_is_refused_without_being_quoted(database):
    part = database.people(", email text DEFAULT 'secret-no-address'")

    with pytest.raises(MalformedIdentifier) as refusal:
        list(database.store(EMAIL).scan(part, EMAIL))

    assert "secret" not in str(refusal.value)


# Erasing


def test_a_person_is_erased_in_every_spelling_and_the_others_stay_as_they_are(database):
    part, steps = database.people(), Steps()
    kept = database.run('SELECT * FROM people WHERE lower("user") <> %s', ALICE)
    assert len(database.run("SELECT * FROM people")) == len(kept) + 2

    erasure = database.store().erase(part, wanted(ALICE), progress=steps)

    assert database.run("SELECT * FROM people") == kept
    assert steps.seen == ALL_STEPS
    assert steps.found == {mark(ALICE)}
    assert (erasure.rows_before, erasure.rows_erased) == (4, 2)
    assert erasure.digest_after == database.store().parts()[0].digest != erasure.digest_before
    assert "Write-ahead log" in erasure.residual
    assert database.store().prove_absent(part, wanted(ALICE)).startswith("PostgreSQL")


def test_a_person_who_is_not_there_changes_nothing(database):
    part, steps = database.people(), Steps()
    before = database.store().parts()[0].digest

    erasure = database.store().erase(part, wanted(DIANA), progress=steps)

    assert steps.seen == [Step.FOUND, Step.VERIFIED, Step.PURGED]
    assert (erasure.rows_erased, erasure.digest_after) == (0, before)


def test_erasing_again_changes_nothing(database):
    part = database.people()
    database.store().erase(part, wanted(ALICE), progress=Steps())

    erasure = database.store().erase(part, wanted(ALICE), progress=Steps())

    assert (erasure.rows_before, erasure.rows_erased) == (2, 0)


def test_people_are_looked_for_by_several_columns_at_once(database):
    guids = [UUID(int=n) for n in range(4)]
    part = database.people(", number bigint, guid uuid, email text")
    for guid, (user,) in zip(guids, database.run('SELECT "user" FROM people'), strict=True):
        database.run(
            'UPDATE people SET number = %s, guid = %s, email = %s WHERE "user" = %s',
            guid.int,
            str(guid),
            f"P{guid.int}@X.example",
            user,
        )
    who = {
        **wanted(0, column=NUMBER),
        **wanted(guids[1], column=GUID),
        **wanted("p2@x.EXAMPLE", column=EMAIL),
    }

    erasure = database.store(NUMBER, GUID, EMAIL).erase(part, who, progress=Steps())

    assert erasure.rows_erased == 3
    assert database.run("SELECT number FROM people") == [(3,)]


def test_padded_texts_and_domains_hide_nobody(database):
    database.run("CREATE DOMAIN person AS char(40)")
    database.run('CREATE TABLE people ("user" person)')
    database.run("INSERT INTO people VALUES (%s), (%s)", ALICE.upper(), BOB)
    part = f"{database.schema}.people"

    erasure = database.store().erase(part, wanted(ALICE), progress=Steps())

    assert erasure.rows_erased == 1
    assert database.run('SELECT trim("user") FROM people') == [(BOB,)]


def test_partitions_are_searched_and_cleaned(database):
    database.run('CREATE TABLE people ("user" text, n int) PARTITION BY RANGE (n)')
    database.run("CREATE TABLE low PARTITION OF people FOR VALUES FROM (0) TO (10)")
    database.run("CREATE TABLE high PARTITION OF people FOR VALUES FROM (10) TO (20)")
    database.run("INSERT INTO people VALUES (%s, 1), (%s, 11), (%s, 12)", ALICE, ALICE, BOB)
    part = f"{database.schema}.people"

    erasure = database.store().erase(part, wanted(ALICE), progress=Steps())

    assert erasure.rows_erased == 2
    assert database.run("SELECT * FROM people") == [(BOB, 12)]
    assert database.store().parts()[0].size_bytes > 0


def test_the_planners_samples_forget_the_person_too(database):
    part = database.people()
    for _ in range(20):
        database.run("INSERT INTO people VALUES (%s, %s)", ALICE, "Aachen")
    database.run("ANALYZE people")
    assert ALICE in samples(database)

    database.store().erase(part, wanted(ALICE), progress=Steps())

    assert ALICE not in samples(database)


def samples(database: Database) -> str:
    return str(
        database.run(
            "SELECT most_common_vals::text, histogram_bounds::text FROM pg_stats "
            "WHERE schemaname = %s",
            database.schema,
        )
    )


def test_absence_is_not_claimed_while_rows_or_samples_remain(database):
    part = database.people()
    database.run("ANALYZE people")
    with pytest.raises(StillPresent, match="rows"):
        database.store().prove_absent(part, wanted(ALICE))

    database.run('DELETE FROM people WHERE lower("user") = %s', ALICE)

    with pytest.raises(StillPresent, match="planner"):
        database.store().prove_absent(part, wanted(ALICE))


def test_an_emptied_table_keeps_no_samples(database):
    if database.connection.server_version < 180_000:
        pytest.skip("PostgreSQL before 18 cannot clear them")
    part = database.people()
    database.run("ANALYZE people")

    database.store().erase(part, wanted(ALICE, BOB, CLARA), progress=Steps())

    assert database.run("SELECT * FROM people") == []
    assert database.store().prove_absent(part, wanted(ALICE, BOB))


def test_rows_that_another_table_needs_are_refused_and_stay(database):
    part = database.people(', PRIMARY KEY ("user")')
    database.run('CREATE TABLE visits (who text REFERENCES people ("user"))')
    database.run("INSERT INTO visits VALUES (%s)", ALICE)

    with pytest.raises(NotSafelyErasable, match="visits_who_fkey") as refusal:
        database.store().erase(part, wanted(ALICE), progress=Steps())

    assert ALICE not in str(refusal.value)
    assert refusal.value.__suppress_context__
    assert database.run("SELECT count(*) FROM people") == [(4,)]


def test_a_trigger_that_may_keep_a_copy_is_refused(database):
    part = database.people()
    database.run(
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'"
    )
    database.run(
        "CREATE TRIGGER archive BEFORE DELETE ON people FOR EACH ROW EXECUTE FUNCTION keep()"
    )

    with pytest.raises(NotSafelyErasable, match="archive"):
        database.store().erase(part, wanted(ALICE), progress=Steps())
    database.run("ALTER TABLE people DISABLE TRIGGER archive")

    assert database.store().erase(part, wanted(ALICE), progress=Steps()).rows_erased == 2


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ("RETURN NULL;", StillPresent),
        ("UPDATE people SET city = 'changed' WHERE city = 'Bonn'; RETURN OLD;", KeptRowsDiffer),
    ],
)
def test_a_trigger_that_comes_meanwhile_cannot_keep_or_change_rows(database, body, refusal):
    part = database.people()
    before = database.run("SELECT * FROM people")

    def interfere() -> None:
        database.run(
            f"CREATE FUNCTION interfere() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {body} END$$"
            f" SET search_path = {database.schema}"
        )
        database.run(
            "CREATE TRIGGER t BEFORE DELETE ON people FOR EACH ROW EXECUTE FUNCTION interfere()"
        )

    with pytest.raises(refusal):
        database.store().erase(part, wanted(ALICE), progress=Steps(act={Step.FOUND: interfere}))

    assert database.run("SELECT * FROM people") == before


def test_moments_that_python_cannot_hold_are_said(database):
    part = database.people(", born date DEFAULT '20000-01-01'")

    with pytest.raises(StoreUnreadable):
        database.store().read(part, ["born"])


@pytest.mark.parametrize("step", [Step.FOUND, Step.STAGED, Step.VERIFIED])
def test_a_caller_that_stops_before_the_commit_leaves_every_row(database, step):
    part = database.people()

    with pytest.raises(Interrupted):
        database.store().erase(part, wanted(ALICE), progress=Steps(stop_at=step))

    assert database.run("SELECT count(*) FROM people") == [(4,)]


def test_a_row_that_arrives_meanwhile_is_found_by_the_last_look(database):
    part = database.people()

    def arrive() -> None:
        database.run("INSERT INTO people VALUES (%s, 'again')", ALICE)

    erasure = database.store().erase(part, wanted(ALICE), progress=Steps(act={Step.STAGED: arrive}))

    assert erasure.rows_erased == 2
    with pytest.raises(StillPresent):
        database.store().prove_absent(part, wanted(ALICE))


def test_a_row_that_somebody_changes_meanwhile_stops_the_erasure(database):
    part = database.people()

    def change() -> None:
        database.run("UPDATE people SET city = 'new' WHERE city = 'Aachen'")

    with pytest.raises(ChangedMeanwhile):
        database.store().erase(part, wanted(ALICE), progress=Steps(act={Step.FOUND: change}))

    assert database.run("SELECT count(*) FROM people") == [(4,)]


# What a role may not do


@pytest.fixture
def clerk(database) -> Iterator[str]:
    """Return the address of a role that may read and delete, and owns nothing."""
    role = f"clerk_{uuid4().hex}"
    database.run(f"CREATE ROLE {role} LOGIN")
    database.run(f"GRANT USAGE ON SCHEMA {database.schema} TO {role}")
    parts = urlsplit(URL)
    yield parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}").geturl()
    database.run(f"DROP OWNED BY {role}")
    database.run(f"DROP ROLE {role}")


def test_row_security_that_would_hide_people_is_refused(database, clerk):
    part = database.people()
    role = urlsplit(clerk).username
    database.run(f"GRANT SELECT, DELETE ON people TO {role}")
    database.run("ALTER TABLE people ENABLE ROW LEVEL SECURITY")
    database.run("CREATE POLICY mine ON people USING (city = 'Bonn')")

    with pytest.raises(StoreUnreadable, match="row security"):
        database.store(url=clerk).erase(part, wanted(ALICE), progress=Steps())


def test_a_role_that_may_only_read_cannot_erase(database, clerk):
    part = database.people()
    database.run(f"GRANT SELECT ON people TO {urlsplit(clerk).username}")

    with pytest.raises(StoreUnreadable, match="may not do this"):
        database.store(url=clerk).erase(part, wanted(ALICE), progress=Steps())

    assert database.run("SELECT count(*) FROM people") == [(4,)]


def test_a_role_that_may_not_vacuum_says_what_stays(database, clerk):
    part = database.people()
    database.run(f"GRANT SELECT, DELETE ON people TO {urlsplit(clerk).username}")

    erasure = database.store(url=clerk).erase(part, wanted(ALICE), progress=Steps())

    assert erasure.rows_erased == 2
    assert "may not VACUUM" in erasure.residual


def test_the_server_too_is_to_notice_when_a_worker_is_gone(database):
    names = [one.partition("=")[0] for one in ASKED]

    with connected(address_of(f"{URL}?table={database.people()}")) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, source FROM pg_settings WHERE name = ANY(%s)", (names,))
            chosen = dict(cursor.fetchall())
        parameters = connection.get_dsn_parameters()

    assert chosen == dict.fromkeys(names, "session")
    assert {name: int(parameters[name]) for name in ASKING} == ASKING
