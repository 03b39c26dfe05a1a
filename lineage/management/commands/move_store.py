"""`manage.py move_store NAME URI [--id-column [OLD=]NEW] ...`."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from typing_extensions import override

from audits.trail import Actor
from lineage.actions import move_store
from lineage.errors import PeopleLeftBehind, StoreConflict
from lineage.intake import Address, address_of, read_identifiers, require_column, require_gone
from lineage.management.arguments import name
from lineage.management.refusals import in_one_line
from lineage.models import Store
from lineage.places import without_password
from lineage.queries import columns_of, people_left_behind, store_named
from lineage.stores import open_store
from lineage.stores.protocol import DeclaredColumn


def renaming(text: str) -> tuple[str, str]:
    """Return a column's old name, if it is said, and its new one."""
    old, _, new = text.rpartition("=")
    if not new:
        raise ArgumentTypeError("write NEW or OLD=NEW")
    return old, new


class Command(BaseCommand):
    help = (
        "Say where a store is now: its files or its table were moved, or a column that names "
        "people was renamed. The new place is read before anything is changed. A run that could "
        "not reach the store can then be tried again."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", type=name, help="what the store is called")
        parser.add_argument("uri", metavar="URI", help="a path, postgres:… or env:VARIABLE?table=…")
        parser.add_argument(
            "--id-column",
            dest="renamed",
            action="append",
            default=[],
            type=renaming,
            metavar="[OLD=]NEW",
            help="what a column that names people is called now; OLD may be left out if there is "
            "only one",
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        with in_one_line():
            store = store_named(options["name"])
            before = Address(kind=store.kind, uri=store.uri)
            address = address_of(options["uri"])
            renamed = _renamed(options["renamed"], columns_of(store.pk))
            if address.kind != store.kind:
                raise StoreConflict(f"the store is of kind {store.kind}, the place {address.kind}")
            columns = [
                replace(column, name=renamed.get(column.name, column.name))
                for column in columns_of(store.pk)
            ]
            reading = read_identifiers(address, columns)
            for label in store.families.exclude(label="").values_list("label", flat=True):
                require_column(address, label)
            if address != before:
                require_gone(before)
                _require_everybody(store, address, columns, renamed)
            moved = move_store(
                name=store.name,
                address=address,
                renamed=renamed,
                reading=reading,
                actor=Actor("command:move_store"),
                now=timezone.now(),
            )
        named_by = ", ".join(f"{column.name} (namespace {column.namespace})" for column in columns)
        self.stdout.write(f"store {moved.name}: moved")
        self.stdout.write(f"  named by   {named_by or 'no column'}")
        self.stdout.write(f"  rows       {reading.rows} in {reading.parts} parts")
        self.stdout.write(f"  place      {without_password(moved.uri)} ({moved.kind})")


def _require_everybody(
    store: Store,
    address: Address,
    columns: Sequence[DeclaredColumn],
    renamed: Mapping[str, str],
) -> None:
    """Raise `PeopleLeftBehind` if somebody in a training set of the store is not in the place."""
    named = {column.name: column for column in columns}
    place = open_store(address.kind, address.uri, columns)
    for family in store.families.order_by("pk"):
        column = named[renamed.get(family.id_column, family.id_column)]
        if left := people_left_behind(family, place, column):
            raise PeopleLeftBehind(f"{left} people of {family.name}")


def _renamed(
    said: Sequence[tuple[str, str]], declared: Sequence[DeclaredColumn]
) -> Mapping[str, str]:
    """Return old names with new ones; a store's only column need not be named."""
    if any(not old for old, _ in said) and len(declared) != 1:
        raise StoreConflict("the store has several identifier columns: write OLD=NEW")
    return {old or declared[0].name: new for old, new in said}
