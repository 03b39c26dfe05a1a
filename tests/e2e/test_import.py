"""Uploads through the real server: streamed both ways, and killed in the middle."""

import gzip
import json
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from hashlib import sha256
from http.client import HTTPException
from itertools import islice
from pathlib import Path

import psycopg2
import pytest

from examples.upload import headers_for, token_of, upload
from lineage.identifiers import Digest, pseudonym_of
from scripts.local_servers import ROOT, Services, scratch_settings
from scripts.serve import Service
from tests.e2e.world import PASSWORD, bare_environment

pytestmark = pytest.mark.e2e

MANY = 12_000
HEADER = b"regime,verification,sha256:customer\n"


class Server:
    """The web server alone, on a database of its own."""

    def __enter__(self):
        self.services = Services(durable=True)
        self.services.__enter__()
        self.folder = Path(tempfile.mkdtemp(prefix="import-", dir=self.services.folder))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            bind = f"127.0.0.1:{free.getsockname()[1]}"
        self.address = f"http://{bind}"
        self.environment = {
            **bare_environment(),
            **self.services.environment,
            **scratch_settings(self.services.folder),
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            "LETHE_ADDRESS": self.address,
            "LETHE_PASSWORD": PASSWORD,
        }
        self.manage("migrate", "--verbosity=0")
        self.manage("createsuperuser", "--no-input", "--username=officer", "--email=")
        self.manage("declare_namespace", "customer", "--kind=text")
        self.service = Service(
            bind=bind, parts=["web"], environment=self.environment, log=self.folder / "log"
        )
        self.service.__enter__()
        self.token = self.wait_for_token()
        return self

    def __exit__(self, *why):
        self.service.stop()
        self.services.stop()

    def manage(self, *words):
        subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=self.environment, check=True
        )

    def wait_for_token(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                return token_of(self.address, "officer", PASSWORD)
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.1)

    def send(self, blocks, *, key, name="people.csv"):
        """Yield the answers to an upload."""
        headers = headers_for(Path(name), key=key, token=self.token)
        for line in upload(self.address, blocks, headers):
            yield json.loads(line)

    def rows(self, query):
        with (
            closing(psycopg2.connect(self.environment["DATABASE_URL"])) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(query)
            return cursor.fetchall()

    def people(self):
        """Return the pseudonyms of all who have an open request, as a list."""
        return [
            mark for (mark,) in self.rows("SELECT pseudonym::text FROM deletion_requestidentifier")
        ]

    def recorded(self):
        (count,) = self.rows(
            "SELECT (SELECT count(*) FROM audits_outboxentry WHERE event = 'DeletionRequested')"
            " + (SELECT count(*) FROM audits_leaf WHERE event = 'DeletionRequested')"
        )
        return count[0]

    def pseudonyms(self, digests):
        key = bytes.fromhex(Path(self.environment["PSEUDONYM_KEY_FILE"]).read_text().strip())
        return {
            str(pseudonym_of(Digest(bytes.fromhex(one)), namespace="customer", key=key))
            for one in digests
        }


@pytest.fixture(scope="module")
def server():
    with Server() as running:
        yield running


def people(prefix, count):
    return [sha256(f"{prefix}-{number}".encode()).hexdigest() for number in range(count)]


def written(digests):
    return [HEADER, *(f"gdpr,account-login,{one}\n".encode() for one in digests)]


def in_blocks(lines, size=500):
    whole = iter(lines)
    while block := b"".join(islice(whole, size)):
        yield block


def test_answers_come_while_the_upload_is_still_being_sent(server):
    lines = written(people("stream", 3000))
    answered = threading.Event()

    def blocks():
        yield b"".join(lines[:2501])
        assert answered.wait(60), "no answer before the end of the body"
        yield b"".join(lines[2501:])

    answers = []
    for answer in server.send(blocks(), key="stream"):
        answers.append(answer)
        answered.set()

    assert Counter(one["result"] for one in answers) == {"accepted": 3000, "finished": 1}
    assert [one["line"] for one in answers[:-1]] == list(range(2, 3002))


def test_a_server_killed_in_the_middle_loses_and_doubles_nobody(server):
    digests = people("killed", MANY)
    before, recorded = set(server.people()), server.recorded()
    seen = {}

    def send_and_kill():
        for answer in server.send(in_blocks(written(digests)), key="killed"):
            seen[answer["line"]] = answer
            if len(seen) == 3000:
                server.service.kill("web")

    with pytest.raises((OSError, HTTPException, ValueError)):
        send_and_kill()
    server.token = server.wait_for_token()
    taken = set(server.people()) - before
    assert 3000 <= len(taken) < MANY
    assert len(seen) < MANY

    again = list(server.send(in_blocks(written(digests)), key="killed"))

    assert again[-1]["result"] == "finished"
    assert again[-1]["known"] == len(taken)
    assert again[-1]["accepted"] == MANY - len(taken)
    by_line = {one["line"]: one for one in again[:-1]}
    for line, answer in seen.items():
        assert (by_line[line]["result"], by_line[line]["id"]) == ("known", answer["id"])
        assert by_line[line]["commitment_key"] == answer["commitment_key"]
    held = [one for one in server.people() if one not in before]
    assert len(held) == MANY
    assert set(held) == server.pseudonyms(digests)
    assert server.recorded() == recorded + MANY
    ended = server.rows("SELECT ended_at IS NULL FROM deletion_import ORDER BY started_at DESC")
    assert ended[:2] == [(False,), (True,)]


def test_a_client_killed_in_the_middle_loses_and_doubles_nobody(server):
    digests = people("client", MANY)
    file = server.folder / "people.csv.gz"
    file.write_bytes(gzip.compress(b"".join(written(digests))))
    before = set(server.people())
    command = [sys.executable, "examples/upload.py", "--key=client", str(file)]

    sending = subprocess.Popen(
        command, cwd=ROOT, env=server.environment, stdout=subprocess.PIPE, bufsize=0
    )
    assert sending.stdout
    assert sending.stdout.read(1000)  # the first answers are there
    sending.kill()
    sending.stdout.close()
    assert sending.wait() == -signal.SIGKILL
    deadline = time.monotonic() + 60
    while not server.rows(
        "SELECT 1 FROM deletion_import"
        " WHERE broken_because = 'the caller went away before the end' AND accepted < 12000"
    ):
        assert time.monotonic() < deadline, "the server works on for nobody"
        time.sleep(0.1)
    again = subprocess.run(
        command, cwd=ROOT, env=server.environment, stdout=subprocess.PIPE, check=True
    )

    end = json.loads(again.stdout.splitlines()[-1])
    assert end["result"] == "finished"
    assert end["known"] >= 1000
    assert end["known"] + end["accepted"] == MANY
    held = [one for one in server.people() if one not in before]
    assert len(held) == MANY
    assert set(held) == server.pseudonyms(digests)


def test_a_body_that_ends_in_the_middle_opens_nothing_for_its_last_line(server):
    whole = b"".join(written(people("cut", 2)))
    before = set(server.people())
    headers = headers_for(Path("people.csv"), key="cut", token=server.token)
    host, _, port = server.address.removeprefix("http://").partition(":")
    for framing, body in (
        (f"Content-Length: {len(whole)}", whole[:-7]),
        ("Transfer-Encoding: chunked", b"%x\r\n%b" % (len(whole), whole[:-7])),
    ):
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(
                f"POST /api/v1/deletion-requests/batches HTTP/1.1\r\nHost: {host}\r\n{head}"
                f"Connection: close\r\n{framing}\r\n\r\n".encode()
                + body
            )
            connection.shutdown(socket.SHUT_WR)
            answer = connection.makefile("rb").read().decode()
        assert "broken-off" in answer
        assert '"line":3' not in answer

    assert len(set(server.people()) - before) == 1
