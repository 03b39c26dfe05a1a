"""`manage.py declare_agent ID --name NAME --key KEY --email NAMESPACE --regime REGIME`."""

from argparse import ArgumentParser
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone
from typing_extensions import override

from audits.trail import Actor
from deletion import errors
from deletion.actions import declare_agent
from deletion.regimes import REGIMES
from lineage.management.refusals import in_one_line

_ME: Final = Actor("command:declare_agent")


class Command(BaseCommand):
    help = "Declare an authorised agent, whose signature is taken for a person's demand."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("agent", metavar="ID", help="as the network's directory has it")
        parser.add_argument("--name", required=True, help="of the organisation")
        parser.add_argument(
            "--key", required=True, help="its verify_key: Ed25519, in base64 or in hexadecimal"
        )
        parser.add_argument(
            "--email", default="", metavar="NAMESPACE", help="what a verified e-mail address means"
        )
        parser.add_argument(
            "--phone", default="", metavar="NAMESPACE", help="what a verified phone number means"
        )
        parser.add_argument(
            "--regime",
            required=True,
            help=f"of requests that name none: {', '.join(sorted(REGIMES))}",
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        with in_one_line(errors):
            row = declare_agent(
                agent=options["agent"],
                name=options["name"],
                public_key=options["key"],
                email_namespace=options["email"],
                phone_namespace=options["phone"],
                regime=options["regime"],
                actor=_ME,
                now=timezone.now(),
            )
        self.stdout.write(f"agent {row.code} is declared")
        if not settings.DRP_BUSINESS_ID:
            self.stdout.write("no agent is listened to: DRP_BUSINESS_ID is not set")
