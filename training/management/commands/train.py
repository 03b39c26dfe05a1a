"""`manage.py train NAME [--wait]`."""

import time
from argparse import ArgumentParser
from typing import Any, Final
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from typing_extensions import override

from audits.trail import Actor
from lineage.management.arguments import name
from lineage.management.refusals import in_one_line
from training import actions, errors, queries, tasks
from training.errors import AttemptFailed
from training.states import RUN_OPEN, RunState
from training.summaries import RunSummary

_LOOK_AGAIN: Final = 0.2  # seconds


class Command(BaseCommand):
    help = "Train a model on its newest data; the workers do it, or with --wait this process."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", type=name)
        parser.add_argument("--wait", action="store_true", help="until the training has ended")
        parser.add_argument("--reason", default="asked for on the command line")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        with in_one_line(errors):
            model = queries.model_named(options["name"])
            run_id = actions.start_run(
                model_id=model.pk,
                source_node_id=queries.newest_source(model.pk),
                reason=options["reason"],
                forced=False,
                actor=Actor("command:train"),
                now=timezone.now(),
            )
        if not options["wait"]:
            self.stdout.write(f"run {run_id} waits for a worker")
            return
        self._show(_ended(run_id))

    def _show(self, run: RunSummary) -> None:
        fitted = f"{run.shards_hit} of {run.shards_total} shards fitted"
        if run.state is not RunState.SUCCEEDED:
            raise CommandError(f"{run.model}: {run.state}, {run.reason}")
        told = run.metrics
        line = f"{run.model} version {run.version} serves: {fitted}"
        self.stdout.write(f"{line}, accuracy {told['challenger accuracy']:.4f}")
        other = "champion accuracy" if "champion accuracy" in told else "heuristic accuracy"
        self.stdout.write(
            f"  measured on {told['people']} held-out people; {other} {told[other]:.4f}"
        )


def _ended(run_id: UUID) -> RunSummary:
    """Drive a run to its end; a worker that has one of its steps is waited for."""
    while True:
        try:
            state = tasks.drive(run_id)
        except AttemptFailed as failed:
            raise CommandError(f"an attempt failed: {failed}; workers will try again") from None
        if state not in RUN_OPEN:
            return queries.run_summary(run_id)
        if queries.is_stopped(queries.run_numbered(run_id).model.name):
            raise CommandError("stopped: the run waits until the stop is lifted")
        time.sleep(_LOOK_AGAIN)
