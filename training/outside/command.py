"""A trainer that is a command: a declared argument vector, run without a shell.

It is called with one more argument, the path of `spec.json`. It reads the inputs named there and
writes `artefact` or `predictions.json`, and then `result.json`, into the folder `output`. Its
process group lives as long as it wants, up to its limit, even if every worker is killed meanwhile:
whoever asks next finds it by its key, which names its folder.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from training.errors import TrainerFailed
from training.outside import supervisor
from training.outside.contract import (
    MOST_LOG,
    MOST_OUTPUT,
    MOST_RESULT,
    Collected,
    Driver,
    Polled,
    Standing,
    read_bounded,
    read_result,
)

_START_SECONDS: Final = 30.0
_CANCEL_SECONDS: Final = 10.0  # longer than the supervisor is polite
_LOOK_SECONDS: Final = 0.05
_WHOLE: Final = 100
_FEW: Final = 16  # bytes of a progress
_PATH: Final = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandDriver(Driver):
    """Runs a command in the folder of one piece of work, where its inputs are already."""

    argv: tuple[str, ...]
    limit_seconds: float
    root: Path
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @override
    def submit(self, spec: Mapping[str, object], idempotency_key: str) -> str:
        folder = self._folder(idempotency_key)
        for name in ("work", "output"):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        if _is_locked(folder) or (folder / "ended.json").exists():
            return idempotency_key
        _write(folder / "spec.json", spec)
        launch = {
            "argv": [*self.argv, str(folder / "spec.json")],
            "environment": self._environment(folder),
            "limit_seconds": self.limit_seconds,
            "most_log": MOST_LOG,
        }
        _write(folder / "launch.json", launch)
        try:
            # It returns as soon as the lock is taken. No secret of ours is in its environment.
            subprocess.run(  # noqa: S603  # our own interpreter and file
                [sys.executable, "-I", supervisor.__file__, str(folder)],
                env={"PATH": _PATH},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_START_SECONDS,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as trouble:
            kind = type(trouble).__name__
            raise TrainerFailed(f"its supervisor could not be started: {kind}") from None
        return idempotency_key

    @override
    def poll(self, handle: str) -> Polled:
        folder = self._folder(handle)
        # The lock first: who holds it no more has said how it ended, unless it was killed.
        is_locked = _is_locked(folder)
        ended = _ended(folder)
        if ended is not None:
            return _as_polled(ended, folder)
        if is_locked:
            return Polled(standing=Standing.RUNNING, progress=_progress(folder))
        return Polled(standing=Standing.UNKNOWN, trouble="nothing of the command is at work")

    @override
    def cancel(self, handle: str) -> bool:
        folder = self._folder(handle)
        if not folder.is_dir():
            return True
        (folder / "cancel").touch(mode=0o600)
        until = time.monotonic() + _CANCEL_SECONDS
        while _is_locked(folder):
            if time.monotonic() > until:
                _kill_group(folder)  # its supervisor was killed: nobody looks for `cancel`
                time.sleep(_LOOK_SECONDS)
                return not _is_locked(folder)
            time.sleep(_LOOK_SECONDS)
        return True

    @override
    def collect(self, handle: str) -> Collected:
        return collected(self._folder(handle))

    def _folder(self, key: str) -> Path:
        return self.root / key

    def _environment(self, folder: Path) -> dict[str, str]:
        """Return what the command sees of the world: nothing of the worker's own environment."""
        home = str(folder / "work")
        usual = {"PATH": _PATH, "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8"}
        return {**usual, **self.environment}


def collected(folder: Path) -> Collected:
    """Return what a trainer left in the folder `output` of a piece of work."""
    output = folder / "output"
    said = read_result(read_bounded(output / "result.json", most=MOST_RESULT, what="result"))
    made = [name for name in ("artefact", "predictions.json") if (output / name).exists()]
    name = made[0] if made else "artefact"
    return Collected(
        said=said, output=read_bounded(output / name, most=MOST_OUTPUT, what="artefact")
    )


def log_of(folder: Path) -> str:
    """Return what a command has printed so far. It may quote records: it is personal data."""
    try:
        return (folder / "log").read_bytes()[-MOST_LOG:].decode(errors="replace")
    except OSError:
        return ""


def _as_polled(ended: Mapping[str, Any], folder: Path) -> Polled:
    how, status = ended.get("how"), ended.get("status")
    if how == "exited" and status == 0:
        if (folder / "output" / "result.json").exists():
            return Polled(standing=Standing.SUCCEEDED, progress=_WHOLE)
        return Polled(standing=Standing.FAILED, trouble="the command ended without a result")
    if how == "exited" and isinstance(status, int):
        by = f"with status {status}" if status > 0 else f"by signal {-status}"
        return Polled(standing=Standing.FAILED, trouble=f"the command ended {by}")
    if how == "not started":
        return Polled(standing=Standing.FAILED, trouble="the command could not be started")
    return Polled(standing=Standing.FAILED, trouble=f"the command {_HOW.get(str(how), 'ended')}")


_HOW: Final = {"took too long": "took longer than its limit", "cancelled": "was cancelled"}


def _ended(folder: Path) -> Mapping[str, Any] | None:
    try:
        said = json.loads((folder / "ended.json").read_text())
    except (OSError, ValueError):
        return None
    return said if isinstance(said, dict) else None


def _is_locked(folder: Path) -> bool:
    try:
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _kill_group(folder: Path) -> None:
    try:
        group = int(json.loads((folder / "group.json").read_text())["group"])
        os.killpg(group, signal.SIGKILL)
    except (OSError, ValueError, KeyError, TypeError):
        return


def _progress(folder: Path) -> int | None:
    try:
        said = (folder / "output" / "progress").read_bytes()[:_FEW].decode().strip()
    except (OSError, UnicodeDecodeError):
        return None
    return min(int(said), _WHOLE) if said.isascii() and said.isdecimal() else None


def _write(path: Path, said: Mapping[str, object]) -> None:
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(said, file, indent=1)
