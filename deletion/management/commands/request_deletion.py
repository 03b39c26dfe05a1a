"""`manage.py request_deletion --regime gdpr --namespace NS`; the identifier comes by stdin."""

from argparse import ArgumentParser
from typing import Any, Final
from uuid import uuid4

from django.core.management.base import BaseCommand
from django.utils import timezone
from typing_extensions import override

from audits import errors as audit_errors
from audits.trail import Actor
from deletion import errors
from deletion.actions import request_deletion
from deletion.intake import RawIdentifier
from deletion.regimes import REGIMES
from lineage.management.arguments import name
from lineage.management.refusals import in_one_line
from lineage.management.stdin import one_line

ACTOR: Final = Actor("command:request_deletion")


class Command(BaseCommand):
    help = (
        "Open a deletion request. The identifier is read from standard input, so that it stands"
        " in no shell history and no list of processes."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--regime", required=True, help=", ".join(sorted(REGIMES)))
        parser.add_argument("--namespace", required=True, type=name)
        parser.add_argument(
            "--verification",
            default="operator-attested",
            type=name,
            help="how the person's identity was verified, in one word",
        )
        parser.add_argument(
            "--key", help="idempotency key: the same key again returns the same request"
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        value = one_line("identifier")
        with in_one_line(audit_errors, errors):
            opened = request_deletion(
                regime=options["regime"],
                identifiers=[RawIdentifier(namespace=options["namespace"], value=value)],
                idempotency_key=options["key"] or str(uuid4()),
                caller=ACTOR,
                verification=options["verification"],
                actor=ACTOR,
                now=timezone.now(),
            )
        request = opened.request
        self.stdout.write(f"request {request.pk}")
        self.stdout.write(f"data to be erased by {request.erase_by:%Y-%m-%d %H:%M} UTC")
        self.stdout.write(f"models to be clean by {request.models_by:%Y-%m-%d %H:%M} UTC")
        self.stdout.write(f"receipt for the person: {opened.receipt.commitment_key.hex()}")
