"""Saying where a store is now, after its files were moved or its columns renamed."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from audits.trail import Actor, audited
from lineage.actions.locks import lock_declarations
from lineage.errors import StoreConflict, StoreUnknown
from lineage.events import StoreMoved
from lineage.intake import Address, Reading
from lineage.models import IdentifierColumn, Store
from lineage.stores.errors import ColumnMissing


def move_store(  # noqa: PLR0913  # keyword-only, one a column
    *,
    name: str,
    address: Address,
    renamed: Mapping[str, str],
    reading: Reading,
    actor: Actor,
    now: datetime,
) -> Store:
    """Give a store a new address and its identifier columns new names; the same again does nothing.

    `renamed` maps a column's declared name to the one it has in the new place, and its training
    sets follow. `reading` is what was read there: who calls this has read it, and looked that
    nothing is left in the old place.
    """
    with transaction.atomic():
        lock_declarations()
        store = Store.objects.select_for_update(no_key=True).filter(name=name).first()
        if store is None:
            raise StoreUnknown
        _require_free(store, address)
        before = dict(store.columns.order_by("pk").values_list("name", "namespace_id"))
        changed = {old: new for old, new in renamed.items() if old != new}
        after = _columns_after(store, before, changed)
        if store.uri == address.uri and not changed:
            return store
        with audited(actor=actor, now=now) as trail:
            fact = StoreMoved(
                store=name,
                kind=store.kind,
                columns=after,
                renamed=changed,
                is_elsewhere=store.uri != address.uri,
                parts=reading.parts,
                rows=reading.rows,
            )
            _move(store, address, columns=after, renamed=changed)
            trail.record(fact, about=f"store/{name}")
    return store


def _require_free(store: Store, address: Address) -> None:
    if address.kind != store.kind:
        raise StoreConflict(
            f"store {store.name} is of kind {store.kind}, and the new place is of kind"
            f" {address.kind}: register it as a store of its own"
        )
    other = Store.objects.filter(kind=address.kind, uri=address.uri).exclude(pk=store.pk).first()
    if other is not None:
        raise StoreConflict(f"the place is registered already, as store {other.name}")


def _columns_after(
    store: Store, before: Mapping[str, str], renamed: Mapping[str, str]
) -> dict[str, str]:
    """Return the identifier columns with their new names, in the order of their declaration."""
    if unknown := sorted(renamed.keys() - before.keys()):
        raise ColumnMissing(
            f"store {store.name} declares no identifier column {', '.join(unknown)}"
        )
    after = {renamed.get(name, name): namespace for name, namespace in before.items()}
    if len(after) < len(before):
        raise StoreConflict(f"two identifier columns of store {store.name} would have one name")
    return after


def _move(
    store: Store, address: Address, *, columns: Mapping[str, str], renamed: Mapping[str, str]
) -> None:
    store.uri = address.uri
    store.save(update_fields=["uri"])
    if not renamed:
        return
    # Written anew, not updated one by one: two columns may have exchanged their names.
    store.columns.all().delete()
    IdentifierColumn.objects.bulk_create(
        IdentifierColumn(store=store, name=name, namespace_id=namespace)
        for name, namespace in columns.items()
    )
    for family in store.families.select_for_update(no_key=True).order_by("pk"):
        family.id_column = renamed.get(family.id_column, family.id_column)
        family.save(update_fields=["id_column"])
