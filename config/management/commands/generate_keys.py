"""Make the secrets of a new installation."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from config.keys import KeyExists, generate


class Command(BaseCommand):
    help = "Write a fresh key of every kind into a folder, and print the settings that name them."
    requires_system_checks = ()

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="a folder outside the database's backups")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            files = generate(options["folder"].resolve())
        except KeyExists as exists:
            raise CommandError(f"{exists} holds keys already; nothing was changed") from exists
        except OSError as problem:
            raise CommandError(f"cannot write there: {problem.strerror}") from problem
        for name, path in files.items():
            self.stdout.write(f"{name}_FILE={path}")
