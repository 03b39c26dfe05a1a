"""Runs the service on one machine: web server, workers and beat. Standard library only.

    python scripts/serve.py [--bind HOST:PORT] [--concurrency N] [web] [worker] [sweeper] [beat]

It starts the named parts (all, if none is named), each in a process group of its own, starts one
that dies again, and ends them all on Ctrl-C or SIGTERM, and even when it is itself killed with -9.
Beat runs once; the others may run on as many machines as share PostgreSQL and Redis.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

ROOT: Final = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS: Final = 30  # for a task to come to its end
SOON_SECONDS: Final = 5  # a process that dies within them may be misconfigured
SOON_DEATHS: Final = 5  # in a row: it is
PARTS: Final = ("web", "worker", "sweeper", "beat")


def commands(
    *, bind: str, web_workers: int, concurrency: int, folder: Path
) -> dict[str, list[str]]:
    """Return the command of each part of the service."""
    gunicorn = [sys.executable, "-m", "gunicorn", "config.wsgi", f"--bind={bind}"]
    celery = [sys.executable, "-m", "celery", "--app=config", "--quiet"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return {
        "web": [
            *gunicorn,
            f"--workers={web_workers}",
            "--preload",  # imported once for all of them
            "--threads=4",
            "--no-control-socket",
            f"--worker-tmp-dir={folder}",
            f"--graceful-timeout={PATIENCE_SECONDS // 2}",
        ],
        "worker": [
            *celery,
            "worker",
            "-Q",
            "celery",
            "-n",
            "worker@%h",
            "-c",
            str(concurrency),
            *quiet,
        ],
        # A queue and a process for what must never wait behind long work.
        "sweeper": [*celery, "worker", "-Q", "sweep", "-n", "sweeper@%h", "-c", "1", *quiet],
        "beat": [*celery, "beat", f"--schedule={folder / 'beat'}", "--pidfile="],
    }


class Service:
    """The running service, as a context manager."""

    def __init__(  # noqa: PLR0913  # each has a default
        self,
        *,
        bind: str = "127.0.0.1:8000",
        web_workers: int = 1,
        concurrency: int = 2,
        parts: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        """Prepare; nothing starts before `with`. Without `log`, standard error says it all."""
        self.failed = threading.Event()
        self._sizes = {"web_workers": web_workers, "concurrency": concurrency}
        self._bind = bind
        self._parts = parts
        self._environment = {**os.environ, **(environment or {})}
        self._log_path = log
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, float] = {}
        self._soon: dict[str, int] = {}
        self._rests: dict[str, float] = {}  # of parts that were killed on purpose
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    @property
    def pids(self) -> dict[str, int]:
        """Return the number of each part's first process."""
        with self._lock:
            return {name: process.pid for name, process in self._running.items()}

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="lethe-"))
        self._log: IO[bytes] | None = self._log_path.open("ab") if self._log_path else None
        self._watchdog = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("watchdog.py")), str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C must not reach it
        )
        every = commands(bind=self._bind, folder=self._folder, **self._sizes)
        self._commands = {name: every[name] for name in self._parts or every}
        with self._lock:
            for name in self._commands:
                self._start(name)
        self._healer = threading.Thread(target=self._heal, daemon=True)
        self._healer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def kill(self, name: str, *, rest_seconds: float = 0.0) -> None:
        """Kill a part and all its children as a power cut would; it is started again later."""
        with self._lock:
            process = self._running[name]
            self._rests[name] = time.monotonic() + rest_seconds
            _signal_group(process, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End every part: beat first, so that nothing new is sent, the web server last."""
        self._stopping.set()
        self._healer.join()
        for process in reversed(self._running.values()):
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE_SECONDS
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            _signal_group(process, signal.SIGKILL)  # also what a part left of its children
            process.wait()
        if self._watchdog.stdin:
            self._watchdog.stdin.close()
        self._watchdog.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._log:
            self._log.close()

    def _start(self, name: str) -> None:
        process = subprocess.Popen(
            self._commands[name],
            stdin=subprocess.DEVNULL,
            stdout=self._log or sys.stderr,
            stderr=self._log or sys.stderr,
            cwd=ROOT,
            env=self._environment,
            start_new_session=True,
        )
        self._running[name] = process
        self._started[name] = time.monotonic()
        if self._watchdog.stdin:
            self._watchdog.stdin.write(f"{process.pid} {signal.SIGTERM.value}\n".encode())
            self._watchdog.stdin.flush()

    def _heal(self) -> None:
        while not self._stopping.wait(0.2):
            with self._lock:
                for name, process in list(self._running.items()):
                    rests_until = self._rests.get(name)
                    if process.poll() is None or (rests_until or 0) > time.monotonic():
                        continue
                    _signal_group(process, signal.SIGKILL)  # children that outlived it
                    self._rests.pop(name, None)
                    soon = (
                        rests_until is None
                        and time.monotonic() - self._started[name] < SOON_SECONDS
                    )
                    self._soon[name] = self._soon.get(name, 0) + 1 if soon else 0
                    if self._soon[name] >= SOON_DEATHS:
                        sys.stderr.write(f"{name} does not stay up; giving up\n")
                        self.failed.set()
                        return
                    self._start(name)


def _signal_group(process: subprocess.Popen[bytes], wanted: signal.Signals) -> None:
    """Signal a process and its children. Its number is still its own: we have not let go of it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, wanted)


def main() -> int:
    """Run until a signal comes or a part does not stay up."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--bind", default="127.0.0.1:8000", help="where the web server listens")
    add("--web-workers", type=int, default=2, help="processes that answer")
    add("--concurrency", type=int, default=os.cpu_count() or 1, help="tasks at once")
    add("parts", nargs="*", metavar="PART", help="of: " + ", ".join(PARTS))
    options = parser.parse_args()
    if unknown := set(options.parts) - {*PARTS}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    asked = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: asked.set())
    with Service(**vars(options)) as service:
        while not asked.wait(0.2):
            if service.failed.is_set():
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
