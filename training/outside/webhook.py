"""A trainer that is a service: it is called by signed messages (Standard Webhooks 1.0.0).

`training.asked` gives it a specification; it answers 202 and a handle. It reads its rows from
Lethe, and brings its result there, with the token of this one piece of work. It may call back when
it is done, or wait to be asked (`training.polled`). `training.over` tells it to end the work, and
to destroy whatever it has of it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from training.calling.addresses import Policy
from training.calling.calls import Answered, call
from training.calling.signing import headers_of
from training.errors import ResultDisagrees, TrainerFailed, TrainerLost
from training.outside import inbox
from training.outside.command import collected
from training.outside.contract import Collected, Driver, Polled, Standing

ASKED: Final = "training.asked"
POLLED: Final = "training.polled"
OVER: Final = "training.over"

_LONGEST: Final = 120  # characters of a handle
_WHOLE: Final = 100
_BEGUN: Final = {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED, HTTPStatus.CONFLICT}
_LATER: Final = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_CLIENT: Final = 400
_SERVER: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDriver(Driver):
    """Talks to a trainer at a declared address; what it brought is in a folder of ours."""

    name: str
    url: str
    root: Path
    policy: Policy
    signing_key: bytes = field(repr=False)
    clock: Callable[[], datetime]

    @override
    def submit(self, spec: Mapping[str, object], idempotency_key: str) -> str:
        # The same message for the same key: who has had it already answers with its handle.
        answered = self._said(ASKED, spec, message=f"msg_{idempotency_key[:32]}")
        if answered.status in _BEGUN:
            handle = _object_in(answered.body).get("handle")
            if isinstance(handle, str) and 0 < len(handle) <= _LONGEST and handle.isprintable():
                return f"{idempotency_key} {handle}"
            raise TrainerFailed("it took the work, but its answer has no handle")
        status = answered.status
        if status is not None and _CLIENT <= status < _SERVER and status not in _LATER:
            raise TrainerFailed(f"it refused the work: {status}")
        raise TrainerLost(answered.trouble or f"it answered {status}")

    @override
    def poll(self, handle: str) -> Polled:
        key, _, name = handle.partition(" ")
        folder = self.root / key
        if (standing := inbox.standing_in(folder)) is not None:
            return standing
        answered = self._said(POLLED, {"key": key, "handle": name})
        said = _object_in(answered.body) if answered.status == HTTPStatus.OK else {}
        match said.get("standing"):
            case "running":
                return Polled(standing=Standing.RUNNING, progress=_progress(said.get("progress")))
            case "failed":
                return Polled(standing=Standing.FAILED, trouble="it says that it failed")
            case "succeeded" if isinstance(said.get("result"), dict):
                try:
                    inbox.keep_result(folder, said["result"])
                except ResultDisagrees as another:
                    return Polled(standing=Standing.FAILED, trouble=str(another))
                return Polled(standing=Standing.SUCCEEDED, progress=_WHOLE)
            case _:
                pass
        trouble = answered.trouble or f"it answered {answered.status}, and not how the work stands"
        return Polled(standing=Standing.UNKNOWN, trouble=trouble)

    @override
    def cancel(self, handle: str) -> bool:
        key, _, name = handle.partition(" ")
        self._said(OVER, {"key": key, "handle": name})
        # Whether it heard or not: its token is stale, and what it brought goes.
        return True

    @override
    def collect(self, handle: str) -> Collected:
        return collected(self.root / handle.partition(" ")[0])

    def _said(
        self, kind: str, data: Mapping[str, object], *, message: str | None = None
    ) -> Answered:
        now = self.clock()
        body = json.dumps(
            {
                "type": kind,
                "timestamp": now.astimezone(UTC).isoformat().replace("+00:00", "Z"),
                "data": dict(data),
            },
            separators=(",", ":"),
        ).encode()
        said_at = f"{int(now.timestamp() * 1_000_000):x}"
        return call(
            self.url,
            method="POST",
            body=body,
            headers=headers_of(
                body,
                message=message or f"msg_{str(data['key'])[:32]}_{said_at}",
                at=now,
                signing_key=self.signing_key,
                recipient=recipient_of(self.name),
            ),
            policy=self.policy,
            reads=True,
            now=now,
        )


def recipient_of(trainer: str) -> str:
    """Return the name under which a trainer's shared secret is derived; no recipient has it."""
    return f"trainer/{trainer}"


def _object_in(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _progress(said: object) -> int | None:
    if isinstance(said, bool) or not isinstance(said, int):
        return None
    return max(0, min(said, _WHOLE))
