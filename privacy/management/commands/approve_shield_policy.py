"""Records an officer's decision under which bound retraining may wait, and until when."""

from argparse import ArgumentParser
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from typing_extensions import override

from audits.permissions import Role, has_role
from audits.trail import Actor
from lineage.management.refusals import in_one_line
from lineage.queries import family_named
from privacy import actions, errors


class Command(BaseCommand):
    help = "Approve a shielding policy: models behind a family's releases may wait, within bounds."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--family", required=True)
        parser.add_argument("--max-epsilon", required=True, help="per person, such as 2")
        parser.add_argument("--max-delta", required=True, help="such as 0.000001")
        parser.add_argument("--max-deletions", required=True, type=int, help="people, together")
        parser.add_argument("--days", required=True, type=int, help="until it expires")
        parser.add_argument("--reason", required=True)
        parser.add_argument("--officer", required=True, help="user name of a compliance officer")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        officer = get_user_model().objects.filter(username=options["officer"]).first()
        if officer is None or not has_role(officer, Role.OFFICER):
            raise CommandError("--officer does not name an active compliance officer")
        if not 0 < options["days"] <= 3650:  # noqa: PLR2004  # ten years: no date beyond the calendar
            raise CommandError("--days is not between 1 and 3650")
        now = timezone.now()
        with in_one_line(errors):
            policy = actions.approve_shield_policy(
                name=options["name"],
                family_id=family_named(options["family"]).pk,
                max_epsilon=_number(options["max_epsilon"], "--max-epsilon"),
                max_delta=_number(options["max_delta"], "--max-delta"),
                max_deletions=options["max_deletions"],
                reason=options["reason"],
                expires_at=now + timedelta(days=options["days"]),
                actor=Actor(f"user:{officer.pk}"),
                now=now,
            )
        self.stdout.write(
            f"{policy.name}: up to ε={policy.max_epsilon.normalize():f} at "
            f"δ={policy.max_delta.normalize():f} for {policy.max_deletions} people, "
            f"approved by {policy.approved_by}, expires {policy.expires_at.date()}"
        )


def _number(text: str, option: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise CommandError(f"{option} is not a number") from None
    if not number.is_finite() or abs(number) >= 1000:  # noqa: PLR2004  # far beyond any bound here
        raise CommandError(f"{option} is not a number below 1000")
    return number
