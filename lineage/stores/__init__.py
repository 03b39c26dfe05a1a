"""The data plane: plain Python, no Django. One adapter a file behind `protocol.py`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from lineage.stores.delimited import CsvStore
from lineage.stores.errors import KindUnknown
from lineage.stores.parquet import ParquetStore
from lineage.stores.postgres import PostgresStore
from lineage.stores.protocol import DeclaredColumn, Store

KINDS: Final[Mapping[str, Callable[[str, Sequence[DeclaredColumn]], Store]]] = {
    "csv": CsvStore,
    "parquet": ParquetStore,
    "postgres": PostgresStore,
}


def open_store(kind: str, uri: str, columns: Sequence[DeclaredColumn]) -> Store:
    """Return the adapter for a place; nothing is read or connected to yet."""
    adapter = KINDS.get(kind)
    if adapter is None:
        raise KindUnknown(f"no store kind {kind!r}; known are {', '.join(KINDS)}")
    return adapter(uri, columns)
