"""What the proofs of survival share: how they ask for a verdict, and say what they are doing."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import Figure
from benchmarks.survival.people import People, Rows
from scripts.local_servers import ROOT
from tests.e2e.world import World

SWEEP_SECONDS: Final = 0.5  # of the world that is killed


def note(text: str) -> None:
    """Say how far it is, to whoever waits."""
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {text}\n")


def none(*, name: str, value: float, unit: str) -> Figure:
    """Return a figure of something that must not happen at all."""
    return Figure(name=name, value=value, unit=unit, goal="none", met=value == 0)


def judged(  # noqa: PLR0913  # all that the callers know
    world: World,
    *,
    people: People,
    before: Rows,
    accepted: Mapping[str, str],
    logs: Sequence[Path] = (),
    recovered_at: datetime | None = None,
) -> dict[str, Any]:
    """Ask a process of its own what is true now: its Django has this world's settings."""
    told = {
        "folder": str(people.folder),
        "names": people.names,
        "before": before,
        "accepted": accepted,
        "logs": [str(log) for log in (world.log, *world.services.folder.glob("*.log"), *logs)],
        "recovered_at": recovered_at and recovered_at.isoformat(),
    }
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.survival.verdict"],
        cwd=ROOT,
        env={**world.environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
        input=json.dumps(told),
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise SystemExit(f"the verdict failed:\n{ended.stderr}")
    seen: dict[str, Any] = json.loads(ended.stdout)
    return seen
