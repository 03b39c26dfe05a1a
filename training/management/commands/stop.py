"""`manage.py stop SCOPE --reason TEXT`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from typing_extensions import override

from audits.trail import Actor
from lineage.management.refusals import in_one_line
from training import actions, errors


class Command(BaseCommand):
    help = (
        "Let nothing start in a scope, and let the fallback answer unless it is a pool."
        " Two people lift it again."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "scope",
            metavar="SCOPE",
            help="everything, model/NAME, pool/erasure or pool/training/NAME",
        )
        parser.add_argument("--reason", required=True)

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        with in_one_line(errors):
            stop = actions.stop(
                scope=options["scope"],
                reason=options["reason"],
                actor=Actor("command:stop"),
                now=timezone.now(),
            )
        self.stdout.write(f"stopped: {stop.scope}, since {stop.raised_at:%Y-%m-%d %H:%M:%S} UTC")
