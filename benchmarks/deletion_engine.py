"""Draining requests: four PostgreSQL tables, ten rows a person, everything on, beside bare SQL.

Real web server, workers and beat on real PostgreSQL and Redis: each person is read back on a new
connection, every step is in the trail, the sealer is at work, and who counts as drained has a
signed certificate. The last request is the most urgent one. Times count from the first plan, when
the workers are up. Beside it, in the same run: the bare statements that remove the same rows. On a
machine that others use as well, the ratio between the two says more than either.
"""

import os
import resource
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import django

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

import psycopg2  # noqa: E402  # Django must be set up first
from django.contrib.auth.models import Group, User  # noqa: E402  # likewise
from django.core.management import call_command  # noqa: E402  # likewise
from django.db import connection  # noqa: E402  # likewise
from django.utils import timezone  # noqa: E402  # likewise
from knox.models import AuthToken  # noqa: E402  # likewise

from audits.models import OutboxEntry  # noqa: E402  # likewise
from audits.permissions import Role  # noqa: E402  # likewise
from audits.trail import Actor  # noqa: E402  # likewise
from benchmarks.figures import Figure, at_least, at_most, run  # noqa: E402  # likewise
from config.demo.client import Client, wait_until_ready  # noqa: E402  # likewise
from deletion.models import Batch, Certificate, DeletionRequest, Share  # noqa: E402  # likewise
from lineage.actions import (  # noqa: E402  # likewise
    declare_namespace,
    register_family,
    register_store,
    register_version,
)
from lineage.identifiers import IdentifierKind  # noqa: E402  # likewise
from lineage.queries import scan_family  # noqa: E402  # likewise
from scripts.serve import Service  # noqa: E402  # likewise

ACTOR: Final = Actor("command:benchmark")
FIDES: Final = 0.82  # requests/s a worker process: Fides 2.78, the same tables, measured
FIDES_FLOOR: Final = 1_300  # bare SQL over Fides, a process, measured on one machine in turn
TABLES: Final = {"customer": 1, "address": 1, "orders": 3, "event": 5}  # rows a person
PROCESSES: Final = 2  # that work on requests: one of the part worker, one of the part sweeper
PACE: Final = {"COALESCE_SECONDS": "0", "APPROVE_UP_TO": "100000"}  # everything else by default


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured."""

    requests: int
    bystanders: int


SMALL: Final = Size(requests=300, bystanders=3_000)
FULL: Final = Size(requests=3_000, bystanders=10_000)


@contextmanager
def outside() -> Iterator[psycopg2.extensions.connection]:
    """Connect to the organisation's own tables, as its applications do."""
    with closing(psycopg2.connect(os.environ["DATABASE_URL"])) as link:
        yield link


def fill(prefix: str, people: int) -> None:
    """Write the four tables of an organisation, with its primary keys and indexes."""
    with outside() as link, link.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE {prefix}_customer (id bigint PRIMARY KEY, email text NOT NULL UNIQUE,"
            " name text)"
        )
        cursor.execute(
            f"INSERT INTO {prefix}_customer "  # noqa: S608  # a constant name
            "SELECT n, 'person' || n || '@example.com', 'Person ' || n "
            "FROM generate_series(1, %s) n",
            [people],
        )
        for table, rows in TABLES.items():
            if table == "customer":
                continue
            cursor.execute(
                f"CREATE TABLE {prefix}_{table} (id bigserial PRIMARY KEY,"
                " customer bigint NOT NULL, said text)"
            )
            cursor.execute(
                f"INSERT INTO {prefix}_{table} (customer, said) "  # noqa: S608  # a constant name
                f"SELECT n, '{table} ' || k || ' of ' || n "
                "FROM generate_series(1, %s) n, generate_series(1, %s) k",
                [people, rows],
            )
            cursor.execute(f"CREATE INDEX ON {prefix}_{table} (customer)")
        link.commit()


def bare_sql(prefix: str, people: Sequence[int]) -> float:
    """Remove people as a script would: read one, delete its rows, commit. Return people/s."""
    with outside() as link, link.cursor() as cursor:
        began = time.monotonic()
        for person in people:
            cursor.execute(f"SELECT * FROM {prefix}_customer WHERE id = %s", [person])  # noqa: S608  # a constant name
            cursor.fetchall()
            for table in reversed(TABLES):
                column = "id" if table == "customer" else "customer"
                cursor.execute(f"DELETE FROM {prefix}_{table} WHERE {column} = %s", [person])  # noqa: S608  # as above
            link.commit()
        return len(people) / (time.monotonic() - began)


def left_of(prefix: str, people: Sequence[int]) -> tuple[int, int]:
    """Count the rows of some people, and those of everybody else."""
    theirs = others = 0
    with outside() as link, link.cursor() as cursor:
        for table in TABLES:
            column = "id" if table == "customer" else "customer"
            cursor.execute(
                f"SELECT count(*) FILTER (WHERE {column} = ANY(%s)), count(*) "  # noqa: S608  # as above
                f"FROM {prefix}_{table}",
                [list(people)],
            )
            mine, every = cursor.fetchone() or (0, 0)
            theirs, others = theirs + mine, others + every - mine
    return theirs, others


def register(prefix: str) -> None:
    """Tell Lethe of the four tables; the events are a training set as well."""
    now = timezone.now()
    declare_namespace(name="customer_id", kind=IdentifierKind.INTEGER, actor=ACTOR, now=now)
    declare_namespace(name="email", kind=IdentifierKind.EMAIL, actor=ACTOR, now=now)
    for table in TABLES:
        store = register_store(
            name=table,
            kind="postgres",
            uri=f"env:DATABASE_URL?table={prefix}_{table}",
            columns={"id": "customer_id", "email": "email"}
            if table == "customer"
            else {"customer": "customer_id"},
            actor=ACTOR,
            now=now,
        )
        if table == "event":
            family = register_family(
                name="events",
                store_id=store.pk,
                label="said",
                shards=4,
                hold_out_permille=0,
                id_column="customer",
                actor=ACTOR,
                now=now,
            )
            register_version(
                family_id=family.pk, scanned=scan_family(family.pk), since=0, actor=ACTOR, now=now
            )


def accept(people: Sequence[int]) -> tuple[float, str]:
    """Open one request a person over HTTP, by one client; return requests/s and the last's number.

    The last one comes under the regime with the shortest windows.
    """
    website = User.objects.create_user("website")
    website.groups.add(Group.objects.get(name=Role.INTAKE))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        bind = f"127.0.0.1:{free.getsockname()[1]}"
    client = Client(address=f"http://{bind}", token=AuthToken.objects.create(website)[1])
    answer = {"id": ""}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "web.log"
        with Service(bind=bind, parts=["web"], environment=PACE, log=log):
            wait_until_ready(client.address)
            began = time.monotonic()
            for person in people:
                answer = client.post(
                    "/api/v1/deletion-requests",
                    {
                        "regime": "korea" if person == people[-1] else "gdpr",
                        "identifiers": [
                            {"namespace": "customer_id", "value": str(person)},
                            {"namespace": "email", "value": f"person{person}@example.com"},
                        ],
                        "verification": "account-login",
                    },
                    key=f"key-{person}",
                )
            return len(people) / (time.monotonic() - began), str(answer["id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """When the workers were up, and when each request was complete."""

    up_after: float  # seconds from the start of the processes until the first plan
    seconds: tuple[float, ...]  # from then until each certificate, in order
    cpu_seconds: float  # of the worker, the sweeper and beat, their start included
    first: frozenset[str]  # the requests that were complete first, in one transaction


def cpu_of_children() -> float:
    """Return the CPU seconds of the processes that have ended, their own children included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def drain(requests: int, *, patience_seconds: float) -> Drained:
    """Start one worker, one sweeper and beat, and wait until every request is complete."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "service.log"
        started, cpu = timezone.now(), cpu_of_children()
        with Service(parts=["worker", "sweeper", "beat"], concurrency=1, environment=PACE, log=log):
            deadline = time.monotonic() + patience_seconds
            while Certificate.objects.count() < requests:
                if time.monotonic() > deadline:
                    sys.stderr.write(log.read_text(errors="replace")[-4000:])
                    break
                time.sleep(0.1)
            while OutboxEntry.objects.exists() and time.monotonic() < deadline:
                time.sleep(0.1)
    began = Batch.objects.order_by("planned_at").values_list("planned_at", flat=True)[0]
    done = list(Certificate.objects.order_by("issued_at", "pk").values_list("issued_at", "request"))
    return Drained(
        up_after=(began - started).total_seconds(),
        cpu_seconds=cpu_of_children() - cpu,
        seconds=tuple((issued - began).total_seconds() for issued, _ in done),
        first=frozenset(str(request) for issued, request in done if issued == done[0][0]),
    )


def measure(small: bool) -> Sequence[Figure]:  # noqa: FBT001  # the form that `figures.run` asks for
    """Accept, drain, and remove the same rows by bare SQL."""
    size = SMALL if small else FULL
    call_command("migrate", verbosity=0)
    every = size.requests + size.bystanders
    asking = range(1, size.requests + 1)
    fill("ours", every)
    fill("floor", every)
    register("ours")
    floor = bare_sql("floor", asking)
    accepted, urgent = accept(asking)
    present, others = left_of("ours", asking)

    drained = drain(size.requests, patience_seconds=240 if small else 3600)

    left, kept = left_of("ours", asking)
    complete = DeletionRequest.objects.filter(state="complete").count()
    erased = Share.objects.filter(outcome="erased").count()
    whole = (complete, erased, left, kept) == (
        size.requests,
        size.requests * len(TABLES),
        0,
        others,
    )
    last = drained.seconds[-1]
    rate = len(drained.seconds) / last / PROCESSES
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audits_leaf")
        (leaves,) = cursor.fetchone() or (0,)
    return [
        Figure(
            name="accepted over HTTP, one client, one process", value=accepted, unit="requests/s"
        ),
        Figure(
            name="drained: complete, erased, bystanders kept",
            value=complete,
            unit="requests",
            goal=f"{size.requests} of {present} rows",
            met=whole,
        ),
        at_least(
            20 * FIDES,
            name="drained a second and process",
            value=rate,
            unit="requests/s",
            against="20 × Fides 2.78",
        ),
        Figure(name="bare SQL: select, 4 deletes, commit", value=floor, unit="people/s"),
        Figure(
            name="bare SQL over drained",
            value=floor / rate,
            unit="×",
            against=f"Fides 2.78: {FIDES_FLOOR:,} ×",
        ),
        Figure(
            name="CPU of worker, sweeper and beat",
            value=1000 * drained.cpu_seconds / size.requests,
            unit="ms/request",
        ),
        Figure(name="workers up after", value=drained.up_after, unit="s"),
        Figure(name="first complete after", value=drained.seconds[0], unit="s"),
        Figure(name="last complete after", value=last, unit="s"),
        at_most(
            55,
            name="median over last completion",
            value=100 * median(drained.seconds) / last,
            unit="%",
            against="Fides: the first at 95 to 97 %",
        ),
        Figure(
            name="the most urgent, asked last, is complete first",
            value=float(urgent in drained.first),
            unit="",
            goal="1",
            met=urgent in drained.first,
        ),
        Figure(name="facts sealed a request", value=leaves / size.requests, unit="leaves"),
    ]


if __name__ == "__main__":
    run(measure, about="Draining requests: four tables, read back, trail and sealer on")
