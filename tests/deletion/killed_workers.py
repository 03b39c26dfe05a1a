"""Workers that die as if by `kill -9`, each with a part of its own, before or after one step.

python -m tests.deletion.killed_workers before|after STEP PART...

They are forks of one process that has imported everything and done nothing, as Celery's are. It
dies of SIGKILL itself if all of them did.
"""

import os
import signal
import sys
from typing import Any

import django

django.setup()

from deletion import actions, tasks  # noqa: E402  # the apps must be ready first
from lineage.stores.protocol import Step  # noqa: E402  # as above


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_at(when: str, step: Step) -> None:
    """Let the report of a step kill this process, before it is written or after."""
    name = "finish_part" if step is Step.PROVEN else "record_step"
    real = getattr(actions, name)

    def dying(**said: Any) -> Any:
        is_it = said.get("step", Step.PROVEN) is step
        if is_it and when == "before":
            _die()
        reported = real(**said)
        if is_it:
            _die()
        return reported

    setattr(actions, name, dying)


def _signal_of(part_id: int) -> int:
    child = os.fork()
    if not child:
        try:
            tasks.erase_part(part_id)
        finally:
            os._exit(0)  # it should have died before
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status)


if __name__ == "__main__":
    _die_at(sys.argv[1], Step(sys.argv[2]))
    if {_signal_of(int(part)) for part in sys.argv[3:]} == {signal.SIGKILL}:
        _die()
