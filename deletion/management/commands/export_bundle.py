"""`manage.py export_bundle REQUEST_ID DIR`: the evidence of one finished deletion, as a folder."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from audits import errors as audit_errors
from audits.bundle import write_bundle
from audits.queries import proof_of, trail_signer
from deletion import errors
from deletion.queries.requests import certificate_of, request_numbered
from lineage.management.refusals import in_one_line


class Command(BaseCommand):
    help = (
        "Write the certificate of a finished request with its proof into a folder, for"
        " verify_bundle. Nothing in it names the person."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("request", type=UUID, metavar="REQUEST_ID")
        parser.add_argument("folder", type=Path, metavar="DIR", help="made if it is not there")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        with in_one_line(audit_errors, errors):
            request = request_numbered(options["request"])
            certificate = certificate_of(request)
            proof = proof_of(about=f"request/{request.pk}", event="RequestCompleted")
        key = trail_signer().verifier_key
        try:
            write_bundle(
                folder,
                certificate=certificate.envelope,
                proof=proof,
                trail_key=key,
                certificate_key=key,
            )
        except OSError as exc:
            raise CommandError(f"{folder} cannot be written: {exc.strerror}") from exc
        self.stdout.write(f"the bundle of request {request.pk} is in {folder}")
