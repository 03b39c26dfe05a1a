"""Two worker machines on one Lethe; one is cut off in the middle of its work, and comes back.

python benchmarks/two_machines.py [--seed N] [--small] [--json]

The machines are network namespaces, so this needs root or user namespaces, and says so where it may
not. All see the stores' folder, as on a share that can still be reached when the network to
PostgreSQL and Redis cannot: the harder case, since a worker that is cut off can go on writing.
"""

import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg2  # the path comes first

from benchmarks.figures import Figure, at_least, at_most, run  # likewise
from benchmarks.survival.looks import SWEEP_SECONDS, judged, none, note  # likewise
from benchmarks.survival.machines import Machine, Reachable, enter, refusal  # likewise
from benchmarks.survival.people import TABLE, People  # likewise
from tests.e2e.world import World  # likewise

LEASE_SECONDS: Final = 5
ONE_SWEEP: Final = 7601  # deletion.actions.locks, which needs a Django that is set up
NOTICED_SECONDS: Final = 60  # until PostgreSQL lets go of what a machine held that is gone
REFUSED: Final = "the lease had run out"
GONE: Final = "OperationalError"  # the line was down for so long that both ends had given it up
HOLDER: Final = """
import time, django
django.setup()
from deletion.actions.locks import one_sweep
while True:
    with one_sweep() as mine:
        if mine:
            print("holds the sweep", flush=True)
            time.sleep(3600)
"""


class Pair:
    """A head, two machines, and people to forget."""

    def __init__(self, world: World, *, small: bool, seed: int) -> None:
        """Register the stores and start both machines."""
        self._world = world
        self._url = world.environment["DATABASE_URL"]
        self._database = psycopg2.connect(self._url)
        self._database.autocommit = True
        self.people = People.settle(
            world.folder / "share",
            count=12_000 if small else 120_000,
            files=8 if small else 24,
            seed=seed,
            url=self._url,
        )
        world.manage(
            *("register_dataset", str(self.people.training), "--family=people"),
            *("--id-column=person", "--label=label"),
        )
        places = {"letters": str(self.people.letters), "visits": f"env:DATABASE_URL?table={TABLE}"}
        for name, uri in places.items():
            world.manage("register_store", uri, f"--name={name}", "--id-column=person")
        self.before = self.people.rows(self._url)
        self.accepted: dict[str, str] = {}
        # A few more than are ever asked for, spread over all shards and files.
        self._asking = iter(self.people.names[:: len(self.people.names) // 120])
        self.machines = [
            Machine(
                f"worker-{letter}",
                number=number,
                environment={
                    **world.environment,
                    "DJANGO_SETTINGS_MODULE": "config.settings",
                },
                log=world.folder / f"worker-{letter}.log",
            )
            for number, letter in enumerate("ab")
        ]
        for machine in self.machines:
            machine.work(concurrency=1)

    def ask(self, count: int) -> None:
        """Open requests of people in every store."""
        for _ in range(count):
            person = next(self._asking)
            key = f"erase-{person}"
            body: dict[str, object] = {
                "regime": "gdpr",
                "identifiers": [{"namespace": "person", "value": person}],
                "verification": "caller-attested",
            }
            self._world.post("/api/v1/deletion-requests", body, **{"Idempotency-Key": key})
            self.accepted[key] = person

    def look(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with self._database.cursor() as cursor:
            cursor.execute(query, values)
            return cursor.fetchall()

    def held_by(self, machine: Machine) -> int:
        """Count the parts on which a machine works now and of which it has told who is in."""
        ((count,),) = self.look(
            "SELECT count(*) FROM deletion_runpart WHERE finished_at IS NULL"
            " AND lease_until IS NOT NULL AND lease_owner LIKE %s AND step = 'found'",
            f"{machine.name}:%",
        )
        return int(count)

    def finished_by(self) -> Counter[str]:
        """Count the proven parts by the machine that proved them."""
        return Counter(
            dict(
                self.look(
                    "SELECT split_part(lease_owner, ':', 1), count(*) FROM deletion_runpart"
                    " WHERE step = 'proven' GROUP BY 1"
                )
            )
        )

    def taken_over(self) -> bool:
        """Say whether a lease has run out and another worker has proven the part."""
        return bool(
            self.look(
                "SELECT 1 FROM deletion_runpart WHERE leases_lost > 0 AND step = 'proven' LIMIT 1"
            )
        )

    def all_ended(self) -> bool:
        """Say whether no request is open."""
        ((count,),) = self.look(
            "SELECT count(*) FROM deletion_deletionrequest WHERE state <> 'complete'"
        )
        return int(count) == 0

    def sweeper_elsewhere(self) -> bool:
        """Say whether a session from another machine holds the sweep."""
        return bool(
            self.look(
                "SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid)"
                " WHERE locktype = 'advisory' AND granted AND objid = %s"
                " AND client_addr <> inet_server_addr()",
                ONE_SWEEP,
            )
        )

    def stop(self) -> None:
        """End the machines."""
        self._database.close()
        for machine in self.machines:
            machine.stop()


def measure(small: bool, *, seed: int) -> Sequence[Figure]:  # noqa: FBT001  # the form that `figures.run` asks for
    """Cut a machine off while it works, and once more while it sweeps."""
    enter()
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)  # set by an import; the world has its own
    parts = ("web", "sweeper", "beat")
    with World(
        services=Reachable(durable=True), parts=parts, LEASE_SECONDS=str(LEASE_SECONDS)
    ) as world:
        pair = Pair(world, small=small, seed=seed)
        try:
            return _measured(world, pair, asked=20 if small else 50)
        finally:
            pair.stop()


def _measured(world: World, pair: Pair, *, asked: int) -> Sequence[Figure]:
    near, far = pair.machines
    note("both machines drain")
    pair.ask(asked)
    held = world.wait_for(lambda: pair.held_by(far), what=f"{far.name} to work", seconds=120)
    far.cut()
    note(f"{far.name} is cut off while it works on {held} part(s)")
    before, cut_at = pair.finished_by(), time.monotonic()
    world.wait_for(pair.taken_over, what="its work to pass on", seconds=120)
    passed_on_after = time.monotonic() - cut_at
    alone = pair.finished_by()

    note("its work has passed on; the cable is mended")
    far.mend()
    world.wait_for(
        lambda: REFUSED in far.log.read_text() or GONE in far.log.read_text(),
        what="the late result to come to nothing",
        seconds=120,
    )
    world.wait_for(pair.all_ended, what="every request to end", seconds=240)
    ended_after = time.monotonic() - cut_at
    pair.ask(asked)
    world.wait_for(pair.all_ended, what="both machines together", seconds=240)
    together = pair.finished_by()

    note(f"{far.name} sweeps, and is cut off")
    far.run([sys.executable, "-c", HOLDER])
    world.wait_for(pair.sweeper_elsewhere, what=f"{far.name} to sweep", seconds=120)
    far.cut()
    cut_at = time.monotonic()
    pair.ask(1)
    world.wait_for(pair.all_ended, what="a sweep elsewhere", seconds=NOTICED_SECONDS * 3)
    still = time.monotonic() - cut_at
    far.mend()
    time.sleep(3 + SWEEP_SECONDS)  # the sealer's turn

    seen = judged(
        world,
        people=pair.people,
        before=pair.before,
        accepted=pair.accepted,
        logs=[machine.log for machine in pair.machines],
    )
    return [
        at_least(1, name=f"parts done by {near.name}", value=together[near.name], unit="parts"),
        at_least(
            1,
            name=f"parts done by {far.name} since it is back",
            value=together[far.name] - alone[far.name],
            unit="parts",
        ),
        at_least(1, name=f"parts that {far.name} held when cut off", value=held, unit="parts"),
        none(
            name=f"parts that {far.name} finished while cut off",
            value=alone[far.name] - before[far.name],
            unit="parts",
        ),
        at_least(1, name="leases that passed on", value=seen["leases_lost"], unit="leases"),
        at_least(
            1,
            name="late results refused or never delivered",
            value=far.log.read_text().count(REFUSED) + far.log.read_text().count(GONE),
            unit="results",
        ),
        Figure(name="late results refused", value=far.log.read_text().count(REFUSED), unit=""),
        Figure(name="from the cut until its work was done", value=passed_on_after, unit="s"),
        Figure(name="from the cut to the last request's end", value=ended_after, unit="s"),
        at_most(
            NOTICED_SECONDS,
            name="from a cut-off sweeper to the end of a request",
            value=still,
            unit="s",
        ),
        *_nothing_wrong(seen),
    ]


def _nothing_wrong(seen: dict[str, Any]) -> list[Figure]:
    return [
        Figure(name="requests accepted", value=seen["accepted"], unit="requests"),
        none(name="requests lost", value=seen["lost"], unit="requests"),
        none(name="requests open at the end", value=seen["open"], unit="requests"),
        none(name="runs stuck", value=seen["stuck"], unit="runs"),
        none(name="shares decided twice", value=seen["decided_twice"], unit="shares"),
        none(name="parts proven twice", value=seen["proven_twice"], unit="parts"),
        none(name="facts recorded twice", value=seen["recorded_twice"], unit="facts"),
        none(name="leaves without a proof", value=seen["unproven"], unit="leaves"),
        none(name="people erased and still there", value=seen["erased_and_there"], unit="people"),
        none(name="rows of others touched", value=seen["others_touched"], unit="rows"),
        none(name="logs that name somebody", value=seen["logs_naming"], unit="files"),
    ]


if __name__ == "__main__":
    if why := refusal():
        sys.stderr.write(f"skipped: {why}\n")
        sys.exit(0)
    run(
        measure,
        about="Two worker machines, of which one is cut off in the middle of its work",
        sizes={"seed": 1},
        strict=True,
    )
