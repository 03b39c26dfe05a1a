"""`manage.py declare_gates FAMILY RULES.json`, or `-` to read standard input, or `--show`."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from typing_extensions import override

from audits.trail import Actor
from lineage.management.arguments import name
from lineage.management.refusals import in_one_line
from lineage.queries import family_named
from training import actions, errors, queries


class Command(BaseCommand):
    help = "Declare what the data of a training set has to be before anything learns from it."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("family", metavar="FAMILY", type=name)
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument(
            "rules", metavar="RULES", nargs="?", help="a JSON file; - reads the input"
        )
        what.add_argument(
            "--show", action="store_true", help="print what holds now, and where from"
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        with in_one_line(errors):
            family = family_named(options["family"])
            if not options["show"]:
                actions.declare_gates(
                    family_id=family.pk,
                    rules=_read(options["rules"]),
                    actor=Actor("command:declare_gates"),
                    now=timezone.now(),
                )
            shown = queries.gates_shown(family)
        if options["show"]:
            self.stdout.write(json.dumps(shown.rules, indent=2, sort_keys=True))
            return
        columns = shown.rules["columns"]
        count = len(columns) if isinstance(columns, dict) else 0
        self.stdout.write(f"gates of {family.name}: declaration {shown.number}, {count} columns")


def _read(file: str) -> dict[str, object]:
    """Return what stands in a file; a refusal quotes nothing of it."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        said = json.loads(text)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise CommandError("the rules are not a readable JSON file") from None
    if not isinstance(said, dict):
        raise CommandError("the rules are not a JSON object")
    return said
