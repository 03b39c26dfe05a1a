"""How much of a pool the known work takes."""

from datetime import timedelta

import pytest

from audits.models import Alert
from deletion import actions
from deletion.capacity import WINDOWS, Demand, demands
from deletion.models import Run
from deletion.tasks.steps import start
from deletion.workload import Estimate, Pending, Pool, Running, Target
from lineage.models import Store
from tests.cast import MONDAY, OFFICER
from tests.deletion.builders import make_request, plan_and_approve, right_now
from tests.lineage.builders import make_dataset

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def target(name, mean):
    return Target(name=name, pool="erasure", estimate=Estimate(mean=mean, safe=3 * mean))


def pending(name, due, *, is_blocked=False):
    return Pending(
        target=name,
        window=30 * DAY,
        created_at=MONDAY,
        due_at=MONDAY + due,
        people=9,
        is_blocked=is_blocked,
    )


def ratios(*waits, means, running=(), slots=1):
    found = demands(
        pending=waits,
        running=running,
        targets={name: target(name, mean) for name, mean in means.items()},
        pools={"erasure": Pool(name="erasure", slots=slots)},
        now=MONDAY,
    )
    assert [one.window for one in found] == list(WINDOWS)
    return [round(one.ratio, 6) for one in found]


def test_what_is_due_within_a_window_is_held_against_the_slots_until_then():
    waits = [pending("a", 3 * DAY), pending("b", 6 * DAY), pending("c", 20 * DAY)]
    means = {"a": 36 * HOUR, "b": 72 * HOUR, "c": HOUR}

    assert ratios(*waits, means=means) == [0.5, 0.75, 0.75]
    assert ratios(*waits, means=means, slots=3) == [round(0.5 / 3, 6), 0.25, 0.25]


def test_a_burst_late_in_a_long_window_is_seen_in_that_window_only():
    waits = [pending("a", 10 * DAY), pending("b", 29 * DAY)]

    assert ratios(*waits, means={"a": 15 * DAY, "b": HOUR}) == [0, 0, 1.5]


def test_one_run_of_a_target_serves_everybody_who_is_ready():
    one, two = pending("a", 2 * DAY), pending("a", 3 * DAY)

    assert ratios(one, two, means={"a": 36 * HOUR})[0] == 0.5
    behind = pending("a", 3 * DAY, is_blocked=True)
    assert ratios(one, behind, means={"a": 36 * HOUR})[0] == 1


def test_what_is_overdue_counts_at_once():
    assert ratios(pending("a", -DAY), means={"a": 36 * HOUR}) == [0.5] * 3


@pytest.mark.parametrize(("is_stuck", "expected"), [(False, 0.25), (True, 0)])
def test_of_a_run_at_work_the_rest_counts(is_stuck, expected):
    run = Running(target="a", started_at=MONDAY - 18 * HOUR, due_at=MONDAY + DAY, stuck=is_stuck)

    assert ratios(means={"a": 36 * HOUR}, running=[run])[0] == expected


def demand(ratio, *, window="7d", pool="erasure"):
    return Demand(pool=pool, slots=8, window=window, ratio=ratio)


def follow(*found):
    actions.follow_pools(demands=found, actor=OFFICER, now=MONDAY)


@pytest.mark.django_db
def test_a_pool_that_is_overloaded_is_alerted_once_and_closed_by_itself():
    other = demand(0.9, pool="training/default")
    follow(demand(1, window="72h"), other)
    assert not Alert.objects.exists()

    for _ in range(2):
        follow(demand(1.1, window="72h"), demand(1.26), other)

    alert = Alert.objects.get()
    assert (alert.kind, alert.about) == ("pool-overloaded", "pool/erasure")
    assert alert.detail == {
        "window": "7d",
        "demand_percent": 126,
        "slots": 8,
        "slots_that_would_do": 11,
    }

    follow(other)
    assert Alert.objects.get().resolved_at == MONDAY


@pytest.mark.django_db
def test_a_sweep_alerts_people_of_a_pool_that_cannot_do_what_is_due(tmp_path, settings):
    settings.POOL_SLOTS = 1
    for name in ("one", "two"):
        make_dataset(tmp_path / name, name=name)
        store = Store.objects.get(name=name)
        long_ago = right_now() - 90 * DAY
        Run.objects.bulk_create(
            Run(
                kind="erase",
                store=store,
                state="succeeded",
                started_at=long_ago,
                finished_at=long_ago + 8 * DAY,
            )
            for _ in range(20)
        )
    plan_and_approve(make_request(now=right_now()), now=right_now())

    start()

    alert = Alert.objects.get(kind="pool-overloaded")
    assert alert.about == "pool/erasure"
    assert alert.detail["slots_that_would_do"] > 1
