"""A real Lethe under fire: 200 times something of it dies while people ask to be deleted.

First the same service works undisturbed for as long, to show that nobody takes work from a healthy
worker; what a request needs then is what it may need after the last death, beside one lease.
The stores are Parquet and CSV files and a table; a model learns from one of them. What is killed is
killed with -9; Redis is also emptied. Every caller repeats what was not answered.

python benchmarks/soak.py [--kills 200] [--seed N] [--small] [--json]
"""

import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.figures import Figure, at_least, at_most, run  # the path comes first
from benchmarks.survival.kills import is_whole, storm  # likewise
from benchmarks.survival.looks import SWEEP_SECONDS, judged, none, note  # likewise
from benchmarks.survival.people import TABLE, People  # likewise
from benchmarks.survival.traffic import Said, Traffic  # likewise
from config.demo.client import Client  # likewise
from tests.e2e.world import World  # likewise

KILLS: Final = 200
SMALL_KILLS: Final = 6
MEAN_SECONDS: Final = 1.5  # between two deaths
PER_SECOND: Final = 1.0  # demands
SMALL_PER_SECOND: Final = 2.0
LEASE_SECONDS: Final = 5.0  # of the world that is killed
OPEN_STATES: Final = ("received", "held", "planned", "in%20progress")

LONGEST_SECONDS: Final = 240  # that anybody waits for the last request

Seen = dict[str, Any]


class Soak:
    """A world with people in its stores, and callers who have them deleted."""

    def __init__(self, world: World, *, seed: int, small: bool) -> None:
        """Register everything and train the model."""
        self._world, self._small = world, small
        count = 600 if small else 2400
        self._people = People.settle(
            world.folder / "people",
            count=count,
            files=2 if small else 4,
            seed=seed,
            url=world.environment["DATABASE_URL"],
        )
        world.manage(
            *("register_dataset", str(self._people.training), "--family=people"),
            *("--id-column=person", "--label=label", "--shards=4"),
        )
        places = {"letters": str(self._people.letters), "visits": f"env:DATABASE_URL?table={TABLE}"}
        for name, uri in places.items():
            world.manage("register_store", uri, f"--name={name}", "--id-column=person")
        world.manage(
            *("register_model", "habits", "--family=people", "--purpose=a soak", "--margin=300")
        )
        world.manage("train", "habits", "--wait")
        self._before = self._people.rows(world.environment["DATABASE_URL"])
        self._rng = Random(seed)  # noqa: S311  # who asks first is no secret
        names = list(self._people.names)
        self._rng.shuffle(names)
        self._asking = iter(names[: count // 2])  # the others are bystanders
        self._accepted: dict[str, str] = {}

    def demand(self) -> Traffic:
        """Let demands come in, for people who have not asked before."""
        address = f"http://{self._world.bind}"
        traffic = Traffic(
            callers=Client(address=address, token=self._world.token),
            officers=[
                Client(address=address, token=token)
                for token in (self._world.token, self._world.second_token)
            ],
            people=self._asking,
            seed=self._rng.randrange(1 << 30),
        )
        traffic.start(per_second=SMALL_PER_SECOND if self._small else PER_SECOND)
        return traffic

    def settle(self, traffic: Traffic, *, recovered_at: datetime | None) -> tuple[Said, Seen]:
        """Let the callers finish and every request end; return what is true then."""
        said = traffic.stop()
        self._accepted |= said.accepted
        deadline = time.monotonic() + LONGEST_SECONDS
        while self._open_requests() and time.monotonic() < deadline:
            time.sleep(0.2)
        note("every request has ended, or nobody waits any longer")
        time.sleep(3)  # the sealer's turn
        return said, judged(
            self._world,
            people=self._people,
            before=self._before,
            accepted=self._accepted,
            recovered_at=recovered_at,
        )

    def _open_requests(self) -> bool:
        def look() -> list[bool]:
            return [
                bool(self._world.get(f"/api/v1/deletion-requests?state={state}")["results"])
                for state in OPEN_STATES
            ]

        return any(self._world.wait_for(look, what="the lists of requests"))


def measure(small: bool, *, kills: int, seed: int) -> Sequence[Figure]:  # noqa: FBT001  # the form that `figures.run` asks for
    """Let one world live in peace and another under fire; compare."""
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)  # set by an import; each world has its own
    kills = min(kills, SMALL_KILLS) if small else kills
    with World() as world:
        soak = Soak(world, seed=seed, small=small)
        note("demands come in, and nothing dies")
        traffic = soak.demand()
        time.sleep(kills * MEAN_SECONDS)
        _, calm = soak.settle(traffic, recovered_at=None)
        note("demands come in, and everything dies")
        traffic = soak.demand()
        rng = Random(seed)  # noqa: S311  # chance, not secrecy
        deaths = storm(world, kills=kills, mean_seconds=MEAN_SECONDS, rng=rng)
        world.wait_for(lambda: is_whole(world), what="every part to be up", seconds=120)
        recovered_at = datetime.now(UTC)
        note("no more deaths, no more demands")
        said, seen = soak.settle(traffic, recovered_at=recovered_at)
    return [*_in_peace(calm), *_under_fire(calm, seen, said, deaths)]


def _in_peace(calm: Seen) -> list[Figure]:
    return [
        Figure(name="in peace: requests", value=calm["requests"], unit="requests"),
        none(name="in peace: leases lost", value=calm["leases_lost"], unit="leases"),
        none(
            name="in peace: attempts repeated without cause",
            value=calm["again_without_cause"],
            unit="attempts",
        ),
        none(
            name="in peace: failures but for holds and changes",
            value=calm["failed_otherwise"],
            unit="failures",
        ),
        none(name="in peace: runs stuck", value=calm["stuck"], unit="runs"),
        none(name="in peace: requests open at the end", value=calm["open"], unit="requests"),
        Figure(name="in peace: median life of a request", value=calm["median_life"], unit="s"),
        Figure(name="in peace: longest life of a request", value=calm["longest_life"], unit="s"),
    ]


def _under_fire(calm: Seen, seen: Seen, said: Said, deaths: Counter[str]) -> list[Figure]:
    bound = LEASE_SECONDS + SWEEP_SECONDS + calm["longest_life"]
    return [
        Figure(
            name="deaths",
            value=deaths.total(),
            unit="deaths",
            against=", ".join(f"{name} {times}" for name, times in deaths.most_common()),
        ),
        Figure(name="requests accepted", value=seen["accepted"], unit="requests"),
        Figure(name="keys sent again", value=said.resent, unit="keys"),
        Figure(name="held and released", value=said.held, unit="requests"),
        Figure(name="cancelled", value=seen["cancelled"], unit="requests"),
        at_least(  # else nothing died that was at work
            0 if deaths.total() < KILLS else 1,
            name="leases that passed on",
            value=seen["leases_lost"],
            unit="leases",
        ),
        Figure(name="most attempts at one thing", value=seen["most_attempts"], unit="attempts"),
        none(name="accepted, and no request is there", value=seen["lost"], unit="requests"),
        none(
            name="one key, two requests",
            value=seen["doubled"] + said.told_differently,
            unit="requests",
        ),
        none(name="requests that nobody sent", value=seen["requests"] - seen["accepted"], unit=""),
        none(name="requests open at the end", value=seen["open"], unit="requests"),
        none(name="runs stuck", value=seen["stuck"], unit="runs"),
        at_most(
            round(bound, 1),
            name="longest from recovery to the end",
            value=seen.get("longest_after_recovery", 0.0),
            unit="s",
            against="one lease, one sweep, the longest life in peace",
        ),
        Figure(name="shares decided", value=seen["shares_decided"], unit="shares"),
        none(name="shares decided twice", value=seen["decided_twice"], unit="shares"),
        none(name="facts recorded twice", value=seen["recorded_twice"], unit="facts"),
        none(name="certificates too many or too few", value=seen["certificates_wrong"], unit=""),
        at_least(1, name="leaves in the trail", value=seen["leaves"], unit="leaves"),
        none(name="leaves without a proof", value=seen["unproven"], unit="leaves"),
        at_least(1, name="people erased", value=seen["complete"], unit="people"),
        none(name="people erased and still there", value=seen["erased_and_there"], unit="people"),
        none(name="rows of others touched", value=seen["others_touched"], unit="rows"),
        none(name="logs that name somebody", value=seen["logs_naming"], unit="files"),
        none(name="Redis keys that name somebody", value=seen["redis_naming"], unit="keys"),
        none(name="tables that name somebody", value=seen["tables_naming"], unit="tables"),
    ]


if __name__ == "__main__":
    run(
        measure,
        about="A Lethe whose parts die at random while people ask to be deleted",
        sizes={"kills": KILLS, "seed": 1},
        strict=True,
    )
