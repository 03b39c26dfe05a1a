"""`manage.py trainers [--secret NAME]`."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from lineage.management.arguments import name
from training.calling.signing import shown_secret
from training.outside.declared import OutsideTrainer
from training.outside.webhook import recipient_of
from training.queries import trainer_named, trainer_names


class Command(BaseCommand):
    help = "List the trainers, or show the secret by which a service verifies what it is told."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--secret", metavar="NAME", type=name)

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        if options["secret"]:
            declared = settings.TRAINERS.get(options["secret"])
            if declared is None or not declared.url:
                raise CommandError("no service of that name is declared in TRAINERS")
            key = settings.WEBHOOK_SIGNING_KEY
            self.stdout.write(shown_secret(recipient_of(declared.name), signing_key=key))
            return
        for each in trainer_names():
            trainer = trainer_named(each)
            kind = trainer.kind if isinstance(trainer, OutsideTrainer) else "shards"
            self.stdout.write(f"{each:<24} {kind:<8} {trainer.revision}")
