"""One simulated year: what the scheduler costs and whom it makes late, against others and a bound.

The year is driven by the product's own `decide`, `estimate_of` and `hung_after`, cold start
included; the others have the same hang-kill. Durations are invented, and failures are independent.
Beside it stands what one decision takes with a thousand targets and a hundred thousand open
obligations in PostgreSQL.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import django

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402  # Django must be set up first
from django.core.management import call_command  # noqa: E402  # likewise

from benchmarks.figures import Figure, at_most, run  # noqa: E402  # likewise
from benchmarks.simulated.backlog import NOW, Size, write_backlog  # noqa: E402  # likewise
from benchmarks.simulated.policies import ALL_YEAR, Eager, Planned  # noqa: E402  # likewise
from benchmarks.simulated.year import (  # noqa: E402  # likewise
    DAY,
    Outcome,
    Shape,
    Simulation,
    least_runs,
    make_world,
)
from deletion.queries.workload import workload  # noqa: E402  # likewise
from deletion.workload import Rules  # noqa: E402  # likewise

SEEDS = (1, 2, 3, 4, 5)  # what was tuned was tuned on 101 and later
TICK = timedelta(hours=2)  # the service looks every ten seconds; so often would take days here
RIVALS = {"eager EDF": 0.0, "nightly cron": DAY, "weekly cron": 7 * DAY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A kind of year, with what is promised of it."""

    name: str
    shape: Shape
    most_runs: float | None = None  # times the bound
    may_be_late: bool = False
    is_repeated: bool = False  # on every seed
    rivals: Sequence[str] = tuple(RIVALS)


CASES = (
    Case(
        name="ample, 1,000 slots",
        shape=Shape(slots=1000),
        most_runs=1.15,
        is_repeated=True,
        rivals=["weekly cron"],
    ),
    Case(name="tight, 12 slots", shape=Shape(slots=12), most_runs=1.25, is_repeated=True),
    Case(
        name="heavy tails, 20 slots",
        shape=Shape(slots=20, pareto=True),
        most_runs=1.35,
        is_repeated=True,
    ),
    Case(
        name="20 % fail, 10 slots",
        shape=Shape(slots=10, failing=0.2),
        may_be_late=True,
    ),
    Case(
        name="outage of 72 h, 12 slots",
        shape=Shape(slots=12, outage=(180 * DAY, 183 * DAY)),
    ),
    Case(name="a fifth in one day, 12 slots", shape=Shape(slots=12, rush=0.2)),
    Case(
        name="30 d, 14 d and 72 h, 48 slots",
        shape=Shape(slots=48, windows=((30 * DAY, 0.85), (14 * DAY, 0.1), (3 * DAY, 0.05))),
        may_be_late=True,
    ),
    Case(name="7 d, 48 slots", shape=Shape(slots=48, windows=((7 * DAY, 1.0),)), may_be_late=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """What one policy made of one year."""

    case: str
    policy: str
    seed: int
    least: int
    outcome: Outcome
    asked: int = 0
    milliseconds: float = 0.0  # a decision, the median
    warned_before: int = 0  # due dates that were missed, of which an alarm had warned
    missed: int = 0  # due dates
    foreseen: float = 0.0  # late ones on the lists, over those that were late

    @property
    def ratio(self) -> float:
        """Return the runs, times the bound."""
        return self.outcome.runs / self.least


def live(job: tuple[Case, str, int]) -> Year:
    """Let one year pass under one policy."""
    case, policy, seed = job
    world = make_world(case.shape, seed)
    simulation = Simulation(world)
    year = Year(
        case=case.name,
        policy=policy,
        seed=seed,
        least=least_runs(world),
        outcome=simulation.outcome,
    )
    if policy in RIVALS:
        simulation.run(Eager(world, every=RIVALS[policy]))
        return year
    planned = Planned(
        world,
        rules=Rules(tick=TICK, coalesce=ALL_YEAR),
        quantile=settings.SAFE_QUANTILE,
    )
    simulation.run(planned)
    late = {
        (target, due) for target, dues in simulation.outcome.late_by_target.items() for due in dues
    }
    listed = sum(len(seen.late) for seen in planned.warned)
    were = sum(len(seen.waiting & late) for seen in planned.warned)
    return replace(
        year,
        asked=len(planned.asked),
        milliseconds=1000 * median(planned.asked),
        missed=len(late),
        warned_before=sum(planned.first_alarm.get(entry, entry[1]) < entry[1] for entry in late),
        foreseen=listed / were if were else 0.0,
    )


def scaled(case: Case, *, by: int) -> Case:
    """Return a case with fewer targets, requests and slots."""
    shape = case.shape
    return replace(
        case,
        name=f"{case.name} / {by}",
        shape=replace(
            shape,
            targets=shape.targets // by,
            requests=shape.requests // by,
            slots=-(-shape.slots // by),
        ),
    )


def figures_of(case: Case, years: Sequence[Year]) -> Iterator[Figure]:
    """Hold the years of a case against what was promised."""
    ours = [year for year in years if year.policy == "Lethe"]
    others = [year for year in years if year.policy != "Lethe"]
    seeds = f"worst of {len(ours)} seeds" if len(ours) > 1 else ""
    worst = max(year.ratio for year in ours)
    late = sum(year.outcome.late_requests for year in ours)
    bound = f"the fewest runs of any policy{', ' if seeds else ''}{seeds}"
    name = f"{case.name}: runs"
    if case.most_runs is not None:
        yield at_most(case.most_runs, name=name, value=worst, against=bound)
    else:
        yield Figure(name=name, value=worst, unit="×", against=bound)
    name = f"{case.name}: requests late"
    eager = [year.outcome.late_requests for year in others if year.policy == "eager EDF"]
    if not case.may_be_late:
        yield at_most(0, name=name, value=late, unit="requests", against="all seeds together")
    else:
        yield at_most(eager[0], name=name, value=late, unit="requests", against="eager EDF's")
    yield Figure(
        name=f"{case.name}: slot-hours",
        value=sum(year.outcome.busy for year in ours) / len(ours) / 3600,
        unit="hours",
    )
    yield Figure(name=f"{case.name}: done after, median", value=ours[0].outcome.days[0], unit="d")
    yield Figure(name=f"{case.name}: done after, p99", value=ours[0].outcome.days[1], unit="d")
    if any(year.missed for year in ours):
        missed = sum(year.missed for year in ours)
        warned = sum(year.warned_before for year in ours)
        yield Figure(
            name=f"{case.name}: late targets warned of before",
            value=100 * warned / missed,
            unit="%",
            against=f"{missed} due dates of targets",
        )
    if any(year.foreseen for year in ours):
        yield Figure(
            name=f"{case.name}: late ones listed",
            value=max(year.foreseen for year in ours),
            unit="×",
            against="those that were late, weekly lists",
        )
    for year in others:
        yield Figure(name=f"{case.name}: {year.policy}, runs", value=year.ratio, unit="×")
        yield Figure(
            name=f"{case.name}: {year.policy}, late",
            value=year.outcome.late_requests,
            unit="requests",
        )


def measure_decisions(*, small: bool) -> Iterator[Figure]:
    """Time one decision, and the query that feeds it, on real rows."""
    call_command("migrate", verbosity=0)
    size = (
        Size(stores=50, models=200, batches=40)
        if small
        else Size(stores=200, models=800, batches=100)
    )
    owed = write_backlog(size)
    settings.COALESCE = ALL_YEAR
    seen = workload()  # once unmeasured: the connection is opened
    query = _milliseconds(workload)
    pure = _milliseconds(lambda: seen.decide(now=NOW))
    of = f"{len(seen.targets):,} targets, {owed:,} obligations"
    yield at_most(50, name="decide()", value=pure, unit="ms", against=of)
    yield Figure(name="the query beside it", value=query, unit="ms", against=of)


def _milliseconds(do: Callable[[], object]) -> float:
    took = []
    for _ in range(9):
        began = time.perf_counter()
        do()
        took.append(time.perf_counter() - began)
    return 1000 * median(took)


def measure(small: bool) -> Sequence[Figure]:  # noqa: FBT001  # the form that `figures.run` asks for
    """Time a decision, then let the years pass, two at a time."""
    found = list(measure_decisions(small=small))
    cases = [scaled(case, by=10) for case in CASES[:3]] if small else CASES
    jobs = [
        (case, policy, seed)
        for case in cases
        for seed in (SEEDS if case.is_repeated and not small else SEEDS[:1])
        for policy in ("Lethe", *(case.rivals if seed == SEEDS[0] else ()))
    ]
    # Fresh processes: a forked one would share the database's connection.
    with ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn")) as both:
        years = []
        for year in both.map(live, jobs):
            years.append(year)
            print(
                f"{year.case}, {year.policy}, seed {year.seed}: {year.ratio:.3f} ×, "
                f"{year.outcome.late_requests} late",
                file=sys.stderr,
                flush=True,
            )
    for case in cases:
        found += figures_of(case, [year for year in years if year.case == case.name])
    return found


if __name__ == "__main__":
    run(measure, about="A year of the scheduler against others and the fewest runs possible")
