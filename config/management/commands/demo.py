"""`manage.py demo`: real people leave a real training set and real models, on time, with proof."""

import logging
import socket
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from typing_extensions import override

from config.demo import proof, steps
from config.demo.client import DemoFailed, wait_until_ready
from config.demo.stage import Stage
from scripts.serve import Service

PORT = 8000
PACE = {"SWEEP_SECONDS": "0.5", "SEAL_SECONDS": "0.5", "COALESCE_SECONDS": "2"}  # not a day

STEPS = (
    steps.open_accounts,
    steps.register_people,
    steps.train_champion,
    steps.draw_release,
    steps.choose_leavers,
    proof.see_them,
    steps.ask,
    steps.follow,
    proof.verify_certificates,
    proof.prove_absence,
    steps.compare_with_the_clock,
)


class Command(BaseCommand):
    help = "Show a deletion from end to end, on an empty database; make demo prepares one."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="end when everything was shown")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(highlight=False, soft_wrap=True)
        call_command("migrate", verbosity=0)
        bind = f"127.0.0.1:{_free_port()}"
        settings.ARTEFACT_DIR.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=settings.ARTEFACT_DIR.parent, prefix="demo-") as name:
            folder = Path(name)
            log = folder / "service.log"
            began = time.monotonic()
            with Service(bind=bind, environment=PACE, log=log) as service:
                stage = Stage(console=console, folder=folder, address=f"http://{bind}")
                try:
                    wait_until_ready(stage.address)
                    for step in STEPS:
                        step(stage)
                except DemoFailed as failed:
                    raise CommandError(f"{failed}\n{_end_of(log)}") from failed
                console.print(f"\n[bold]Done in {time.monotonic() - began:.0f} s.[/]")
                if not options["once"]:
                    _stay(stage, service)


def _stay(stage: Stage, service: Service) -> None:
    stage.console.print(
        f"\nLook around: [bold]{stage.address}/admin/[/]  officer  {stage.password}\n"
        f"The API's pages: {stage.address}/api/v1/docs/\n"
        "Ctrl-C ends it, and leaves nothing behind."
    )
    try:
        service.failed.wait()
    except KeyboardInterrupt:
        logging.getLogger(__name__).debug("asked to end")


def _free_port() -> int:
    for port in (PORT, 0):  # the well-known one if nobody has it
        with socket.socket() as place:
            try:
                place.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(place.getsockname()[1])
    raise CommandError("no free port on 127.0.0.1")


def _end_of(log: Path, *, lines: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
