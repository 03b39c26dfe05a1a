"""`manage.py request_status REQUEST_ID [--wait SECONDS]`."""

import time
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from typing_extensions import override

from audits import errors as audit_errors
from deletion import errors
from deletion.models import DeletionRequest, Denial
from deletion.queries.requests import TargetView, denial_of, request_numbered, targets_of
from deletion.queries.waiting import waits_for
from deletion.states import OPEN, RequestState
from lineage.management.arguments import whole_number
from lineage.management.refusals import in_one_line

LOOK_EVERY_SECONDS: Final = 0.5


class Command(BaseCommand):
    help = "Print how a deletion request stands: its two clocks, and what became of each target."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("request", type=UUID, metavar="REQUEST_ID")
        parser.add_argument(
            "--wait",
            type=whole_number(1, 86400),
            default=0,
            metavar="SECONDS",
            help="wait until it is closed; exits with 1 if it still is not",
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        deadline = time.monotonic() + options["wait"]
        with in_one_line(audit_errors, errors):
            request = request_numbered(options["request"])
            while RequestState(request.state) in OPEN and time.monotonic() < deadline:
                time.sleep(LOOK_EVERY_SECONDS)
                request = request_numbered(options["request"])
            targets = targets_of(request, now=timezone.now())
            denial = denial_of(request)
        for line in _lines(request, targets, denial):
            self.stdout.write(line)
        if options["wait"] and RequestState(request.state) in OPEN:
            raise CommandError(f"not closed after {options['wait']} s")


def _lines(
    request: DeletionRequest, targets: list[TargetView], denial: Denial | None
) -> Iterator[str]:
    yield f"request {request.pk}: {request.state}"
    if denial is not None:
        yield f"  {denial.article}: {denial.reason}; told {_moment(denial.told_at)}"
    if waits := waits_for(request, now=timezone.now()):
        yield f"  {waits}"
    yield f"  received      {_moment(request.received_at)}"
    yield f"  data erased   {_clock(request.erased_at, due_at=request.erase_by)}"
    yield f"  models clean  {_clock(request.completed_at, due_at=request.models_by)}"
    for target in targets:
        yield f"  {_target(target)}"


def _target(target: TargetView) -> str:
    if target.outcome:
        return f"{target.target}: {target.outcome}{f' ({target.note})' if target.note else ''}"
    return f"{target.target}: open (waits for {target.waits_for})"


def _clock(stopped_at: datetime | None, *, due_at: datetime) -> str:
    due = f"due {_moment(due_at)}"
    return f"{_moment(stopped_at)}, {due}" if stopped_at else due


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
