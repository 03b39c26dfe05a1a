"""Machines for one test: network namespaces with host names and addresses of their own.

The head holds PostgreSQL, Redis, the web server, the sweeper and beat, and listens on a bridge.
Each worker machine hangs on the bridge by one cable, which can be cut. All see the same file
system, as machines that mount one share do. The addresses are from the range for benchmarks (RFC
2544) and exist inside the namespaces only.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from typing_extensions import override

from scripts.local_servers import ROOT, Services
from scripts.serve import commands

HEAD: Final = "198.18.0.1"
NETWORK: Final = "198.18.0.0/24"
BRIDGE: Final = "lethe0"
INSIDE: Final = "LETHE_INSIDE"  # set in the namespaces of the head

_UNSHARE: Final = ("unshare", "--net", "--uts")


def refusal() -> str:
    """Say why there can be no such machines here; empty if there can."""
    for program in ("unshare", "nsenter", "ip", "hostname"):
        if shutil.which(program) is None:
            return f"no program named {program} (Debian: util-linux, iproute2, hostname)"
    tried = subprocess.run(
        [*_entry(), "ip", "link", "add", "tried", "type", "veth", "peer", "name", "peer"],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"namespaces are not allowed here ({tried.stderr.strip()})" if tried.returncode else ""


def enter() -> None:
    """Go on in namespaces of one's own, as the head; returns only there."""
    if INSIDE not in os.environ:
        command = [*_entry(), sys.executable, *sys.argv]
        os.execvpe(command[0], command, {**os.environ, INSIDE: "1"})  # noqa: S606  # ourselves
    _do("ip", "link", "set", "lo", "up")
    _do("ip", "link", "add", BRIDGE, "type", "bridge")
    _do("ip", "addr", "add", f"{HEAD}/24", "dev", BRIDGE)
    _do("ip", "link", "set", BRIDGE, "up")


def _entry() -> list[str]:
    return [*_UNSHARE, *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]


def _do(*command: str) -> None:
    subprocess.run(command, check=True)


class Reachable(Services):
    """The two servers, listening on the bridge as well."""

    @override
    def __enter__(self) -> Self:
        super().__enter__()
        self.environment["DATABASE_URL"] = f"postgres://postgres@{HEAD}/postgres"
        self.environment["REDIS_URL"] = f"redis://{HEAD}:6379"
        return self

    @override
    def _start(self, name: str, command: Sequence[str], **identity: Any) -> subprocess.Popen[bytes]:
        if name == "redis":
            more = ["--bind", HEAD, "--port", "6379", "--protected-mode", "no"]
        else:
            rules = self.folder / "pg_hba.conf"
            rules.write_text(f"local all all trust\nhost all all {NETWORK} trust\n")
            more = [f"--listen_addresses={HEAD}", f"--hba_file={rules}"]
        return super()._start(name, [*command, *more], **identity)


class Machine:
    """One worker machine: it has a name, an address, a cable, and runs what it is told."""

    def __init__(
        self, name: str, *, number: int, environment: Mapping[str, str], log: Path
    ) -> None:
        """Plug it in; nothing runs on it yet."""
        self.name, self.log = name, log
        self._environment = dict(environment)
        self._running: list[subprocess.Popen[bytes]] = []
        self._cable = f"cable{number}"
        self._keeper = subprocess.Popen(
            [*_UNSHARE, "sh", "-c", f"hostname {name} && echo up && exec sleep infinity"],
            stdout=subprocess.PIPE,
        )
        if self._keeper.stdout is None or self._keeper.stdout.readline() != b"up\n":
            raise RuntimeError(f"{name} did not start")
        pid, plug = str(self._keeper.pid), f"plug{number}"
        _do("ip", "link", "add", self._cable, "type", "veth", "peer", "name", plug)
        _do("ip", "link", "set", plug, "netns", pid)
        _do("ip", "link", "set", self._cable, "master", BRIDGE, "up")
        self._do("ip", "addr", "add", f"198.18.0.{10 + number}/24", "dev", plug)
        self._do("ip", "link", "set", plug, "up")
        self._do("ip", "link", "set", "lo", "up")

    def work(self, *, concurrency: int) -> None:
        """Start workers on it, as `scripts/serve.py worker` does."""
        every = commands(bind="", web_workers=1, concurrency=concurrency, folder=self.log.parent)
        self.run(every["worker"])

    def run(self, command: Sequence[str]) -> None:
        """Start a program on it; what it says goes into the machine's log."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [*self._inside(), *command],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._running.append(process)

    def cut(self) -> None:
        """Pull the cable: nothing comes or goes, and nobody is told."""
        _do("ip", "link", "set", self._cable, "down")

    def mend(self) -> None:
        """Plug the cable in again."""
        _do("ip", "link", "set", self._cable, "up")

    def stop(self) -> None:
        """End everything that runs on it."""
        for process in [*self._running, self._keeper]:
            with contextlib.suppress(ProcessLookupError):
                if process is self._keeper:
                    process.kill()
                else:
                    os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _do(self, *command: str) -> None:
        _do(*self._inside(), *command)

    def _inside(self) -> list[str]:
        return ["nsenter", f"--target={self._keeper.pid}", "--net", "--uts"]
