"""Runs one declared command as a process group of its own, and outlives the worker who asked.

`python -I supervisor.py FOLDER`; the standard library only, for it runs without the project. What
it needs is in FOLDER/launch.json. While FOLDER/lock is locked the command is at work: its processes
inherit the lock, so that it is held until the last of them has ended, whoever else dies. At the end
FOLDER/ended.json says how it ended; a file FOLDER/cancel asks to end it.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread
from typing import IO, Any, Final

_LOOK_SECONDS: Final = 0.05
_GRACE_SECONDS: Final = 5.0  # between SIGTERM and SIGKILL
_TRIES: Final = 20
_CHUNK: Final = 8192
_DROPPED: Final = b"[earlier lines were dropped]\n"


def main(folder: Path) -> None:
    """Take the lock and go on in a process of its own; return at once if somebody has it."""
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    if not _is_taken(lock):
        return
    if (folder / "ended.json").exists():
        return
    if os.fork():
        os._exit(0)  # whoever started this process goes on
    os.setsid()
    try:
        _write(folder / "ended.json", supervise(folder, lock))
    except OSError as trouble:
        _write(folder / "ended.json", {"how": "not started", "errno": trouble.errno})


def _is_taken(lock: int) -> bool:
    """Take the lock, unless a command has it; who only looks has it for a moment."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOOK_SECONDS)
        else:
            return True
    return False


def supervise(folder: Path, lock: int) -> dict[str, Any]:
    """Run the command to its end; return how it ended."""
    launch = json.loads((folder / "launch.json").read_text())
    began = time.monotonic()
    # The declared argument vector, as a list, without a shell.
    process = subprocess.Popen(  # noqa: S603  # declared by the operator
        launch["argv"],
        cwd=folder / "work",
        env=launch["environment"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=(lock,),
    )
    _write(folder / "group.json", {"group": process.pid})
    reader = Thread(target=_keep_log, args=(process.stdout, folder / "log", launch["most_log"]))
    reader.daemon = True
    reader.start()
    how = "exited"
    while process.poll() is None:
        if (folder / "cancel").exists():
            how = "cancelled"
        elif time.monotonic() - began > launch["limit_seconds"]:
            how = "took too long"
        if how != "exited":
            end_group(process)
            break
        time.sleep(_LOOK_SECONDS)
    status = process.wait()
    _signal(process.pid, signal.SIGKILL)  # what it started and left behind
    reader.join(timeout=_GRACE_SECONDS)
    return {"how": how, "status": status, "seconds": round(time.monotonic() - began, 3)}


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """End a process group: politely, and after a moment for good."""
    _signal(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        _signal(process.pid, signal.SIGKILL)


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def _keep_log(printed: IO[bytes], path: Path, most: int) -> None:
    """Keep the newest bytes of what is printed, never more than `most`."""
    kept = b""
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb", buffering=0) as log:
        while chunk := os.read(printed.fileno(), _CHUNK):
            if len(kept) + len(chunk) > most:
                kept = _DROPPED + (kept + chunk)[-(most // 2) :]
                log.seek(0)
                log.truncate()
                log.write(kept)
            else:
                kept += chunk
                log.write(chunk)


def _write(path: Path, said: dict[str, Any]) -> None:
    """Write a file so that it is there whole or not at all."""
    staged = path.with_suffix(".staged")
    with staged.open("w") as file:
        json.dump(said, file)
        file.flush()
        os.fsync(file.fileno())
    staged.replace(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
