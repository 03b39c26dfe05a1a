"""Write the whole trail into a folder that anybody can check."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from audits.export import write_export
from audits.queries import entry_bytes, newest_checkpoint, read_tile, trail_signer


class Command(BaseCommand):
    help = (
        "Write the sealed trail into a folder (C2SP tlog-tiles), for verify_bundle and other tools."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="an empty or new folder")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        if folder.exists() and any(folder.iterdir()):
            raise CommandError(f"{folder} is not empty")
        checkpoint = newest_checkpoint()
        if checkpoint is None:
            raise CommandError("the trail has no checkpoint yet")
        files = write_export(
            folder,
            checkpoint=checkpoint,
            trail_key=trail_signer().verifier_key,
            read_tile=read_tile,
            read_entries=lambda begin, end: entry_bytes(begin=begin, end=end),
        )
        self.stdout.write(f"facts: {checkpoint.size}, files: {files}, in {folder}")
