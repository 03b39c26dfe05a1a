"""What `manage.py check --database default` says about the trail, and of pools with slots."""

import re
from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings
from django.core import checks
from django.db import DatabaseError

from audits.errors import TrailRestored, WitnessUnreadable
from audits.queries import require_witnessed_trail
from lineage.places import NAME
from training.pools import ERASING, training_pool
from training.queries import pools

_TRAINING: Final = re.compile(training_pool(NAME.pattern))


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


@checks.register
def pools_with_slots_have_a_name(**_said: Any) -> list[checks.CheckMessage]:
    """Refuse slots for what no pool can be called: `erasure`, or `training/` and a name."""
    wrong = sorted(
        pool for pool in settings.POOL_SLOTS_OF if pool != ERASING and not _TRAINING.fullmatch(pool)
    )
    return [_unknown(pool, f"{ERASING}, or {training_pool('NAME')}") for pool in wrong]


@checks.register(checks.Tags.database)
def pools_with_slots_are_known(
    databases: Sequence[str] | None = None, **_said: Any
) -> list[checks.CheckMessage]:
    """Refuse slots for a pool in which no model is trained."""
    try:
        known = pools() if databases else []
    except DatabaseError:
        return []
    return [
        _unknown(pool, ", ".join(known))
        for pool in sorted(settings.POOL_SLOTS_OF)
        if known and _TRAINING.fullmatch(pool) and pool not in known
    ]


def _unknown(pool: str, known: str) -> checks.CheckMessage:
    return checks.Error(
        f"POOL_SLOTS_OF names {pool}, which is no pool.",
        hint=f"Pools are: {known}.",
        id="lethe.E001",
    )
