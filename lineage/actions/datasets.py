"""Registering a training set in one go: everything that a scan of it needs, or nothing."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from audits.trail import Actor
from lineage.actions.declarations import declare_namespace, register_family, register_store
from lineage.actions.versions import register_version
from lineage.intake import Address
from lineage.models import DatasetVersion
from lineage.queries import columns_of, store_at
from lineage.scanning import Scanned
from lineage.sharding import Sharding
from lineage.stores.protocol import DeclaredColumn


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What somebody says about a training set before it is known."""

    store: str  # the name for its place, if the place has none yet
    address: Address
    column: DeclaredColumn
    label: str
    sharding: Sharding


def register_dataset(
    *, declared: Declaration, scanned: Scanned, since: int, actor: Actor, now: datetime
) -> DatasetVersion:
    """Declare the namespace, the store and the family where they are new, and register the scan.

    Each of these records itself; a conflict in any of them undoes all.
    """
    column, address = declared.column, declared.address
    with transaction.atomic():
        declare_namespace(name=column.namespace, kind=column.kind, actor=actor, now=now)
        store = store_at(address.kind, address.uri)
        if store is None or column not in columns_of(store.pk):
            store = register_store(
                name=declared.store,
                kind=address.kind,
                uri=address.uri,
                columns={column.name: column.namespace},
                actor=actor,
                now=now,
            )
        family = register_family(
            name=declared.sharding.family,
            store_id=store.pk,
            label=declared.label,
            shards=declared.sharding.shards,
            hold_out_permille=declared.sharding.hold_out_permille,
            id_column=column.name,
            actor=actor,
            now=now,
        )
        return register_version(
            family_id=family.pk, scanned=scanned, since=since, actor=actor, now=now
        )
