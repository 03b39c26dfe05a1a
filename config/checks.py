"""What `manage.py check --database default` says about the trail."""

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.db import DatabaseError

from audits.errors import TrailRestored, WitnessUnreadable
from audits.queries import require_witnessed_trail


@checks.register(checks.Tags.database)
def trail_is_as_witnessed(
    databases: Sequence[str] | None = None, **_said: Any
) -> list[checks.CheckMessage]:
    """Warn of a database that came back from a backup: a warning, so that it can be migrated."""
    try:
        if databases:
            require_witnessed_trail()
    except (TrailRestored, WitnessUnreadable) as reason:
        return [
            checks.Warning(
                f"Nothing is sealed or certified: {reason}.",
                hint="See docs/how-to/restore-from-backup.md.",
                id="lethe.W001",
            )
        ]
    except DatabaseError:
        return []  # not there, or not migrated yet: other checks say so
    return []
