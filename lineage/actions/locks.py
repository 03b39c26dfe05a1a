"""The locks of this app that are no rows. Each is held until the surrounding transaction ends.

Taken in the order of this file, then rows; so two actions can never wait for each other.
"""

from enum import IntEnum

from django.db import connection


class _Lock(IntEnum):
    """Numbers of PostgreSQL advisory locks; `lineage` owns 7300 to 7399 of the project's."""

    DECLARATIONS = 7301
    PEOPLE = 7302
    INTERNING = 7303


def lock_declarations() -> None:
    """Let one declaration happen at a time: each compares with what is there before it writes."""
    _lock("SELECT pg_advisory_xact_lock(%s)", _Lock.DECLARATIONS)


def keep_people() -> None:
    """Let nobody be forgotten meanwhile; many registrations hold this at once."""
    _lock("SELECT pg_advisory_xact_lock_shared(%s)", _Lock.PEOPLE)


def lock_people() -> None:
    """Wait for running registrations, and let none begin while people are being forgotten."""
    _lock("SELECT pg_advisory_xact_lock(%s)", _Lock.PEOPLE)


def lock_interning() -> None:
    """Let one registration at a time give numbers to new people, or one person would get two."""
    _lock("SELECT pg_advisory_xact_lock(%s)", _Lock.INTERNING)


def _lock(statement: str, lock: _Lock) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [int(lock)])
