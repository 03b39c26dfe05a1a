"""Whatever can die of a running Lethe dies, at random moments, and comes back a little later."""

import time
from collections import Counter
from random import Random
from typing import Final

import psutil

from tests.e2e.world import World

PARTS: Final = ("web", "worker", "sweeper", "beat")
CHILD: Final = "one worker process"
EMPTIED: Final = "Redis emptied"
REDIS: Final = "Redis"
WEIGHTS: Final = {
    "web": 3,
    "worker": 5,
    "sweeper": 4,
    "beat": 2,
    CHILD: 4,
    EMPTIED: 3,
    REDIS: 3,
}
LONGEST_REST_SECONDS: Final = 1.5


def storm(world: World, *, kills: int, mean_seconds: float, rng: Random) -> Counter[str]:
    """Kill as often as asked; return what was killed how often, when the last is back."""
    done: Counter[str] = Counter()
    back_at: dict[str, float] = {}
    while done.total() < kills:
        time.sleep(rng.uniform(0.1, 2 * mean_seconds - 0.1))
        (victim,) = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))
        rest = rng.uniform(0, LONGEST_REST_SECONDS)
        if time.monotonic() < back_at.get("worker" if victim == CHILD else victim, 0):
            continue
        if victim in PARTS:
            world.service.kill(victim, rest_seconds=rest)
            back_at[victim] = time.monotonic() + rest + 0.5
        elif victim == CHILD:
            children = psutil.Process(world.service.pids["worker"]).children()
            if not children:  # it has only just started
                continue
            rng.choice(children).kill()
        elif victim == EMPTIED:
            world.empty_redis()
        else:
            world.services.kill_redis()
            time.sleep(rest)
            world.services.restart_redis()
        done[victim] += 1
    time.sleep(max(0.0, max(back_at.values(), default=0.0) - time.monotonic()))
    return done


def is_whole(world: World) -> bool:
    """Say whether every part is up: the web server answers, both pools have their processes."""
    pools = (psutil.Process(world.service.pids[part]) for part in ("worker", "sweeper"))
    return world.is_up() and all(pool.children() for pool in pools)
