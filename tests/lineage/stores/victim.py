"""Erases one person in a process of its own and is killed at a step; started by test_killed."""

import os
import resource
import signal
import sys
from pathlib import Path
from uuid import UUID

from lineage.stores import open_store
from lineage.stores.protocol import Step
from tests.lineage.stores.marks import USER, wanted

WHILE_WRITING = "while writing"


def main(name: str, moment: str, person: str) -> None:
    path = Path(name)
    store = open_store(path.suffix[1:], name, [USER])

    def progress(step: Step, marks: frozenset[UUID]) -> None:
        if step == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        if moment == WHILE_WRITING and step is Step.FOUND:
            # The kernel ends the process in the middle of a write, with the staging file half done.
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    store.erase(path.name, wanted(person), progress=progress)


if __name__ == "__main__":
    main(*sys.argv[1:])
