"""Small real training sets for tests of every app: real files, registered by the real actions."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings

from audits.models import OutboxEntry
from lineage import actions, queries
from lineage.graph import EdgeKind, NodeKind
from lineage.identifiers import (
    Identifier,
    IdentifierKind,
    Pseudonym,
    SubjectId,
    pseudonym_of,
    standardise,
    suppression_tag_of,
)
from lineage.models import DatasetFamily, DatasetVersion, Namespace, Node, Store
from lineage.scanning import Scanned, scan
from lineage.sharding import Sharding
from lineage.stores.protocol import DeclaredColumn
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.lineage.memory_store import MemoryStore

PEOPLE = (ALICE, BOB, "carol-canary-9e03", "dave-canary-1b77", "erin-canary-40aa")
PATIENT_ID = "patient_id"  # the namespace, and the identifier column of `write_people`


def make_namespace(
    name: str = PATIENT_ID, *, kind: IdentifierKind = IdentifierKind.TEXT
) -> Namespace:
    return actions.declare_namespace(name=name, kind=kind, actor=OFFICER, now=MONDAY)


def write_people(
    path: Path, people: Sequence[str | None] = PEOPLE, *, rows_per_group: int = 2
) -> Path:
    """Write one Parquet file: a row a person, with a category, a feature and a label."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(
        {
            PATIENT_ID: pa.array(people, pa.string()),
            "ward": pa.array([f"ward {n % 2}" for n in range(len(people))], pa.string()),
            "size": pa.array([float(n) for n in range(len(people))], pa.float64()),
            "label": pa.array([n % 2 for n in range(len(people))], pa.int64()),
        }
    )
    pq.write_table(table, path, row_group_size=rows_per_group)
    return path


def make_store(
    place: Path | str,
    *,
    name: str = "patients",
    kind: str = "parquet",
    columns: dict[str, str] | None = None,
) -> Store:
    """Register a file or folder; unknown namespaces are declared as text."""
    columns = {PATIENT_ID: PATIENT_ID} if columns is None else columns
    for namespace in columns.values():
        if not Namespace.objects.filter(pk=namespace).exists():
            make_namespace(namespace)
    return actions.register_store(
        name=name, kind=kind, uri=str(place), columns=columns, actor=OFFICER, now=MONDAY
    )


def make_family(  # noqa: PLR0913  # each has a default
    store: Store,
    *,
    name: str = "patients",
    label: str = "label",
    shards: int = 4,
    hold_out_permille: int = 0,
    id_column: str | None = None,
) -> DatasetFamily:
    return actions.register_family(
        name=name,
        store_id=store.pk,
        label=label,
        shards=shards,
        hold_out_permille=hold_out_permille,
        id_column=id_column,
        actor=OFFICER,
        now=MONDAY,
    )


def make_version(family: DatasetFamily, scanned: Scanned | None = None) -> DatasetVersion:
    """Register a scan, by default of the family's place as it is now."""
    return actions.register_version(
        family_id=family.pk,
        since=queries.head_of(family.pk),
        scanned=queries.scan_family(family.pk) if scanned is None else scanned,
        actor=OFFICER,
        now=MONDAY,
    )


def make_dataset(
    folder: Path,
    people: Sequence[str] = PEOPLE,
    *,
    name: str = "patients",
    shards: int = 4,
    hold_out_permille: int = 0,
) -> DatasetVersion:
    """Write one Parquet file, register its folder as store and family; return the first version."""
    write_people(folder / "part-0.parquet", people)
    family = make_family(
        make_store(folder, name=name),
        name=name,
        shards=shards,
        hold_out_permille=hold_out_permille,
    )
    return make_version(family)


def scanned(
    people: Sequence[str], *, namespace: str = PATIENT_ID, family: str = "patients", **changes: int
) -> Scanned:
    """Scan people in memory: what `register_version` needs, without a file."""
    return scan(
        MemoryStore(content={"part-0": [list(people)]}),
        DeclaredColumn(name=namespace, namespace=namespace, kind=IdentifierKind.TEXT),
        pseudonym_key=settings.PSEUDONYM_KEY,
        suppression_key=settings.SUPPRESSION_KEY,
        sharding=Sharding(
            family=family,
            shards=changes.get("shards", 4),
            hold_out_permille=changes.get("hold_out_permille", 0),
            key=settings.SHARD_KEY,
        ),
    )


def make_node(
    kind: NodeKind = NodeKind.MODEL_VERSION,
    name: str = "triage",
    version: str = "1",
    *,
    sources: Sequence[tuple[int, EdgeKind]] = (),
) -> Node:
    return actions.register_node(
        kind=kind, name=name, version=version, sources=sources, actor=OFFICER, now=MONDAY
    )


def identifier(person: str, namespace: str = PATIENT_ID) -> Identifier:
    kind = IdentifierKind(Namespace.objects.get(pk=namespace).kind)
    return Identifier(namespace=namespace, value=standardise(person, kind=kind))


def pseudonym(person: str, namespace: str = PATIENT_ID) -> Pseudonym:
    digest = identifier(person, namespace).digest
    return pseudonym_of(digest, namespace=namespace, key=settings.PSEUDONYM_KEY)


def suppression_tag(person: str, namespace: str = PATIENT_ID) -> UUID:
    digest = identifier(person, namespace).digest
    return suppression_tag_of(digest, namespace=namespace, key=settings.SUPPRESSION_KEY)


def subject(person: str, namespace: str = PATIENT_ID) -> SubjectId:
    """Return the person's number; fails if the index does not know the person."""
    mark = pseudonym(person, namespace)
    return queries.resolve([mark])[mark]


def forget(person: str, namespace: str = PATIENT_ID) -> int:
    """Forget a person as the end of a deletion does; the files are not touched."""
    mark = pseudonym(person, namespace)
    return actions.forget_subjects(
        subjects=list(queries.resolve([mark]).values()),
        tags=[(namespace, suppression_tag(person, namespace))],
        actor=OFFICER,
        now=MONDAY,
    )


def recorded(event: str) -> list[dict[str, Any]]:
    """Return the trail's entries of one event, sealed or not, in the order of recording."""
    entries = OutboxEntry.objects.filter(event=event).order_by("pk")
    return [json.loads(bytes(entry.entry)) for entry in entries]
