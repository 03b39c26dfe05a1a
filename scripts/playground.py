"""A private Lethe for trying things: servers, keys and the whole service, gone when you leave.

    python scripts/playground.py [--] [COMMAND...]

starts PostgreSQL, Redis and the service on a free port, runs the command (else your shell) and
leaves nothing behind. The command finds in its environment all that `manage.py` needs, and

    LETHE_ADDRESS   where the service answers
    LETHE_PASSWORD  of the account `officer`, who may do everything
    PLAYGROUND      a folder for your files, which is removed as well

Settings in your own environment count, such as APPROVE_UP_TO=0; your servers and keys do not.
"""

import argparse
import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.error import URLError
from urllib.request import urlopen

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # as a script, Python looks only into this file's own folder

from scripts.local_servers import NoServer, Services, scratch_settings, supervise  # noqa: E402  # after the path

BIN: Final = str(Path(sys.executable).parent)
PATIENCE_SECONDS: Final = 60
OFFICER: Final = "officer"
# The same people fall into the same shards each time, so the tutorial can show what you will see.
REPEATED: Final = ("PSEUDONYM_KEY", "SHARD_KEY")
HURRY: Final = {  # a real one gathers for a day
    "SWEEP_SECONDS": "1",
    "COALESCE_SECONDS": "2",
    "LINKED_WAIT_SECONDS": "2",
}

GREETING: Final = """\
A private Lethe answers at {address}
Officers' pages: {address}/admin/   name {name}   password {password}

Type this first, and then go on with docs/tutorial/first-deletion.md:

    cp examples/newsletter.csv "$PLAYGROUND"
    python manage.py register_dataset "$PLAYGROUND/newsletter.csv" \\
        --family newsletter --id-column email --label subscribed --shards 8

`exit` ends it and removes everything.
"""


# The trainer of docs/how-to/bring-your-own-trainer.md.
TRAINERS = f"""
[nearest]
argv = ["{sys.executable}", "{ROOT}/examples/nearest_trainer.py"]
code = "example:1"
limit_seconds = 60
"""


class Playground:
    """The running service, as a context manager. `environment` is what a command needs."""

    def __enter__(self) -> Self:
        self.services = Services().__enter__()
        try:
            self._prepare()
        except BaseException:
            self.services.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.services.stop()  # and with them everything that they were told to watch

    def _prepare(self) -> None:
        folder = self.services.folder / "playground"
        folder.mkdir(mode=0o700)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            bind = f"127.0.0.1:{free.getsockname()[1]}"
        self.address = f"http://{bind}"
        self.log = self.services.folder / "service.log"
        scratch = scratch_settings(self.services.folder)
        for name in REPEATED:
            Path(scratch[f"{name}_FILE"]).write_text(sha256(name.encode()).hexdigest())
        ours = {
            **self.services.environment,
            **scratch,
            "LETHE_ADDRESS": self.address,
            "LETHE_PASSWORD": secrets.token_urlsafe(9),
            "PLAYGROUND": str(folder),
            "TRAINERS": TRAINERS,
            "PATH": os.pathsep.join([BIN, os.environ.get("PATH", os.defpath)]),
        }
        self.environment = {**HURRY, **without(ours, os.environ), **ours}
        self._manage("migrate", "--verbosity=0")
        self._start_service(bind)
        self._manage(
            "createsuperuser", "--no-input", f"--username={OFFICER}", "--email=", "--verbosity=0"
        )
        self._wait_until_ready()

    def _manage(self, *words: str) -> None:
        subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *words],
            check=True,
            env={
                **self.environment,
                "DJANGO_SUPERUSER_PASSWORD": self.environment["LETHE_PASSWORD"],
            },
        )

    def _start_service(self, bind: str) -> None:
        with self.log.open("ab") as log:
            self._service = subprocess.Popen(
                [
                    sys.executable,
                    str(ROOT / "scripts" / "serve.py"),
                    f"--bind={bind}",
                    "--web-workers=1",
                    "--concurrency=2",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,  # Ctrl-C is meant for the command
            )
        self.services.watch(self._service.pid, signal.SIGTERM)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                with urlopen(f"{self.address}/readyz", timeout=5):  # noqa: S310  # our own service
                    return
            except (URLError, OSError):
                if self._service.poll() is not None or time.monotonic() > deadline:
                    said = self.log.read_text(errors="replace")[-2000:]
                    raise NoServer(f"the service does not start:\n{said}") from None
                time.sleep(0.05)


def without(ours: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what is ours; `NAME` and `NAME_FILE` are one setting."""
    private = {name.removesuffix("_FILE") for name in ours} | {"DJANGO_SETTINGS_MODULE"}
    return {
        name: value
        for name, value in environment.items()
        if name.removesuffix("_FILE") not in private
    }


def main() -> int:
    """Start everything, run the command, remove everything."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("command", nargs=argparse.REMAINDER, help="default: your shell")
    command = parser.parse_args().command
    if command[:1] == ["--"]:
        command = command[1:]
    try:
        with Playground() as playground:
            run = partial(
                supervise, services=playground.services, environment=playground.environment
            )
            if command:
                return run(command)
            print(
                GREETING.format(
                    address=playground.address,
                    name=OFFICER,
                    password=playground.environment["LETHE_PASSWORD"],
                ),
                flush=True,
            )
            run(shlex.split(os.environ.get("SHELL") or "sh"))
            return 0  # how the last command in a shell ended says nothing about the playground
    except NoServer as problem:
        sys.stderr.write(f"{problem}\n")
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 1


if __name__ == "__main__":
    sys.exit(main())
