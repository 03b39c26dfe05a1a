"""`manage.py replay_erasures --store NAME --since MOMENT [--dry-run]`."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from typing_extensions import override

from audits.trail import Actor
from deletion import errors
from deletion.actions import start_replay
from deletion.queries.replays import found_since
from lineage.management.arguments import name
from lineage.management.refusals import in_one_line
from lineage.models import Store
from lineage.queries import store_named


def moment(text: str) -> datetime:
    """Return a moment; one without a time zone is meant as UTC."""
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError("write it as 2026-11-24 or 2026-11-24T03:00:00+00:00") from None
    return said if said.tzinfo else said.replace(tzinfo=UTC)


class Command(BaseCommand):
    help = (
        "After a store was restored from a backup: erase again everybody of whom it was free at "
        "some moment since the backup was made. People are recognised by the suppression list, "
        "never by row numbers. The workers do it; running it twice does no harm."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        place = parser.add_mutually_exclusive_group(required=True)
        place.add_argument("--store", type=name, metavar="NAME", help="the store that came back")
        place.add_argument("--all-stores", action="store_true", help="every registered store")
        parser.add_argument(
            "--since",
            required=True,
            type=moment,
            metavar="MOMENT",
            help="when the backup was made, or any moment before; without a time zone it is UTC",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="read and count only; nothing is changed"
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        with in_one_line(errors):
            stores = (
                list(Store.objects.order_by("name"))
                if options["all_stores"]
                else [store_named(options["store"])]
            )
            for store in stores:
                do = self._count if options["dry_run"] else self._replay
                do(store, options["since"])

    def _count(self, store: Store, since: datetime) -> None:
        found = found_since(store.pk, since=since, now=timezone.now())
        self.stdout.write(
            f"{store.name}: {found.rows} rows of {found.people} forgotten people"
            f" in {found.parts} parts; nothing was changed"
        )

    def _replay(self, store: Store, since: datetime) -> None:
        run = start_replay(
            store_id=store.pk,
            since=since,
            actor=Actor("command:replay_erasures"),
            now=timezone.now(),
        )
        self.stdout.write(
            f"{store.name}: nobody was forgotten there since then"
            if run is None
            else f"{store.name}: run {run.pk} began; the workers go on with it"
        )
