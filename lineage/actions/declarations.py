"""Declaring namespaces, stores and families; the same again changes and records nothing."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from audits.trail import Actor, audited
from lineage.actions.locks import lock_declarations
from lineage.errors import (
    FamilyRetired,
    NamespaceConflict,
    NamespaceUnknown,
    PeopleNamedTwice,
    StoreConflict,
    StoreUnknown,
)
from lineage.events import DatasetFamilyRegistered, NamespaceDeclared, StoreRegistered
from lineage.identifiers import IdentifierKind
from lineage.models import DatasetFamily, IdentifierColumn, Namespace, Store
from lineage.stores.errors import ColumnMissing


def declare_namespace(*, name: str, kind: IdentifierKind, actor: Actor, now: datetime) -> Namespace:
    """Declare how the identifiers of a namespace are written."""
    with transaction.atomic():
        lock_declarations()
        known = Namespace.objects.filter(pk=name).first()
        if known is not None and known.kind != kind:
            raise NamespaceConflict(f"namespace {name} holds identifiers of kind {known.kind}")
        if known is not None:
            return known
        with audited(actor=actor, now=now) as trail:
            declared = Namespace.objects.create(name=name, kind=kind)
            trail.record(
                NamespaceDeclared(namespace=name, kind=kind.value), about=f"namespace/{name}"
            )
    return declared


def register_store(  # noqa: PLR0913  # keyword-only, one a column
    *,
    name: str,
    kind: str,
    uri: str,
    columns: Mapping[str, str],
    actor: Actor,
    now: datetime,
) -> Store:
    """Register a place that holds records; `columns` maps identifier columns to namespaces."""
    with transaction.atomic():
        lock_declarations()
        known = Store.objects.filter(name=name).first()
        if known is not None:
            if (known.kind, known.uri) != (kind, uri) or _declared(known) != dict(columns):
                raise StoreConflict(f"store {name} is registered already, and differently")
            return known
        other = Store.objects.filter(kind=kind, uri=uri).first()
        if other is not None:
            # Two stores in one place would be erased by two runs at the same time.
            raise StoreConflict(f"the place is registered already, as store {other.name}")
        declared = set(Namespace.objects.values_list("pk", flat=True))
        if missing := sorted(set(columns.values()) - declared):
            raise NamespaceUnknown(f"not declared: {', '.join(missing)}")
        with audited(actor=actor, now=now) as trail:
            store = Store.objects.create(name=name, kind=kind, uri=uri, registered_at=now)
            IdentifierColumn.objects.bulk_create(
                IdentifierColumn(store=store, name=column, namespace_id=namespace)
                for column, namespace in columns.items()
            )
            trail.record(
                StoreRegistered(store=name, kind=kind, columns=dict(columns)),
                about=f"store/{name}",
            )
    return store


def register_family(  # noqa: PLR0913  # keyword-only, one a column
    *,
    name: str,
    store_id: int,
    label: str,
    shards: int,
    hold_out_permille: int,
    id_column: str | None = None,
    actor: Actor,
    now: datetime,
) -> DatasetFamily:
    """Register a training set over time; its people are those of the store's one column.

    How it is cut can never change: its people would move between shards.
    """
    with transaction.atomic():
        lock_declarations()
        store = Store.objects.filter(pk=store_id).first()
        if store is None:
            raise StoreUnknown
        if store.families.filter(retired_at__isnull=False).exclude(name=name).exists():
            raise FamilyRetired(f"what store {store.name} holds")  # by another name it is the same
        declared = list(_declared(store))
        if not declared:
            raise ColumnMissing(f"store {store.name} declares no identifier column")
        if len(declared) > 1:
            # Its people are known by one column: a request by the other would erase their rows,
            # find nobody in the index, and leave the models that learned from them in use.
            raise PeopleNamedTwice(f"store {store.name} declares {', '.join(declared)}")
        if id_column is not None and id_column not in declared:
            raise ColumnMissing(f"store {store.name} declares no identifier column {id_column}")
        said = {
            "store_id": store_id,
            "id_column": id_column or declared[0],
            "label": label,
            "shards": shards,
            "hold_out_permille": hold_out_permille,
        }
        known = DatasetFamily.objects.filter(name=name).first()
        if known is not None:
            if differing := sorted(key for key in said if getattr(known, key) != said[key]):
                raise StoreConflict(
                    f"dataset family {name} is registered already with another"
                    f" {', '.join(key.removesuffix('_id') for key in differing)}"
                )
            return known
        with audited(actor=actor, now=now) as trail:
            family = DatasetFamily.objects.create(name=name, **said)
            trail.record(
                DatasetFamilyRegistered(
                    family=name,
                    store=store.name,
                    id_column=family.id_column,
                    label=label,
                    shards=shards,
                    hold_out_permille=hold_out_permille,
                ),
                about=f"dataset/{name}",
            )
    return family


def _declared(store: Store) -> dict[str, str]:
    return dict(store.columns.order_by("pk").values_list("name", "namespace_id"))
