"""The whole service as its users run it: real servers and processes, HTTP, the command line."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.error import URLError
from urllib.request import Request, urlopen

import redis

from config.demo.patients import Patients, write_patients
from scripts.local_servers import ROOT, Services, scratch_settings
from scripts.serve import Service

Seen = TypeVar("Seen")
PASSWORD = "correct horse battery staple"  # noqa: S105  # of a server that lives for one test


def bare_environment() -> dict[str, str]:
    """Return what a newcomer's shell holds: none of the test suite's settings, no servers."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ}


class World:
    """A running Lethe with the demo's patients registered and their model trained."""

    def __init__(
        self, *, services: Services | None = None, parts: Sequence[str] = (), **settings: str
    ) -> None:
        """Prepare; nothing starts before `with`. `parts` are those of the service: all, if none."""
        # Durable: what PostgreSQL promised must be there after it was killed.
        self.services = services or Services(durable=True)
        self._parts, self._settings = parts, settings

    def __enter__(self) -> Self:
        self.services.__enter__()
        self.folder = Path(tempfile.mkdtemp(prefix="world-", dir=self.services.folder))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.bind = f"127.0.0.1:{free.getsockname()[1]}"
        self.environment = {
            **bare_environment(),
            **self.services.environment,
            **scratch_settings(self.services.folder),
            "SWEEP_SECONDS": "0.5",
            "COALESCE_SECONDS": "0",
            "LEASE_SECONDS": "5",
            "ATTEMPTS": "50",  # this world kills workers far more often than a real one dies
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            **self._settings,
        }
        self.log = self.folder / "service.log"
        self.manage("migrate", "--verbosity=0")
        for officer in ("clara", "dora"):  # some things need two
            self.manage("createsuperuser", "--no-input", f"--username={officer}", "--email=")
        self.service = Service(
            bind=self.bind, parts=self._parts, environment=self.environment, log=self.log
        )
        self.service.__enter__()
        self.wait_for(self.is_up, what="the service to answer")
        self.token, self.second_token = self._token("clara"), self._token("dora")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.service.stop()
        self.services.stop()

    def manage(self, *words: str, said: str = "") -> str:
        """Run one management command as an operator would; return what it printed."""
        ended = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.environment,
            input=said,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, f"{words[0]}: {ended.stdout}{ended.stderr}"
        return ended.stdout

    def register_patients(self) -> Patients:
        """Write the 569 patients and register them with a model that is trained on them."""
        patients = write_patients(self.folder / "patients")
        self.manage(
            "register_dataset",
            str(patients.folder),
            "--family=patients",
            "--id-column=patient_id",
            "--label=diagnosis",
            "--shards=4",
        )
        return patients

    def get(self, path: str) -> Any:
        """Return the parsed answer of a GET by the officer."""
        return self._ask("GET", path, None, {})

    def post(self, path: str, body: dict[str, object], **headers: str) -> Any:
        """Return the parsed answer of a POST by the officer."""
        return self._ask("POST", path, body, headers)

    def ask_to_be_deleted(self, person: str) -> str:
        """Open a request for a person; return its number."""
        answer = self.post(
            "/api/v1/deletion-requests",
            {
                "regime": "gdpr",
                "identifiers": [{"namespace": "patient_id", "value": person}],
                "verification": "caller-attested",
            },
            **{"Idempotency-Key": f"key-{time.monotonic_ns()}"},
        )
        return str(answer["id"])

    def state_of(self, request_id: str) -> str:
        """Return a request's state, as the API tells it."""
        return str(self.get(f"/api/v1/deletion-requests/{request_id}")["state"])

    def stop(self, scope: str) -> None:
        """Let nothing start in a scope."""
        self.post("/api/v1/stops", {"scope": scope, "reason": "a test of what waits"})

    def lift(self, scope: str) -> None:
        """Lift a stop as two officers do."""
        self.wait_for(self.is_up, what="the service to answer")
        self._ask("POST", f"/api/v1/stops/{scope}/proposal", {}, {})
        own = {"Authorization": f"Token {self.second_token}"}
        self._ask("POST", f"/api/v1/stops/{scope}/lift", {}, own)

    def kill(self, part: str) -> None:
        """Kill a part of the service and its children; return when it was started again."""
        killed = self.service.pids[part]
        self.service.kill(part)
        self.wait_for(lambda: self.service.pids[part] != killed, what=f"{part} to start again")

    def empty_redis(self) -> None:
        """Forget everything that Redis knows."""
        url = self.environment["REDIS_URL"].replace("redis+socket://", "unix://")
        with redis.Redis.from_url(url) as client:
            client.flushall()

    def wait_for(self, look: Callable[[], Seen], *, what: str, seconds: float = 60) -> Seen:
        """Look until something is seen; a service that is down meanwhile is not an answer."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if seen := look():
                    return seen
            except (URLError, OSError):
                pass
            time.sleep(0.1)
        raise AssertionError(f"waited {seconds} s for {what}\n{self.log.read_text()[-4000:]}")

    def is_up(self) -> bool:
        """Say whether the web server reaches what it needs; an error is as good as no."""
        with urlopen(f"http://{self.bind}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)

    def _token(self, officer: str) -> str:
        login = b64encode(f"{officer}:{PASSWORD}".encode()).decode()
        with urlopen(
            Request(
                f"http://{self.bind}/api/v1/tokens",
                method="POST",
                headers={"Authorization": f"Basic {login}"},
            ),
            timeout=10,
        ) as answer:
            return str(json.load(answer)["token"])

    def _ask(
        self, method: str, path: str, body: dict[str, object] | None, headers: dict[str, str]
    ) -> Any:
        request = Request(
            f"http://{self.bind}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Token {self.token}",
                "Content-Type": "application/json",
                **headers,
            },
        )
        with urlopen(request, timeout=20) as answer:  # noqa: S310  # our own server
            return json.load(answer)
