"""Reading a place for the first time: what kind it is, and how its identifiers are written.

Everything here only reads. What it finds is registered by an action afterwards, or not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from lineage.errors import StoreStillThere
from lineage.identifiers import IdentifierKind, guess_kind
from lineage.places import is_database, kind_of
from lineage.stores import open_store
from lineage.stores.columns import require_identifiers
from lineage.stores.errors import NotSafelyErasable, PartCorrupt, PlaceMissing, StoreUnreadable
from lineage.stores.local import place_of
from lineage.stores.protocol import DeclaredColumn

_ENOUGH: Final = 1000  # values that a guess looks at
_UUID_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a store is, in the one form under which it is registered."""

    kind: str
    uri: str


def address_of(uri: str) -> Address:
    """Return the address of a file, a folder or a table; two ways to one folder become one."""
    if is_database(uri):
        return Address(kind=kind_of(uri), uri=uri)
    try:
        place = place_of(uri).resolve(strict=True)
        endings = frozenset(_endings(place)) if place.is_dir() else frozenset[str]()
    except OSError as trouble:
        raise StoreUnreadable(f"{uri}: {trouble.strerror}") from trouble
    return Address(kind=kind_of(str(place), endings=endings), uri=str(place))


def _endings(folder: Path) -> set[str]:
    return {
        path.suffix.lower()
        for path in folder.rglob("*")
        if not any(step.startswith((".", "_")) for step in path.relative_to(folder).parts)
    }


def kind_in(address: Address, *, column: str) -> IdentifierKind:
    """Guess how a column's identifiers are written, from its type and its first values."""
    store = open_store(
        address.kind,
        address.uri,
        [DeclaredColumn(name=column, namespace="", kind=IdentifierKind.TEXT)],
    )
    part = store.parts()[0].name
    values = store.read(part, [column]).column(0).slice(0, _ENOUGH).to_pylist()
    return guess_kind([value for value in map(_plain, values) if value is not None])


def _plain(value: object) -> object:
    if isinstance(value, bytes) and len(value) == _UUID_BYTES:
        return UUID(bytes=value)
    return value


def require_column(address: Address, column: str) -> None:
    """Raise `ColumnMissing` unless the place has the column."""
    store = open_store(address.kind, address.uri, [])
    store.read(store.parts()[0].name, [column])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How much a place held when it was read."""

    parts: int
    rows: int


def read_identifiers(address: Address, columns: Sequence[DeclaredColumn]) -> Reading:
    """Read every identifier of a place; raise what an erasure there would stumble over."""
    store = open_store(address.kind, address.uri, columns)
    parts = store.parts()
    for part in parts:
        for column in columns:
            for batch in store.scan(part.name, column):
                require_identifiers(batch, column, part=part.name)
    return Reading(parts=len(parts), rows=sum(part.rows for part in parts))


def require_gone(address: Address) -> None:
    """Raise `StoreStillThere` unless it is certain that nothing is left in a store's old place."""
    try:
        open_store(address.kind, address.uri, []).parts()
    except PlaceMissing:
        return
    except (NotSafelyErasable, PartCorrupt, StoreUnreadable) as trouble:
        raise StoreStillThere from trouble
    raise StoreStillThere
