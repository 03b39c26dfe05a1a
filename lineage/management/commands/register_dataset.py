"""`manage.py register_dataset URI --family NAME --id-column COL --label COL ...`."""

from argparse import ArgumentParser
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone
from typing_extensions import override

from audits.trail import Actor
from lineage.actions import Declaration, register_dataset
from lineage.graph import VersionState
from lineage.identifiers import IdentifierKind
from lineage.intake import Address, address_of, kind_in, require_column
from lineage.management.arguments import name, whole_number
from lineage.management.refusals import in_one_line
from lineage.models import DatasetFamily, DatasetVersion, Namespace
from lineage.places import name_after, without_password
from lineage.queries import newest_version
from lineage.scanning import Scanned, scan
from lineage.sharding import HOLD_OUT, Sharding
from lineage.stores import open_store
from lineage.stores.protocol import DeclaredColumn

SHARDS: Final = 16
HOLD_OUT_PERMILLE: Final = 200


class Command(BaseCommand):
    help = (
        "Register a training set: a CSV or Parquet file, a folder of them, or a PostgreSQL table. "
        "Registering it again after its data changed makes the next version."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("uri", metavar="URI", help="a path, postgres:… or env:VARIABLE?table=…")
        parser.add_argument("--family", required=True, type=name, help="the training set's name")
        parser.add_argument("--id-column", required=True, help="the column that names the person")
        parser.add_argument("--label", required=True, help="the column that models predict")
        parser.add_argument("--namespace", type=name, help="default: named after the column")
        parser.add_argument(
            "--kind",
            choices=[kind.value for kind in IdentifierKind],
            help="how identifiers are written; default: guessed from the column",
        )
        parser.add_argument(
            "--store", type=name, help="a name for the place; default: the family's"
        )
        parser.add_argument(
            "--shards", type=whole_number(1, 1024), help=f"default: {SHARDS}; fixed for ever"
        )
        parser.add_argument(
            "--hold-out",
            type=whole_number(0, 999),
            metavar="PERMILLE",
            help=f"people kept out of training; default: {HOLD_OUT_PERMILLE}; fixed for ever",
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        known = DatasetFamily.objects.filter(name=options["family"]).first()
        before = newest_version(known.pk) if known else None
        with in_one_line():
            declared = _declaration(options, known)
            scanned = scan(
                open_store(declared.address.kind, declared.address.uri, [declared.column]),
                declared.column,
                pseudonym_key=settings.PSEUDONYM_KEY,
                suppression_key=settings.SUPPRESSION_KEY,
                sharding=declared.sharding,
            )
            version = register_dataset(
                declared=declared,
                scanned=scanned,
                since=before.seq if before else 0,
                actor=Actor("command:register_dataset"),
                now=timezone.now(),
            )
        self.stdout.write(_summary(declared, scanned, version, is_new=version != before))
        if version.state == VersionState.QUARANTINED:
            self.stderr.write(
                self.style.WARNING("It holds somebody who was forgotten: an alert was raised.")
            )


def _declaration(options: dict[str, Any], known: DatasetFamily | None) -> Declaration:
    address = address_of(options["uri"])
    column = _column(options, address)
    require_column(address, options["label"])
    shards, hold_out = options["shards"], options["hold_out"]
    if shards is None:
        shards = known.shards if known else SHARDS
    if hold_out is None:
        hold_out = known.hold_out_permille if known else HOLD_OUT_PERMILLE
    return Declaration(
        store=options["store"] or options["family"],
        address=address,
        column=column,
        label=options["label"],
        sharding=Sharding(
            family=options["family"],
            shards=shards,
            hold_out_permille=hold_out,
            key=settings.SHARD_KEY,
        ),
    )


def _column(options: dict[str, Any], address: Address) -> DeclaredColumn:
    namespace = options["namespace"] or name_after(options["id_column"])
    declared = Namespace.objects.filter(pk=namespace).first()
    if options["kind"]:
        kind = IdentifierKind(options["kind"])
    elif declared is not None:
        kind = IdentifierKind(declared.kind)
    else:
        kind = kind_in(address, column=options["id_column"])
    return DeclaredColumn(name=options["id_column"], namespace=namespace, kind=kind)


def _summary(
    declared: Declaration, scanned: Scanned, version: DatasetVersion, *, is_new: bool
) -> str:
    held_out = sum(shard == HOLD_OUT for shard in scanned.shards)
    people, column = len(scanned.pseudonyms), declared.column
    news = version.state if is_new else f"{version.state}, nothing changed"
    return "\n".join(
        [
            f"{declared.sharding.family} version {version.seq}: {news}",
            f"  people     {people}",
            f"  named by   {column.name} (namespace {column.namespace}, {column.kind})",
            f"  rows       {scanned.row_count} in {len(scanned.parts)} parts",
            f"  held out   {held_out}",
            f"  shards     {declared.sharding.shards} of the other {people - held_out}",
            f"  store      {without_password(declared.address.uri)} ({declared.address.kind})",
        ]
    )
