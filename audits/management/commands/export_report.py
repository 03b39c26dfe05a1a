"""Write the report of all deletion requests into a file."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from typing_extensions import override

from audits.queries import request_report
from audits.renderers import RENDER


def day(text: str) -> date:
    """Read a day of the command line."""
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise ArgumentTypeError(f"{text} is not a day like 2026-01-31") from exc


class Command(BaseCommand):
    help = "Write the report on deletion requests, a projection of the sealed trail, into a file."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=sorted(RENDER), required=True)
        parser.add_argument("--out", type=Path, metavar="FILE", required=True)
        parser.add_argument(
            "--since", type=day, metavar="DAY", help="received on this day or later"
        )
        parser.add_argument(
            "--until", type=day, metavar="DAY", help="received on this day or earlier"
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        out: Path = options["out"]
        report = request_report(since=options["since"], until=options["until"], now=timezone.now())
        try:
            out.write_bytes(RENDER[options["format"]](report))
        except OSError as exc:
            raise CommandError(f"{out} cannot be written: {exc.strerror}") from exc
        size = report.checkpoint.size if report.checkpoint else 0
        self.stdout.write(f"requests: {len(report.rows)}, as of checkpoint {size}, in {out}")
        if report.unsealed:
            self.stdout.write(f"left out, since not sealed yet: {report.unsealed} facts")
