"""Looks for a person in everything that Lethe keeps, as `config.traces` does for the demo.

`tables_naming` walks every table that the database has, Django's or not, bytes included;
`redis_naming` every key; `files_naming` the raw bytes of every file below a folder.
"""

from pathlib import Path

from django.conf import settings

from config import traces


def tables_naming(canary: str) -> set[str]:
    """Return the tables with a row in which the text occurs."""
    return traces.tables_naming(canary)


def redis_naming(canary: str) -> set[str]:
    """Return the Redis keys whose name or content holds the text."""
    return traces.redis_naming(canary, url=settings.REDIS_URL)


def files_naming(folder: Path, canary: str) -> set[Path]:
    """Return the files below a folder whose raw bytes hold the text."""
    return traces.files_naming(folder, canary)
