"""Trail appends by many writers: the outbox and its sealer against a hash chain.

Both sides write the same fact through the same framework, in turn, in one process; the chain is the
common alternative: lock the head, hash, insert, move the head.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import django

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.core.management import call_command  # noqa: E402  # Django must be set up first
from django.db import connection, transaction  # noqa: E402  # likewise

from audits.actions import seal  # noqa: E402  # likewise
from audits.models import Leaf, OutboxEntry  # noqa: E402  # likewise
from audits.trail import Actor, audited  # noqa: E402  # likewise
from benchmarks.figures import Figure, at_least, run  # noqa: E402  # likewise

WRITERS = 32
ACTOR = Actor("command:benchmark")


@dataclass(frozen=True, slots=True, kw_only=True)
class SomethingHappened:
    """A fact of a usual size."""

    number: int
    note: str


def append_to_the_outbox(number: int) -> None:
    """Record one fact as every action of the product does."""
    with audited(actor=ACTOR, now=datetime.now(UTC)) as trail:
        trail.record(SomethingHappened(number=number, note="x" * 120), about="benchmark")


def append_to_a_chain(number: int) -> None:
    """Record one fact in a chain whose head every writer has to lock."""
    entry = f"{number} {'x' * 240}".encode()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT hash FROM bench_head FOR NO KEY UPDATE")
        head = bytes(cursor.fetchone()[0])
        link = sha256(head + entry).digest()
        cursor.execute("INSERT INTO bench_chain (entry, hash) VALUES (%s, %s)", [entry, link])
        cursor.execute("UPDATE bench_head SET hash = %s", [link])


def per_second(append: Callable[[int], None], *, seconds: float) -> float:
    """Let all writers append for a while; return the appends a second of all together."""
    counts = [0] * WRITERS
    end = time.monotonic() + seconds

    def write(writer: int) -> None:
        while time.monotonic() < end:
            append(counts[writer])
            counts[writer] += 1
        connection.close()

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - began)


def sealed_meanwhile(append: Callable[[int], None], *, seconds: float) -> float:
    """Measure with a sealer at work beside the writers."""
    over = threading.Event()

    def keep_sealing() -> None:
        while not over.wait(0.2):
            seal(now=datetime.now(UTC))
        connection.close()

    sealer = threading.Thread(target=keep_sealing)
    sealer.start()
    try:
        return per_second(append, seconds=seconds)
    finally:
        over.set()
        sealer.join()


def measure(small: bool) -> Sequence[Figure]:  # noqa: FBT001  # the form that `figures.run` asks for
    """Run both sides in turn, three times, and compare the medians."""
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bench_chain (id bigserial PRIMARY KEY, entry bytea, hash bytea)"
        )
        cursor.execute("CREATE TABLE bench_head (hash bytea)")
        cursor.execute("INSERT INTO bench_head VALUES ('')")
    seconds = 3.0 if small else 20.0
    outbox, chain = [], []
    for _ in range(3):
        outbox.append(sealed_meanwhile(append_to_the_outbox, seconds=seconds))
        chain.append(per_second(append_to_a_chain, seconds=seconds))
    while OutboxEntry.objects.exists():
        seal(now=datetime.now(UTC))
    leaves = Leaf.objects.count()
    gapless = Leaf.objects.order_by("-index").values_list("index", flat=True)[0] == leaves - 1
    ours, theirs = sorted(outbox)[1], sorted(chain)[1]
    return [
        Figure(name=f"outbox, {WRITERS} writers, sealer on", value=ours, unit="appends/s"),
        Figure(name=f"hash chain, {WRITERS} writers", value=theirs, unit="appends/s"),
        at_least(6, name="outbox over chain", value=ours / theirs, against="chain, same run"),
        Figure(
            name="indexes without a gap",
            value=leaves,
            unit="leaves",
            goal="all",
            met=gapless,
        ),
    ]


if __name__ == "__main__":
    run(measure, about="Trail appends: outbox and sealer against an in-transaction hash chain")
