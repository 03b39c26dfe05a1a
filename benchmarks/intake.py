"""Intake through the real web server: single requests, and an upload of many, against bare SQL.

The floor writes the very rows that the upload left behind into tables of the same form, indexes
and all, by COPY, a thousand people a transaction: no parsing, no digest, no encryption, no key.
"""

import io
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from hashlib import sha256
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from socket import create_server
from typing import Self

import django
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.contrib.auth.models import User  # noqa: E402  # Django must be set up first
from django.core.management import call_command  # noqa: E402  # likewise
from django.db import connection, transaction  # noqa: E402  # likewise
from knox.models import AuthToken  # noqa: E402  # likewise

from benchmarks.figures import Figure, at_least, at_most, run  # noqa: E402  # likewise
from examples.upload import headers_for, upload  # noqa: E402  # likewise
from scripts.serve import Service  # noqa: E402  # likewise

CHUNK = 1000
PEER = 30.0  # requests a second that the nearest open-source peer accepts, one or fifty a call
TABLES = ("deletion_deletionrequest", "deletion_requestidentifier", "audits_outboxentry")
HEADER = b"regime,verification,sha256:customer\n"


class Server:
    """The web server as it is run, and what a caller needs."""

    def __enter__(self) -> Self:
        call_command("migrate", verbosity=0)
        call_command("declare_namespace", "customer", "--kind=text", stdout=io.StringIO())
        user = User.objects.create_superuser("benchmark")
        self.token = AuthToken.objects.create(user)[1]
        with closing(create_server(("127.0.0.1", 0))) as free:
            self.bind = f"127.0.0.1:{free.getsockname()[1]}"
        log = Path(os.environ["ARTEFACT_DIR"]).parent / "benchmark.log"
        self.service = Service(
            bind=self.bind,
            web_workers=2,
            parts=["web"],
            log=log,
            environment={"HTTPS": "false", "LOG_LEVEL": "ERROR"},
        )
        self.service.__enter__()
        self.wait()
        return self

    def __exit__(self, *why: object) -> None:
        self.service.stop()

    def wait(self) -> None:
        """Wait until it answers."""
        while True:
            try:
                with closing(HTTPConnection(self.bind, timeout=5)) as there:
                    there.request("GET", "/livez")
                    there.getresponse().read()
            except OSError:
                time.sleep(0.1)
            else:
                return

    def peak_megabytes(self) -> float:
        """Return the largest memory that one process of the server ever held."""
        leader = psutil.Process(self.service.pids["web"])
        return max(_peak(each.pid) for each in [leader, *leader.children(recursive=True)])

    def singles(self, clients: int, *, seconds: float, name: str) -> float:
        """Let clients post one request after the other; return how many a second were accepted."""
        counts = [0] * clients
        end = time.monotonic() + seconds

        def post(client: int) -> None:
            with closing(HTTPConnection(self.bind, timeout=60)) as there:
                while time.monotonic() < end:
                    digest = digest_of(f"{name}-{client}-{counts[client]}")
                    there.request(
                        "POST",
                        "/api/v1/deletion-requests",
                        '{"regime": "gdpr", "verification": "account-login", "identifiers":'
                        f' [{{"namespace": "customer", "sha256": "{digest}"}}]}}',
                        {
                            "Authorization": f"Token {self.token}",
                            "Content-Type": "application/json",
                            "Idempotency-Key": digest,
                        },
                    )
                    answer = there.getresponse()
                    answer.read()
                    if answer.status != 202:  # noqa: PLR2004  # accepted
                        raise RuntimeError(f"answered {answer.status}")
                    counts[client] += 1

        threads = [threading.Thread(target=post, args=(client,)) for client in range(clients)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / (time.monotonic() - began)

    def many(self, lines: int, *, name: str) -> float:
        """Send an upload; return how long it took until its last answer."""
        headers = headers_for(Path("people.csv"), key=name, token=self.token)
        began, last = time.monotonic(), b""
        for last in upload(f"http://{self.bind}", written(lines, name), headers):  # noqa: B007  # the last counts
            pass
        if b'"finished"' not in last or f'"lines":{lines},'.encode() not in last:
            raise RuntimeError(last.decode())
        return time.monotonic() - began


def digest_of(person: str) -> str:
    """Return a hashed identifier."""
    return sha256(person.encode()).hexdigest()


def written(lines: int, name: str) -> Iterator[bytes]:
    """Yield an upload in blocks, so that it is nowhere whole."""
    yield HEADER
    people = (f"gdpr,account-login,{digest_of(f'{name}-{n}')}\n".encode() for n in range(lines))
    while block := b"".join(islice(people, 500)):
        yield block


def floor(rows: int) -> float:
    """Write rows that are there once more, in copies of their tables; return rows a second."""
    chunks = []
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"DROP TABLE IF EXISTS bench_{table}")
            cursor.execute(f"CREATE TABLE bench_{table} (LIKE {table} INCLUDING ALL)")
        cursor.execute(
            "SELECT id FROM deletion_deletionrequest ORDER BY received_at DESC, id LIMIT %s", [rows]
        )
        ids = [row[0] for row in cursor.fetchall()]
        for at in range(0, len(ids), CHUNK):
            some = ", ".join(f"'{one}'" for one in ids[at : at + CHUNK])
            about = ", ".join(f"'request/{one}'" for one in ids[at : at + CHUNK])
            chunks.append(
                [
                    _copied(cursor, f"SELECT * FROM {table} WHERE {column} IN ({values})")  # noqa: S608  # our own numbers
                    for table, column, values in zip(
                        TABLES, ("id", "request_id", "about"), (some, some, about), strict=True
                    )
                ]
            )
    began = time.monotonic()
    for chunk in chunks:
        with transaction.atomic(), connection.cursor() as cursor:
            for table, text in zip(TABLES, chunk, strict=True):
                cursor.copy_expert(f"COPY bench_{table} FROM STDIN", io.StringIO(text))
    return len(ids) / (time.monotonic() - began)


def _copied(cursor: object, query: str) -> str:
    text = io.StringIO()
    cursor.copy_expert(f"COPY ({query}) TO STDOUT", text)  # type: ignore[attr-defined]  # psycopg2's own
    return text.getvalue()


def _peak(pid: int) -> float:
    said = Path(f"/proc/{pid}/status").read_text()
    return int(said.partition("VmHWM:")[2].split()[0]) / 1024


def measure(small: bool) -> Sequence[Figure]:  # noqa: FBT001  # the form that `figures.run` asks for
    """Measure single requests, the upload, the upload again, and the floor, in one run."""
    lines = 20_000 if small else 1_000_000
    seconds = 4.0 if small else 20.0
    with Server() as server:
        server.singles(4, seconds=1.0, name="warm")
        one = server.singles(1, seconds=seconds, name="one")
        eight = server.singles(8, seconds=seconds, name="eight")
        server.many(CHUNK, name="warm")
        before = server.peak_megabytes()
        first = server.many(lines, name="many")
        again = server.many(lines, name="many")
        after = server.peak_megabytes()
    bare = floor(min(lines, 100_000))
    per_second = lines / first
    return [
        at_least(10, name="single requests, 1 client", value=one / PEER, against=f"{PEER:g}/s"),
        Figure(name="single requests, 1 client", value=one, unit="requests/s"),
        at_least(10, name="single requests, 8 clients", value=eight / PEER, against=f"{PEER:g}/s"),
        Figure(name="single requests, 8 clients", value=eight, unit="requests/s"),
        at_least(10, name="upload", value=per_second / PEER, against=f"{PEER:g}/s"),
        Figure(name="upload, first time", value=per_second, unit="lines/s"),
        Figure(name="upload, sent again", value=lines / again, unit="lines/s"),
        Figure(name="floor: COPY of the same rows", value=bare, unit="people/s"),
        Figure(name="upload below the floor", value=bare / per_second, unit="×"),
        at_most(
            1800,
            name="1,000,000 people",
            value=1e6 / per_second,
            unit="s",
            against="" if lines == 10**6 else "this rate",
        ),
        at_most(
            64,
            name=f"memory that {lines:,} lines added",
            value=after - before,
            unit="MB",
            against="the same server before",
        ),
        Figure(name="peak memory of a server process", value=after, unit="MB"),
    ]


if __name__ == "__main__":
    run(measure, about="Intake through the web server: single requests and an upload of many")
