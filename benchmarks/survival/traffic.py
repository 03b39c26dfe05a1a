"""Callers that demand deletions all the time, and officers who hold and release some of them.

A caller whose answer is lost sends the same demand with the same key again, as every client must.
"""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from http.client import HTTPException
from random import Random
from typing import Any, Final, TypeVar
from urllib.error import HTTPError

from config.demo.client import Client, Refused

CALLERS: Final = 6
PATIENCE_SECONDS: Final = 600  # for one answer, with the service dying all the time
GROUND: Final = "GDPR Art. 17(3)(e)"

HELD_SECONDS: Final = (0.3, 3)

Answer = TypeVar("Answer")


class Mood(StrEnum):
    """What becomes of a demand."""

    WAITS = "waits"
    LOSES_THE_ANSWER = "loses the answer"
    ASKS_TWICE = "asks twice"
    IS_HELD = "is held"
    CANCELS = "cancels"


MOODS: Final = {
    Mood.WAITS: 62,
    Mood.LOSES_THE_ANSWER: 15,
    Mood.ASKS_TWICE: 10,
    Mood.IS_HELD: 8,
    Mood.CANCELS: 5,
}


class NeverAnswered(Exception):
    """The service did not come back."""


@dataclass(slots=True)
class Said:
    """What was demanded, and what callers know about it. Several callers write into it."""

    accepted: dict[str, str] = field(default_factory=dict)  # key to person
    ids: dict[str, str] = field(default_factory=dict)  # key to request
    told_differently: int = 0  # the same key, another request
    resent: int = 0
    held: int = 0
    cancelled: int = 0


class Traffic:
    """Demands at a rate, from a few callers at once, until it is told to stop."""

    def __init__(
        self, *, callers: Client, officers: Sequence[Client], people: Iterator[str], seed: int
    ) -> None:
        """Prepare; nothing is sent before `start`."""
        self.said = Said()
        self._client, (self._holder, self._releaser) = callers, officers
        self._people = people
        self._seed = seed
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._failures: list[BaseException] = []
        self._threads: list[threading.Thread] = []

    def start(self, *, per_second: float) -> None:
        """Begin to demand."""
        for number in range(CALLERS):
            thread = threading.Thread(
                target=self._live, args=(number, CALLERS / per_second), name=f"caller-{number}"
            )
            thread.start()
            self._threads.append(thread)

    def stop(self) -> Said:
        """Let every caller finish what it began; raise what went wrong."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures[0]
        return self.said

    def _live(self, number: int, mean_seconds: float) -> None:
        rng = Random(self._seed * 1000 + number)  # noqa: S311  # what to do next is no secret
        try:
            while not self._over.wait(rng.expovariate(1 / mean_seconds)):
                with self._lock:
                    person = next(self._people, None)
                if person is None:
                    return
                self._demand(person, rng)
        except BaseException as failure:  # noqa: BLE001  # raised by `stop`
            self._failures.append(failure)

    def _demand(self, person: str, rng: Random) -> None:
        # Callers do put names into such keys: nothing that Lethe keeps may show them.
        key = f"erase-{person}"
        path = "/api/v1/deletion-requests"
        body: dict[str, object] = {
            "regime": "gdpr",
            "identifiers": [{"namespace": "person", "value": person}],
            "verification": "caller-attested",
        }
        (mood,) = rng.choices(list(MOODS), list(MOODS.values()))
        if mood is Mood.LOSES_THE_ANSWER:
            self._hang_up(path, body, key)  # accepted or not: nobody knows
            self._count("resent")
        opened = self._open(path, body, key, person)
        if mood is Mood.ASKS_TWICE:
            self._count("resent")
            self._open(path, body, key, person)
        if opened is None:
            return
        if mood is Mood.IS_HELD:
            if _stood(lambda: self._act(self._holder, opened, "hold", GROUND)):
                self._count("held")
            time.sleep(rng.uniform(*HELD_SECONDS))
            _stood(lambda: self._act(self._releaser, opened, "hold/release"))
        elif mood is Mood.CANCELS and _stood(lambda: self._act(self._client, opened, "cancel")):
            self._count("cancelled")

    def _open(self, path: str, body: dict[str, object], key: str, person: str) -> str | None:
        """Demand until it is accepted. None: it was, and is closed already."""
        try:
            answer = answered(lambda: self._client.post(path, body, key=key))
        except Refused as refused:
            # A closed request's key is refused: there is nothing left to compare the demand with.
            if "key was used before" not in refused.problem.lower():
                raise
            answer = None
        with self._lock:
            self.said.accepted[key] = person
            if answer is None:
                return None
            known = self.said.ids.setdefault(key, answer["id"])
            self.said.told_differently += known != answer["id"]
        return str(answer["id"])

    def _act(self, officer: Client, request: str, verb: str, article: str = "") -> Any:
        path = f"/api/v1/deletion-requests/{request}/{verb}"
        return answered(lambda: officer.post(path, {"article": article} if article else {}))

    def _hang_up(self, path: str, body: dict[str, object], key: str) -> None:
        """Send a demand and close the line before the answer comes."""
        content = json.dumps(body).encode()
        host, port = self._client.address.removeprefix("http://").split(":")
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n"
            f"Authorization: Token {self._client.token}\r\nIdempotency-Key: {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        try:
            with socket.create_connection((host, int(port)), timeout=5) as line:
                line.sendall(head.encode() + content)
        except OSError:
            return  # the service is down: also an answer that never came

    def _count(self, what: str) -> None:
        with self._lock:
            setattr(self.said, what, getattr(self.said, what) + 1)


def answered(send: Callable[[], Answer]) -> Answer:
    """Send until there is an answer; raise `Refused` for a clear no of the service."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            return send()
        except Refused as refused:
            code = refused.__cause__.code if isinstance(refused.__cause__, HTTPError) else 0
            if code < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
        except (OSError, HTTPException, ValueError):  # refused, reset, or half an answer
            pass
        time.sleep(0.2)
    raise NeverAnswered


def _stood(act: Callable[[], object]) -> bool:
    """Do what an officer asks; False if it was too late for that, or done already."""
    try:
        act()
    except Refused:
        return False
    return True
