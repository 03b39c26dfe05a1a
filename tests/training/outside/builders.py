"""Outside trainers of the tests, declared as an operator declares them."""

import sys
from pathlib import Path

from training.models import OutsideJob
from training.outside.declared import OutsideTrainer, read_declared

SCRIPT = Path(__file__).parent / "nearest.py"


def command(**said: object) -> dict[str, OutsideTrainer]:
    """Return a command as `written` declares it."""
    return read_declared(written(**said))


def written(*, limit_seconds: object = 60, **environment: object) -> str:
    """Return a declaration in TOML; a name of the environment says how the command misbehaves."""
    said = "".join(f'{name} = "{value}"\n' for name, value in environment.items())
    return (
        f"[nearest]\nargv = ['{sys.executable}', '{SCRIPT}']\ncode = 'git:4f1c2ab'\n"
        f"limit_seconds = {limit_seconds}\n[nearest.environment]\n{said}"
    )


def jobs() -> list[tuple[str, str]]:
    return [(job.work, job.state) for job in OutsideJob.objects.order_by("pk")]
