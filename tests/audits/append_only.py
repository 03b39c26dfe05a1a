"""Lets Django empty the tables between transactional tests.

The trail's triggers refuse TRUNCATE, which is how Django flushes a test database.
`tests/conftest.py` calls this once when the test database is made; the other triggers stay on.
"""

from django.db import connection

TABLES = ("audits_leaf", "audits_checkpoint", "audits_tile", "audits_outboxentry")


def allow_truncate() -> None:
    """Switch off the triggers against TRUNCATE, in this database."""
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER lethe_no_truncate")
