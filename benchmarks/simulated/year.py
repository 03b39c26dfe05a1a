"""A simulated year of requests: the world, the rivals, and what a policy made of it.

Events, not ticks: an attempt ends, a target begins to wait, a moment that a policy named has come.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from heapq import heappop, heappush
from math import inf

import numpy as np
import numpy.typing as npt

from deletion.estimates import NO_HISTORY, history_of, hung_after, prior_of

HOUR = 3600.0
DAY = 24 * HOUR
YEAR = 365 * DAY
GUESS = timedelta(hours=1)  # what the product thinks of a model before any has been trained
LEARN_EVERY = 25  # runs: what is known of all targets moves slowly
REMEMBERED = 50  # runs of a target that estimates look at, as in the product

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What kind of year it is; times in seconds."""

    targets: int = 1000
    requests: int = 1_000_000
    windows: tuple[tuple[float, float], ...] = ((30 * DAY, 1.0),)  # and which share has them
    touched: int = 4  # targets that one request touches
    pareto: bool = False  # heavy tails instead of a lognormal
    failing: float = 0.05  # of attempts
    slots: int = 1000
    outage: tuple[float, float] = (inf, inf)  # nothing starts between
    rush: float = 0.0  # the share of the year's requests that comes in one day


@dataclass(slots=True)
class World:
    """One year: who asks when, and how long work takes. The same for every policy."""

    shape: Shape
    seed: int
    medians: Floats
    arrivals: list[list[Floats]]  # by target and class of windows: sorted
    asked_by: list[list[npt.NDArray[np.int64]]]  # which requests those are
    requested_at: Floats
    lengths: Floats  # what attempts take, in medians, drawn in advance

    def length(self, target: int, attempt: int) -> tuple[float, bool]:
        """Return what an attempt would take, and whether it fails at its end."""
        place = (target * 7919 + attempt * 104_729) % len(self.lengths)
        fails = (target * 31 + attempt * 17_389 + self.seed) % 10_007 / 10_007
        return self.medians[target] * self.lengths[place], fails < self.shape.failing


def make_world(shape: Shape, seed: int) -> World:
    """Draw a year."""
    rng = np.random.default_rng(seed)
    medians = np.exp(rng.uniform(np.log(HOUR / 6), np.log(24 * HOUR), shape.targets))
    rushing = int(shape.requests * shape.rush)
    at = np.concatenate(
        [
            rng.uniform(0, YEAR, shape.requests - rushing),
            rng.uniform(YEAR / 2, YEAR / 2 + DAY, rushing),
        ]
    )
    at.sort()
    kinds = rng.choice(len(shape.windows), size=shape.requests, p=[p for _, p in shape.windows])
    # Distinct targets: a random first one, and steps that never meet.
    first = rng.integers(0, shape.targets, size=shape.requests)
    steps = rng.permuted(np.tile(np.arange(1, shape.touched + 4), (shape.requests, 1)), axis=1)[
        :, : shape.touched - 1
    ]
    stride = rng.integers(1, max(shape.targets // (shape.touched + 4), 2), size=shape.requests)
    touched = np.column_stack([first, first[:, None] + steps * stride[:, None]]) % shape.targets
    flat = touched.ravel()
    asker = np.repeat(np.arange(shape.requests), shape.touched)
    order = np.argsort(flat, kind="stable")  # stays in the order of arrival within a target
    bounds = np.searchsorted(flat[order], np.arange(shape.targets + 1))
    arrivals, asked_by = [], []
    for target in range(shape.targets):
        mine = asker[order[bounds[target] : bounds[target + 1]]]
        split = [mine[kinds[mine] == kind] for kind in range(len(shape.windows))]
        asked_by.append(split)
        arrivals.append([at[some] for some in split])
    draws = 1 << 20
    lengths = (
        rng.pareto(1.5, draws) / 2 ** (1 / 1.5) + 2 ** (-1 / 1.5)
        if shape.pareto
        else rng.lognormal(0, 0.5, draws)
    )
    return World(
        shape=shape,
        seed=seed,
        medians=medians,
        arrivals=arrivals,
        asked_by=asked_by,
        requested_at=at,
        lengths=lengths,
    )


def least_runs(world: World) -> int:
    """Return how many runs any policy needs at least: each target's intervals, stabbed greedily."""
    windows = [window for window, _ in world.shape.windows]
    runs = 0
    for classes in world.arrivals:
        places = [0] * len(classes)
        while dues := [
            some[place] + window
            for some, place, window in zip(classes, places, windows, strict=True)
            if place < len(some)
        ]:
            stab = min(dues)
            places = [int(np.searchsorted(some, stab, side="right")) for some in classes]
            runs += 1
    return runs


@dataclass(slots=True)
class Outcome:
    """What a policy made of a year."""

    runs: int = 0
    attempts: int = 0
    kills: int = 0
    busy: float = 0.0  # seconds of slots
    late_requests: int = 0
    days: tuple[float, float] = (0.0, 0.0)  # until all of a request was done: median, 99th of 100
    late_by_target: dict[int, list[float]] = field(default_factory=dict)  # when each was due


class Simulation:
    """A pool of slots on which targets are worked off; a policy says what starts."""

    def __init__(self, world: World) -> None:
        """Begin the year."""
        self.world = world
        self.now = 0.0
        self.free = world.shape.slots
        self.running: dict[int, float] = {}  # and when each began
        self.covered = [[0] * len(classes) for classes in world.arrivals]
        self.events: list[tuple[float, int, int]] = []  # when, what, which target
        self.outcome = Outcome()
        self.prior = prior_of([], guess=GUESS)
        self.histories = [NO_HISTORY] * world.shape.targets
        self._took: dict[int, list[timedelta]] = {}  # what successful runs took, the newest last
        self.done_at = np.zeros(world.shape.requests)
        self._late = np.zeros(world.shape.requests, dtype=bool)
        self._attempts = [0] * world.shape.targets
        self._kills: dict[int, int] = {}
        self._windows = [window for window, _ in world.shape.windows]

    def waiting(self, target: int) -> list[tuple[int, float]]:
        """Return the classes of which somebody waits, with the arrival of the first."""
        found = []
        for kind, arrivals in enumerate(self.world.arrivals[target]):
            place = self.covered[target][kind]
            if place < len(arrivals) and arrivals[place] <= self.now:
                found.append((kind, float(arrivals[place])))
        return found

    def first_wait(self, target: int) -> float:
        """Return when somebody of a target waits, or will; infinite when nobody ever does."""
        return min(
            (
                float(arrivals[place])
                for place, arrivals in zip(
                    self.covered[target], self.world.arrivals[target], strict=True
                )
                if place < len(arrivals)
            ),
            default=inf,
        )

    def due(self, target: int) -> float:
        """Return the earliest due date of those who wait."""
        return min(first + self._windows[kind] for kind, first in self.waiting(target))

    def start(self, target: int) -> None:
        """Begin a run: it sees who is there now."""
        self.running[target] = self.now
        self.free -= 1
        self._kills[target] = 0
        self._attempt(target)

    def _attempt(self, target: int) -> None:
        self._attempts[target] += 1
        self.outcome.attempts += 1
        length, fails = self.world.length(target, self._attempts[target])
        limit = self.limit(target)
        if length > limit:
            self.outcome.kills += 1
            self._kills[target] += 1
            length, fails = limit, True
        self.outcome.busy += length
        heappush(self.events, (self.now + length, int(fails), target))

    def limit(self, target: int) -> float:
        """Return when an attempt is killed: by the product's own rule, whatever the policy."""
        history, kills = self.histories[target], self._kills[target]
        return hung_after(history, prior=self.prior, kills=kills).total_seconds()

    def end(self, target: int) -> None:
        """End a run well: it has served everybody who was there when it began."""
        began = self.running.pop(target)
        self.free += 1
        self.outcome.runs += 1
        took = self._took.setdefault(target, [])
        took.append(timedelta(seconds=self.now - began))
        del took[:-REMEMBERED]
        self.histories[target] = history_of(took)
        if self.outcome.runs % LEARN_EVERY == 0:
            self.prior = prior_of(self.histories, guess=GUESS)
        for kind, arrivals in enumerate(self.world.arrivals[target]):
            place = self.covered[target][kind]
            upto = int(np.searchsorted(arrivals, began, side="right"))
            if upto > place:
                who = self.world.asked_by[target][kind][place:upto]
                self.done_at[who] = np.maximum(self.done_at[who], self.now)
                late = int(np.searchsorted(arrivals, self.now - self._windows[kind], side="left"))
                if late > place:
                    self._late[self.world.asked_by[target][kind][place : min(late, upto)]] = True
                    self.outcome.late_by_target.setdefault(target, []).append(
                        float(arrivals[place] + self._windows[kind])
                    )
                self.covered[target][kind] = upto

    def in_outage(self) -> bool:
        """Say whether nothing may start now."""
        begins, ends = self.world.shape.outage
        return begins <= self.now < ends

    def run(self, wake: Callable[["Simulation", Sequence[int]], float]) -> Outcome:
        """Let the year pass; `wake` starts what should, and says when to be asked again."""
        ended: list[int] = []
        ask_at = 0.0
        while True:
            upcoming = self.events[0][0] if self.events else inf
            self.now = min(upcoming, ask_at)
            if self.now == inf:
                break
            while self.events and self.events[0][0] <= self.now:
                _, fails, target = heappop(self.events)
                if fails:
                    self._attempt(target)
                else:
                    self.end(target)
                    ended.append(target)
            if self.in_outage():
                ask_at = self.world.shape.outage[1]
            elif ended or self.now >= ask_at:
                ask_at = wake(self, ended)
                ended.clear()
        self._sum_up()
        return self.outcome

    def _sum_up(self) -> None:
        if any(self.first_wait(target) < inf for target in range(self.world.shape.targets)):
            raise AssertionError("somebody was never served")
        self.outcome.late_requests = int(self._late.sum())
        days = (self.done_at - self.world.requested_at) / DAY
        self.outcome.days = (float(np.median(days)), float(np.quantile(days, 0.99)))
