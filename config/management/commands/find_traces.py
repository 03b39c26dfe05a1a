"""`manage.py find_traces [PATH ...]`, with the text on standard input."""

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from config.traces import files_naming, pages_naming, redis_naming, tables_naming
from lineage.management.refusals import in_one_line
from lineage.management.stdin import one_line


class Command(BaseCommand):
    help = (
        "Look for a text, such as an erased person's identifier, in everything that Lethe keeps: "
        "every table, Redis, the artefacts of models; and in other files that are named. The text "
        "is read from standard input. Exits with 1 if it is found anywhere."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "paths",
            nargs="*",
            type=Path,
            metavar="PATH",
            help="a file or folder to look into as well, also into Parquet's compressed pages",
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        text = one_line("text")
        for path in options["paths"]:
            if not path.exists():
                raise CommandError(f"{path} is not there")
        with in_one_line():
            found = [*_traces(text, [settings.ARTEFACT_DIR, *options["paths"]])]
        for place in found:
            self.stdout.write(place)
        if found:
            raise CommandError(f"places that hold it: {len(found)}")
        self.stdout.write("found nowhere")


def _traces(text: str, places: list[Path]) -> Iterator[str]:
    for table in sorted(tables_naming(text)):
        yield f"table {table}"
    for key in sorted(redis_naming(text, url=settings.REDIS_URL)):
        yield f"redis key {key}"
    for place in places:
        for file in sorted(files_naming(place, text) | pages_naming(place, text)):
            yield f"file {file}"
