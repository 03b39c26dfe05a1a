"""Show the public keys by which outsiders check what this installation signs."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from typing_extensions import override

from audits.queries import trail_signer
from training.calling.signing import public_key
from training.queries import model_signer


class Command(BaseCommand):
    help = "Print the public keys, to publish where a bundle cannot be replaced together with them."

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"trail: {trail_signer().verifier_key.text}")
        self.stdout.write(f"certificates: {trail_signer().verifier_key.text}")
        self.stdout.write(f"models: {model_signer().verifier_key.text}")
        self.stdout.write(f"webhooks: {public_key(settings.WEBHOOK_SIGNING_KEY)}")
