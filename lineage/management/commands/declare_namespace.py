"""`manage.py declare_namespace NAME --kind KIND`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from typing_extensions import override

from audits.trail import Actor
from lineage.actions import declare_namespace
from lineage.identifiers import IdentifierKind
from lineage.management.arguments import name
from lineage.management.refusals import in_one_line


class Command(BaseCommand):
    help = "Declare a namespace of identifiers and how they are written."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", type=name)
        parser.add_argument(
            "--kind", required=True, choices=[kind.value for kind in IdentifierKind]
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        with in_one_line():
            declared = declare_namespace(
                name=options["name"],
                kind=IdentifierKind(options["kind"]),
                actor=Actor("command:declare_namespace"),
                now=timezone.now(),
            )
        self.stdout.write(f"namespace {declared.name}: {declared.kind} identifiers")
