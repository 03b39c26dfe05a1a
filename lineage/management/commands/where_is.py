"""`manage.py where_is NAMESPACE`, with the identifier on standard input."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from typing_extensions import override

from audits.trail import Actor
from lineage.actions import look_up
from lineage.management.refusals import in_one_line
from lineage.management.stdin import one_line
from lineage.whereabouts import Reached, Stay, Whereabouts


class Command(BaseCommand):
    help = (
        "Print where a person is. The identifier is read from standard input and never from the "
        "command line, which other users see and shells keep. The look-up is recorded in the trail."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("namespace")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        value = one_line("identifier")
        with in_one_line():
            found = look_up(
                namespace=options["namespace"],
                value=value,
                actor=Actor("command:where_is"),
                now=timezone.now(),
            )
        for line in _lines(found):
            self.stdout.write(line)


def _lines(found: Whereabouts) -> list[str]:
    lines = [_stay(stay) for stay in found.stays] or ["in no training set that was scanned"]
    lines += [_reached(thing) for thing in found.reached()]
    if found.forgotten:
        lines.append("forgotten: on the suppression list")
    lines += [_unknown(name) for name in found.unscanned]
    return lines


def _unknown(store: str) -> str:
    return f"unknown: store {store} keeps no index of people; a deletion searches it"


def _stay(stay: Stay) -> str:
    part = "held out" if stay.held_out else f"shard {stay.shard}"
    when = f"since version {stay.first}"
    if stay.last is not None:
        when = f"from version {stay.first} to {stay.last}"
    return f"{stay.family} (store {stay.store}): {part}, {when}"


def _reached(thing: Reached) -> str:
    node = thing.node
    way = ", ".join(f"{step.by} {step.source.name} {step.source.version}" for step in thing.way)
    word = "tainted" if thing.tainted else "reached"
    return f"{word}: {node.kind} {node.name} {node.version} ({way})"
