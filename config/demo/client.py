"""A minimal HTTP client, so that the demo uses the service as any outside system would."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

Seen = TypeVar("Seen")


class DemoFailed(Exception):
    """A step did not end as it must; the message says which and how."""


class Refused(DemoFailed):
    """The service said no; `problem` is its answer."""

    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One caller of the service: an address and a token."""

    address: str
    token: str

    def get(self, path: str) -> Any:
        """Return the parsed answer to a GET."""
        return self._send("GET", path, None, {})

    def post(self, path: str, body: dict[str, object], *, key: str | None = None) -> Any:
        """Return the parsed answer to a POST, sent with an idempotency key if one is given."""
        headers = {"Idempotency-Key": key} if key else {}
        return self._send("POST", path, body, headers)

    def _send(
        self, method: str, path: str, body: dict[str, object] | None, headers: dict[str, str]
    ) -> Any:
        request = Request(  # noqa: S310  # the address is the one this demo has just started
            f"{self.address}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Token {self.token}",
                "Content-Type": "application/json",
                **headers,
            },
        )
        try:
            with urlopen(request, timeout=30) as answer:  # noqa: S310  # as above
                return json.load(answer)
        except HTTPError as error:
            refused = Refused(f"{method} {path} was answered {error.code}")
            refused.problem = error.read().decode()
            raise refused from error


def wait_until_ready(address: str, *, seconds: float = 30) -> None:
    """Wait until the service says that it can reach its database and its broker."""

    def ready() -> bool:
        try:
            with urlopen(f"{address}/readyz", timeout=5) as answer:  # noqa: S310  # our own service
                return bool(answer.status == HTTPStatus.OK)
        except (URLError, OSError):
            return False

    wait_for(ready, what="the service to answer", seconds=seconds)


def wait_for(look: Callable[[], Seen], *, what: str, seconds: float) -> Seen:
    """Look again and again until something true is seen; give up with a clear word."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise DemoFailed(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.2)
