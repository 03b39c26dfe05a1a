"""The places that hold records, as other apps see them, and what their addresses alone tell."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from lineage.stores.errors import StoreUnreadable
from lineage.stores.protocol import DeclaredColumn

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""How namespaces, stores and families are named: they stand in addresses and in the trail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyRef:
    """A dataset family that lives in a store."""

    id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRef:
    """A store, the training sets in it, and the columns in which somebody looks for people."""

    id: int
    name: str
    families: tuple[FamilyRef, ...]
    columns: tuple[DeclaredColumn, ...]


def name_after(text: str) -> str:
    """Return a permitted name that looks like the text: `Patient ID` becomes `patient_id`."""
    plain = re.sub(r"[^a-z0-9._-]+", "_", text.lower()).strip("._-")[:64]
    return plain or "unnamed"


def is_database(uri: str) -> bool:
    """Say whether an address is a PostgreSQL table's; `env:` names a variable that holds one."""
    return uri.startswith(("postgres:", "postgresql:", "env:"))


def kind_of(uri: str, *, endings: frozenset[str] = frozenset()) -> str:
    """Return the adapter that an address needs; `endings` are those of the files in a folder."""
    if is_database(uri):
        return "postgres"
    ending = PurePosixPath(uri).suffix.lower()
    kinds = {_KIND_BY_ENDING[e] for e in endings | {ending} if e in _KIND_BY_ENDING}
    if len(kinds) != 1:
        raise StoreUnreadable(
            "not a Parquet or CSV file, a folder of one of these, or a postgres: address"
        )
    return kinds.pop()


_KIND_BY_ENDING: Final = {".parquet": "parquet", ".csv": "csv"}


def without_password(uri: str) -> str:
    """Return an address that may be shown: a password in it is replaced."""
    parts = urlsplit(uri)
    if not parts.password:
        return uri
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}:***@{host}"))
