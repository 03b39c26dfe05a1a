"""A training set in memory, for tests of what reads and judges training sets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

import pyarrow as pa

from lineage.identifiers import Digest, IdentifierKind, pseudonym_of, standardise
from lineage.sharding import Shard, Sharding
from lineage.stores.protocol import DeclaredColumn, Part
from training.reading import Source

KEY = b"k" * 32
WHO = DeclaredColumn(name="who", namespace="who", kind=IdentifierKind.TEXT)
SHARDING = Sharding(family="patients", shards=3, hold_out_permille=250, key=b"s" * 32)


@dataclass(kw_only=True)
class Tables:
    """Parts as tables; `replaced` takes their place once a part has been read."""

    parts_: dict[str, pa.Table]
    replaced: dict[str, pa.Table] = field(default_factory=dict)
    asked: list[Sequence[str] | None] = field(default_factory=list)

    def parts(self) -> Sequence[Part]:
        return [
            Part(name=name, digest=digest_of(table), rows=table.num_rows, size_bytes=0)
            for name, table in self.parts_.items()
        ]

    def read(self, part: str, columns: Sequence[str] | None = None) -> pa.Table:
        self.asked.append(columns)
        table = self.parts_[part]
        self.parts_ |= self.replaced
        return table if columns is None else table.select(list(columns))


def digest_of(table: pa.Table) -> str:
    return sha256(repr(table.to_pydict()).encode()).hexdigest()


def mark(person: str) -> UUID:
    digest = sha256(standardise(person, kind=IdentifierKind.TEXT).encode()).digest()
    return pseudonym_of(Digest(digest), namespace=WHO.namespace, key=KEY)


def shard_of(person: str) -> Shard:
    return SHARDING.shard_of(mark(person))


def source(
    *tables: pa.Table,
    members: Mapping[UUID, Shard] | None = None,
    replaced: dict[str, pa.Table] | None = None,
) -> Source:
    """Return a version whose members are the people in its tables."""
    parts = {f"part-{number}": table for number, table in enumerate(tables)}
    if members is None:
        people = {who for table in tables for who in table["who"].to_pylist()}
        members = {mark(who): shard_of(who) for who in people}
    return Source(
        store=Tables(parts_=dict(parts), replaced=replaced or {}),
        digests={name: digest_of(table) for name, table in parts.items()},
        column=WHO,
        label="label",
        members=members,
        sharding=SHARDING,
        pseudonym_key=KEY,
    )


def patients(number: int = 60, *, first: int = 0, **changes: object) -> pa.Table:
    """Return a row a person."""
    people = range(first, first + number)
    columns = {
        "who": [f"person-{one}" for one in people],
        "size": [10.0 + one % 9 for one in people],
        "ward": [("north", "south")[one % 2] for one in people],
        "label": [("ill", "well")[one % 3 == 0] for one in people],
    }
    return pa.table(columns | changes)
