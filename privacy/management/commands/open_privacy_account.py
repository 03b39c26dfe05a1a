"""Opens the account that pays for every release about a dataset family."""

from argparse import ArgumentParser
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from typing_extensions import override

from audits.trail import Actor
from lineage.management.refusals import in_one_line
from lineage.queries import family_named
from privacy import actions, errors, queries
from privacy.ledger import NANO, NanoRho, cap_of, rho_of

MOST_RHO = 1000


class Command(BaseCommand):
    help = "Open the privacy account of a dataset family; its cap can never be raised."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("family", help="a registered dataset family")
        parser.add_argument(
            "--unit", required=True, help="identifier namespace that names a person"
        )
        parser.add_argument("--rho", required=True, help="the cap, in rho of zCDP, such as 0.5")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        with in_one_line(errors):
            family = family_named(options["family"])
            actions.open_account(
                family_id=family.pk,
                unit=options["unit"],
                cap_nano_rho=_cap(options["rho"]),
                actor=Actor("command:open_privacy_account"),
                now=timezone.now(),
            )
            state = queries.account_state(family.pk)
        self.stdout.write(
            f"{state.family}: {rho_of(state.left_nano_rho).normalize():f} of "
            f"{rho_of(state.cap_nano_rho).normalize():f} rho left, per {state.unit}"
        )


def _cap(text: str) -> NanoRho:
    try:
        rho = Decimal(text)
    except InvalidOperation:
        raise CommandError("--rho is not a number") from None
    if not rho.is_finite() or not Decimal(1) / NANO <= rho <= MOST_RHO:
        raise CommandError(f"--rho is not between 0.000000001 and {MOST_RHO}")
    return cap_of(rho)
