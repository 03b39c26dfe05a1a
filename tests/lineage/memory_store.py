"""A store in memory, for tests of what reads stores; it erases nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from lineage.stores.protocol import DeclaredColumn, Part


@dataclass(kw_only=True)
class MemoryStore:
    """Parts with one identifier column; `rewritten` parts change when they have been read."""

    content: dict[str, list[list[object]]]  # part → batches of values
    columns: Sequence[DeclaredColumn] = ()
    rewritten: dict[str, list[list[object]]] = field(default_factory=dict)

    def parts(self) -> Sequence[Part]:
        return [
            Part(
                name=name,
                digest=sha256(repr(batches).encode()).hexdigest(),
                rows=sum(map(len, batches)),
                size_bytes=0,
            )
            for name, batches in sorted(self.content.items())
        ]

    def scan(self, part: str, column: DeclaredColumn) -> Iterator[Sequence[object]]:  # noqa: ARG002  # the only one
        yield from self.content[part]
        if part in self.rewritten:
            self.content[part] = self.rewritten[part]
