"""`manage.py declare_recipient NAME --webhook URL --send NAMESPACE[=THEIRS]`, or another way."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from typing_extensions import override

from audits.trail import Actor
from deletion import errors
from deletion.actions import ask_test, declare_recipient
from deletion.queries.recipients import callback_url_of
from deletion.telling import BY_HTTP, Way
from lineage.management.refusals import in_one_line
from training import errors as training_errors
from training.calling.signing import public_key, shown_secret

_ME = Actor("command:declare_recipient")


class Command(BaseCommand):
    help = "Declare how a recipient is told that somebody's data was erased."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="as its passing on is registered")
        way = parser.add_mutually_exclusive_group(required=True)
        way.add_argument("--webhook", metavar="URL", help="by Standard Webhooks")
        way.add_argument("--opendsr", metavar="URL", help="a processor's OpenDSR base address")
        way.add_argument("--by-hand", action="store_true", help="a person tells, and records it")
        parser.add_argument(
            "--send",
            action="append",
            default=[],
            metavar="NAMESPACE[=THEIRS]",
            help="an identifier that is sent, as SHA-256, and what they call it",
        )
        parser.add_argument(
            "--wait",
            action="store_true",
            help="told only when the processor answers that it is done",
        )
        parser.add_argument(
            "--callback-key",
            metavar="FILE",
            help="a processor's certificate or public key (PEM): it may call back, signed by it",
        )
        parser.add_argument("--test", action="store_true", help="send a test message too")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        url = options["webhook"] or options["opendsr"] or ""
        way = (
            Way.WEBHOOK
            if options["webhook"]
            else Way.OPENDSR
            if options["opendsr"]
            else Way.BY_HAND
        )
        with in_one_line(errors, training_errors):
            recipient = declare_recipient(
                name=options["name"],
                way=way,
                url=url,
                namespaces=dict(_pair(said) for said in options["send"]),
                waits_for_answer=options["wait"],
                callback_key=_read(options["callback_key"]),
                actor=_ME,
                now=timezone.now(),
            )
            if options["test"] and way in BY_HTTP:
                ask_test(recipient=recipient.name, actor=_ME, now=timezone.now())
        self.stdout.write(f"recipient {recipient.name} is declared: told by {recipient.way}")
        if callback_url := callback_url_of(recipient):
            self.stdout.write(f"it may call back at: {callback_url}")
        if way is Way.WEBHOOK:
            key = settings.WEBHOOK_SIGNING_KEY
            self.stdout.write(f"they verify with the key (v1a): {public_key(key)}")
            secret = shown_secret(recipient.name, signing_key=key)
            self.stdout.write(f"or with their own secret (v1): {secret}")


def _read(file: str | None) -> str:
    """Return what stands in a file; nothing without one."""
    if file is None:
        return ""
    try:
        return Path(file).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise CommandError("--callback-key does not name a readable PEM file") from None


def _pair(said: str) -> tuple[str, str]:
    ours, _, theirs = said.partition("=")
    return ours, theirs or ours
