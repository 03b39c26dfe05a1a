"""How the tests here name people to a store. Free of Django, for a process that is to die."""

from hashlib import sha256
from uuid import UUID

from lineage.identifiers import Digest, IdentifierKind, Wanted, pseudonym_of, standardise
from lineage.stores.protocol import DeclaredColumn

USER = DeclaredColumn(name="user", namespace="user", kind=IdentifierKind.TEXT)
EMAIL = DeclaredColumn(name="email", namespace="email", kind=IdentifierKind.EMAIL)
NUMBER = DeclaredColumn(name="number", namespace="number", kind=IdentifierKind.INTEGER)
GUID = DeclaredColumn(name="guid", namespace="guid", kind=IdentifierKind.UUID)


def mark_of(digest: Digest) -> UUID:
    return pseudonym_of(digest, namespace="people", key=b"known to every test")


def mark(value: object, *, kind: IdentifierKind = IdentifierKind.TEXT) -> UUID:
    return mark_of(Digest(sha256(standardise(value, kind=kind).encode()).digest()))


def wanted(*values: object, column: DeclaredColumn = USER) -> dict[str, Wanted]:
    marks = frozenset(mark(value, kind=column.kind) for value in values)
    return {column.name: Wanted(kind=column.kind, marks=marks, mark=mark_of)}
