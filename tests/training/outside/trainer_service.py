"""A trainer that is a service on loopback: real HTTP both ways, and it misbehaves on demand."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from threading import Event, Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pyarrow.parquet as pq
from standardwebhooks.webhooks import Webhook

from tests.training.calling.recipient_server import Recipient, recipient, status
from tests.training.outside import nearest


class Service:
    """What it was asked, what it was answered when it called, and how it misbehaves."""

    def __init__(self, wire: Recipient, secret: str) -> None:
        self.wire = wire
        self.secret = secret
        self.does = ""  # crashes | hangs | answers twice | is late | lies
        self.asked: list[dict[str, Any]] = []
        self.over: list[dict[str, Any]] = []
        self.answers: list[int] = []
        self.given: dict[str, bytes] = {}
        self.late = Event()  # lets what is late go on
        self.threads: list[Thread] = []
        wire.answer = self.answer

    def answer(self, handler: Any) -> None:
        _, _, headers, body = self.wire.got[-1]
        said = Webhook(self.secret).verify(body, headers)  # the specification's own library
        data = said["data"]
        match said["type"]:
            case "training.asked":
                self._begin(handler, data)
            case "training.polled":
                standing = {"crashes": 500, "is late": 404}.get(self.does, 200)
                told = json.dumps({"standing": "running", "progress": 10}).encode()
                status(standing, told if standing == 200 else b"")(handler)
            case "training.over":
                self.over.append(data)
                status(204)(handler)
            case _:
                raise AssertionError(said["type"])

    def _begin(self, handler: Any, spec: dict[str, Any]) -> None:
        known = [one["key"] for one in self.asked]
        self.asked.append(spec)
        status(202, json.dumps({"handle": f"work-{len(set(known)) + 1}"}).encode())(handler)
        does = "" if spec["work"] == "predict" else self.does
        if spec["key"] not in known and does not in {"crashes", "hangs"}:
            thread = Thread(target=self._work, args=(spec, does), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _work(self, spec: dict[str, Any], does: str) -> None:
        data = {name: self.call(place, spec) for name, place in spec["inputs"].items()}
        self.given[spec["key"]] = data["rows"]
        table = pq.read_table(BytesIO(data["rows"]))
        if spec["work"] == "train":
            made = nearest.train(spec, table)
        else:
            made = nearest.predict(spec, table, data["artefact"])
        if does == "is late":
            self.late.wait(30)
        self.call(spec["output"]["made"], spec, made, method="PUT")
        result = {
            "contract": 1,
            "key": spec["key"],
            "read": {
                "digests": {name: sha256(each).hexdigest() for name, each in data.items()},
                "rows": table.num_rows,
            },
            "output": sha256(made).hexdigest(),
        }
        if does == "lies":
            result["read"] = {"digests": {"rows": sha256(b"others").hexdigest()}, "rows": 7}
        answers = [result, result, result | {"metrics": {"loss": 1}}]
        for each in answers if does == "answers twice" else answers[:1]:
            said = json.dumps({"state": "succeeded", "result": each}).encode()
            self.call(spec["output"]["result"], spec, said, method="POST")

    def call(
        self, address: str, spec: dict[str, Any], body: bytes | None = None, method: str = "GET"
    ) -> bytes:
        kind = "application/json" if method == "POST" else "application/octet-stream"
        headers = {"Authorization": f"Bearer {spec['token']}", "Content-Type": kind}
        asked = Request(address, data=body, headers=headers, method=method)  # noqa: S310  # our own
        try:
            with urlopen(asked, timeout=10) as answer:  # noqa: S310  # as above
                said: bytes = answer.read()
                self.answers.append(answer.status)
                return said
        except HTTPError as refused:
            with refused:
                self.answers.append(refused.code)
            return b""

    def wait(self) -> None:
        """Wait until everything that it began to work at has ended."""
        for thread in self.threads:
            thread.join(timeout=30)


@contextmanager
def service(secret: str) -> Iterator[Service]:
    with recipient() as wire:
        mine = Service(wire, secret)
        yield mine
        mine.late.set()
        mine.wait()
