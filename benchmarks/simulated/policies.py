"""Who starts what in the simulated year: the product's own `decide`, and what others do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush
from math import inf
from time import perf_counter

from benchmarks.simulated.year import DAY, GUESS, Simulation, World
from deletion.estimates import NO_HISTORY, History, estimate_of, prior_of
from deletion.scheduling import Decision, decide
from deletion.workload import Pending, Pool, Rules, Running, Target, window_class

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
POOL = "training/default"
ALL_YEAR = timedelta(days=365)

Wake = Callable[[Simulation, Sequence[int]], float]


def moment(seconds: float) -> datetime:
    """Return a moment of the simulated year."""
    return EPOCH + timedelta(seconds=seconds)


def seconds_of(when: datetime) -> float:
    """Return the seconds since the year began."""
    return (when - EPOCH).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """What was foreseen at one moment: the targets that will be late, of all that wait."""

    at: float
    late: frozenset[tuple[int, float]]  # and when each is due
    waiting: frozenset[tuple[int, float]]


class Eager:
    """Start whatever waits as soon as a slot is free, the earliest due date first."""

    def __init__(self, world: World, *, every: float = 0.0) -> None:
        """With `every`, look only so often: a cron job, which starts all that waits then."""
        self.every = every
        self.looked_at = -inf
        self.coming = [(self._first(world, target), target) for target in range(len(world.medians))]
        self.coming = [entry for entry in self.coming if entry[0] < inf]
        heapify(self.coming)
        self.queue: list[tuple[float, int]] = []

    @staticmethod
    def _first(world: World, target: int) -> float:
        return min((float(some[0]) for some in world.arrivals[target] if len(some)), default=inf)

    def __call__(self, simulation: Simulation, ended: Sequence[int]) -> float:
        """Start what should be started now, and say when to ask again."""
        for target in ended:
            first = simulation.first_wait(target)
            if first < inf:
                heappush(self.coming, (first, target))
        now = simulation.now
        if now >= self.looked_at + self.every:
            if self.every:
                self.looked_at = now - now % self.every
            while self.coming and self.coming[0][0] <= now:
                _, target = heappop(self.coming)
                # A cron job knows no due dates: first come, first served.
                rank = float(len(self.queue)) if self.every else simulation.due(target)
                heappush(self.queue, (self.looked_at + rank if self.every else rank, target))
        while self.queue and simulation.free:
            simulation.start(heappop(self.queue)[1])
        if not self.coming:
            return inf
        if self.every:
            return self.looked_at + self.every
        return self.coming[0][0] if simulation.free else inf


class Planned:
    """Lethe: the product's `decide`, told what its database would tell it."""

    def __init__(self, world: World, *, rules: Rules, quantile: float) -> None:
        """Begin with targets that have no history."""
        self.world, self.rules, self.quantile = world, rules, quantile
        self.pool = Pool(name=POOL, slots=world.shape.slots)
        self.names = [f"model/{number}" for number in range(len(world.medians))]
        self.numbers = {name: number for number, name in enumerate(self.names)}
        self.targets: dict[str, Target] = {}
        self.pending: dict[tuple[int, int], Pending] = {}
        self.running: dict[int, Running] = {}
        self.coming = [
            (float(some[0]), target, kind)
            for target, classes in enumerate(world.arrivals)
            for kind, some in enumerate(classes)
            if len(some)
        ]
        heapify(self.coming)
        self.is_full = False
        self.next_at = 0.0
        self.asked: list[float] = []  # seconds of computing
        self.warned: list[Warned] = []
        self.first_alarm: dict[tuple[int, float], float] = {}
        self.prior = prior_of([], guess=GUESS)
        self._learn_of_all([NO_HISTORY] * len(world.medians))

    def _learn_of_all(self, histories: Sequence[History]) -> None:
        for target, history in enumerate(histories):
            self._learn(target, history)

    def _learn(self, target: int, history: History) -> None:
        name = self.names[target]
        estimate = estimate_of(history, prior=self.prior, quantile=self.quantile)
        self.targets[name] = Target(name=name, pool=POOL, estimate=estimate)

    def __call__(self, simulation: Simulation, ended: Sequence[int]) -> float:
        """Start what `decide` says, and say when to ask again."""
        for target in ended:
            del self.running[target]
            self._learn(target, simulation.histories[target])
            for kind, arrivals in enumerate(self.world.arrivals[target]):
                place = simulation.covered[target][kind]
                if place < len(arrivals):
                    heappush(self.coming, (float(arrivals[place]), target, kind))
        if simulation.prior is not self.prior:
            self.prior = simulation.prior
            self._learn_of_all(simulation.histories)
        now = simulation.now
        if not simulation.free or (now < self.next_at and not self.is_full):
            return inf if not simulation.free else self.next_at
        while self.coming and self.coming[0][0] <= now:
            first, target, kind = heappop(self.coming)
            window = self.world.shape.windows[kind][0]
            self.pending[target, kind] = self._row(target, first, window)
        decision = self._ask(now)
        for start in decision.starts:
            self._start(simulation, self.numbers[start.target])
        self.is_full = simulation.free == 0
        if not self.pending and not self.coming:
            return inf
        self.next_at = now + self.rules.tick.total_seconds()
        return self.next_at

    def _row(self, target: int, first: float, window: float) -> Pending:
        created_at, due_at = moment(first), moment(first + window)
        return Pending(
            target=self.names[target],
            window=window_class(created_at=created_at, due_at=due_at),
            created_at=created_at,
            due_at=due_at,
            people=1,
        )

    def _start(self, simulation: Simulation, target: int) -> None:
        dues = []
        for kind in range(len(self.world.shape.windows)):
            row = self.pending.pop((target, kind), None)
            dues += [row.due_at] if row is not None else []
        # What comes after the start of this run waits for the next one.
        self.running[target] = Running(
            target=self.names[target], started_at=moment(simulation.now), due_at=min(dues)
        )
        simulation.start(target)

    def _ask(self, now: float) -> Decision:
        began = perf_counter()
        decision = decide(
            now=moment(now),
            pending=list(self.pending.values()),
            feeds=(),
            targets=self.targets,
            pools={POOL: self.pool},
            running=list(self.running.values()),
            rules=self.rules,
        )
        self.asked.append(perf_counter() - began)
        self._note(now, decision)
        return decision

    def _note(self, now: float, decision: Decision) -> None:
        late = {(self.numbers[alarm.target], seconds_of(alarm.due_at)) for alarm in decision.alarms}
        for entry in late:
            self.first_alarm.setdefault(entry, now)
        if not self.warned or now >= self.warned[-1].at + 7 * DAY:
            waiting = {
                (target, seconds_of(row.due_at)) for (target, _), row in self.pending.items()
            } | {(target, seconds_of(run.due_at)) for target, run in self.running.items()}
            self.warned.append(Warned(at=now, late=frozenset(late), waiting=frozenset(waiting)))
