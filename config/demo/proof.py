"""The demo's proof: presence before, absence after, and everybody else untouched."""

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
from django.conf import settings

from audits.bundle import verify_bundle, write_bundle
from audits.notes import read_key
from audits.proofs import read_proof
from config.demo.client import DemoFailed, Refused, wait_for
from config.demo.stage import NAMESPACE, PATIENCE_SECONDS, Stage
from config.traces import files_naming, redis_naming, tables_naming
from lineage.stores.pages import search_pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """Where a person's identifier was found."""

    pages: frozenset[str]  # decompressed pages, statistics and footers of the Parquet files
    tables: frozenset[str]
    redis: frozenset[str]
    files: frozenset[str]  # artefacts and everything else on disk, raw

    def __bool__(self) -> bool:
        return bool(self.pages or self.tables or self.redis or self.files)


def search(stage: Stage, identifier: str) -> Presence:
    """Look for an identifier in everything that the demo and the service keep."""
    return Presence(
        pages=frozenset(
            f"{path.name}: {place}"
            for path in sorted(stage.patients.folder.iterdir())
            for place in search_pages(path, identifier.encode())
        ),
        tables=frozenset(tables_naming(identifier)),
        redis=frozenset(redis_naming(identifier, url=settings.REDIS_URL)),
        files=frozenset(
            path.name
            for folder in (settings.ARTEFACT_DIR, stage.folder)
            for path in files_naming(folder, identifier)
        ),
    )


def rows_of_others(stage: Stage) -> list[tuple[object, ...]]:
    """Read everybody but the leavers with DuckDB, which never wrote these files."""
    with duckdb.connect() as reader:
        return reader.execute(
            f"SELECT * FROM read_parquet(?) WHERE {NAMESPACE} NOT IN (SELECT unnest(?)) ORDER BY 1",  # noqa: S608  # a constant name
            [str(stage.patients.folder / "*.parquet"), stage.leavers],
        ).fetchall()


def see_them(stage: Stage) -> None:
    """Find each of the three before anything happens: a search that finds nobody proves nothing."""
    stage.others = rows_of_others(stage)
    for leaver in stage.leavers:
        found = search(stage, leaver)
        if not (found.pages and found.tables):
            raise DemoFailed("a patient was not found before the deletion: the search is blind")


def prove_absence(stage: Stage) -> None:
    """Search again for the three, and compare everybody else."""
    for leaver, request in zip(stage.leavers, stage.asked, strict=True):
        if found := search(stage, leaver):
            raise DemoFailed(f"request {request} left something behind: {found}")
    if rows_of_others(stage) != stage.others:
        raise DemoFailed("somebody else's row has changed")
    stage.done(
        "nowhere any more",
        "found before, not now: decompressed pages of every file, all tables, Redis, artefacts",
        f"the other {len(stage.others)} patients' rows are equal, read with DuckDB",
    )


def verify_certificates(stage: Stage) -> None:
    """Verify each certificate from its bundle, as an auditor would, without the database."""
    for request in stage.asked:
        answer = wait_for(
            partial(_sealed_certificate, stage, request),
            what="the certificate to be sealed",
            seconds=PATIENCE_SECONDS,
        )
        with tempfile.TemporaryDirectory() as folder:
            write_bundle(
                Path(folder) / "bundle",
                certificate=answer["envelope"],
                proof=read_proof(answer["proof"], entry=answer["leaf"].encode()),
                trail_key=read_key(answer["trail_key"]),
                certificate_key=read_key(answer["certificate_key"]),
            )
            verify_bundle(Path(folder) / "bundle")
    stage.done(
        "certificates verified",
        f"{len(stage.asked)} of {len(stage.leavers)} · signed, and proven to be in the trail",
    )


def _sealed_certificate(stage: Stage, request: str) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = stage.officer.get(
            f"/api/v1/deletion-requests/{request}/certificate"
        )
    except Refused as refused:
        if "NotSealedYet" in refused.problem:
            return {}
        raise
    return answer
