"""`manage.py recover_trail --recovered-by NAME --approved-by NAME [--export FOLDER]`."""

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from typing_extensions import override

from audits import errors as audit_errors
from audits.trail import Actor
from deletion import errors
from deletion.actions.recovery import Recovery, recover
from lineage.management.refusals import in_one_line


class Command(BaseCommand):
    help = (
        "After the database itself came back from a backup: let its trail go on under the new name "
        "in TRAIL_ORIGIN, record what is lost, and look for everybody on the suppression list in "
        "every store. Running it twice does no harm."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--recovered-by", required=True, metavar="ACCOUNT", help="who does it")
        parser.add_argument(
            "--approved-by", required=True, metavar="ACCOUNT", help="the second person"
        )
        parser.add_argument(
            "--export",
            type=Path,
            metavar="FOLDER",
            help="what export_trail wrote last before the loss: it tells which requests are lost",
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        with in_one_line(audit_errors, errors):
            recovery = recover(
                recovered_by=options["recovered_by"],
                approved_by=options["approved_by"],
                export=options["export"],
                actor=Actor("command:recover_trail"),
                now=timezone.now(),
            )
        for line in _lines(recovery):
            self.stdout.write(line)


def _lines(recovery: Recovery) -> Iterator[str]:
    loss = recovery.loss
    if loss is None:
        yield "the trail was recovered before; now the witness knows it as well"
        return
    yield f"kept: {loss.kept.size} facts of {loss.kept.origin}"
    yield f"lost: {loss.facts} facts that the witness had seen, and what was not sealed"
    for request in loss.requests:
        yield f"  lost facts about request {request}"
    if not loss.is_known:
        yield f"  nothing tells about the facts from {max(loss.told_up_to, loss.kept.size)} on"
    for store in recovery.replayed:
        yield f"replay: {store}"
    for store in recovery.busy:
        yield f"busy: {store}; a run works there: use replay_erasures when it has ended"
    yield "have every demand since the backup was made sent again"
