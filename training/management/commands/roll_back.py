"""`manage.py roll_back NAME VERSION --reason TEXT`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from typing_extensions import override

from audits.trail import Actor
from lineage.management.arguments import name, whole_number
from lineage.management.refusals import in_one_line
from training import actions, errors


class Command(BaseCommand):
    help = "Let the version of a model that served before serve again, if nobody in it was erased."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", type=name)
        parser.add_argument("number", metavar="VERSION", type=whole_number(1, 2**31 - 1))
        parser.add_argument("--reason", required=True)

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        with in_one_line(errors):
            decided = actions.roll_back(
                model_name=options["name"],
                version=options["number"],
                reason=options["reason"],
                actor=Actor("command:roll_back"),
                now=timezone.now(),
            )
        replaced = decided.replaced
        line = f"{options['name']} version {options['number']} serves again"
        self.stdout.write(f"{line}, version {replaced.number} stands by" if replaced else line)
