"""`manage.py register_store URI --name NAME --id-column COLUMN[=NAMESPACE] ...`."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from typing_extensions import override

from audits.trail import Actor
from lineage.actions import register_store
from lineage.intake import address_of, read_identifiers
from lineage.management.arguments import name
from lineage.management.refusals import in_one_line
from lineage.places import name_after, without_password
from lineage.queries import kind_of_namespace
from lineage.stores.protocol import DeclaredColumn


def id_column(text: str) -> tuple[str, str]:
    """Return a column and its namespace, of `COLUMN=NAMESPACE` or of `COLUMN` alone."""
    column, equals, namespace = text.rpartition("=")
    if not equals:
        column, namespace = text, name_after(text)
    if not column:
        raise ArgumentTypeError("write COLUMN or COLUMN=NAMESPACE")
    return column, name(namespace)


class Command(BaseCommand):
    help = (
        "Register a place that holds records of people but is no training set: a CSV or Parquet "
        "file, a folder of them, or a PostgreSQL table. Deletions erase there, too."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("uri", metavar="URI", help="a path, postgres:… or env:VARIABLE?table=…")
        parser.add_argument("--name", required=True, type=name, help="what the place is called")
        parser.add_argument(
            "--id-column",
            dest="id_columns",
            action="append",
            required=True,
            type=id_column,
            metavar="COLUMN[=NAMESPACE]",
            help="a column that names people, and its declared namespace (default: named after "
            "the column); once for each such column",
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        columns: dict[str, str] = dict(options["id_columns"])
        with in_one_line():
            address = address_of(options["uri"])
            # Read once before it is registered: a deletion should not be the first to find out.
            reading = read_identifiers(
                address,
                [
                    DeclaredColumn(
                        name=column, namespace=namespace, kind=kind_of_namespace(namespace)
                    )
                    for column, namespace in columns.items()
                ],
            )
            store = register_store(
                name=options["name"],
                kind=address.kind,
                uri=address.uri,
                columns=columns,
                actor=Actor("command:register_store"),
                now=timezone.now(),
            )
        named_by = ", ".join(f"{column} (namespace {columns[column]})" for column in columns)
        self.stdout.write(f"store {store.name}: registered")
        self.stdout.write(f"  named by   {named_by}")
        self.stdout.write(f"  rows       {reading.rows} in {reading.parts} parts")
        self.stdout.write(f"  place      {without_password(store.uri)} ({store.kind})")
