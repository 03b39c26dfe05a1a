"""`manage.py cancel_training NAME`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from typing_extensions import override

from audits.trail import Actor
from lineage.management.arguments import name
from lineage.management.refusals import in_one_line
from training import actions, errors, queries


class Command(BaseCommand):
    help = "End the open training of a model before it makes a version; a deletion asks again."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", type=name)

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        with in_one_line(errors):
            run_id = queries.open_run(queries.model_named(options["name"]).pk)
            if run_id is None:
                raise CommandError(f"{options['name']} is not being trained")
            actions.cancel_run(
                run_id=run_id, actor=Actor("command:cancel_training"), now=timezone.now()
            )
        self.stdout.write(f"run {run_id} is cancelled")
