"""The scheduler's promises, as properties over any state, and what coalescing saves."""

from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from deletion.outlook import Danger
from deletion.scheduling import Decision, Reason, decide, latest_safe_start
from deletion.workload import (
    Estimate,
    Pool,
    Rules,
    Running,
    Target,
)
from tests.cast import MONDAY
from tests.deletion.backlog import Owed, one_by_one, owed, summed_up

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RULES = Rules(tick=timedelta(minutes=10), coalesce=DAY)
AMPLE = 100
NAMES = ["store/a", "store/b", "model/c", "model/d"]


def target(name="store/a", *, mean=HOUR, safe=4 * HOUR, pool="p", stopped=False):
    return Target(name=name, pool=pool, estimate=Estimate(mean=mean, safe=safe), stopped=stopped)


def ask(  # noqa: PLR0913  # each has a default
    *obligations,
    now=MONDAY,
    targets=None,
    slots=AMPLE,
    running=(),
    rules=RULES,
    rows=summed_up,
) -> Decision:
    known = targets or [target(name) for name in NAMES]
    pending, feeds = rows(obligations)
    return decide(
        now=now,
        pending=pending,
        feeds=feeds,
        targets={one.name: one for one in known},
        pools={"p": Pool(name="p", slots=slots)},
        running=running,
        rules=rules,
    )


def started(decision: Decision) -> list[str]:
    return [start.target for start in decision.starts]


def test_who_has_time_waits_for_company():
    decision = ask(owed())

    assert started(decision) == []
    assert decision.forecasts["store/a"].starts_at == MONDAY + DAY
    assert "until then one run can serve more" in decision.forecasts["store/a"].because


def test_nobody_waits_longer_than_the_coalescing_window():
    (start,) = ask(owed(), now=MONDAY + DAY).starts

    assert start.reason is Reason.WAITED_LONG_ENOUGH


def test_one_run_serves_everybody_who_is_there():
    decision = ask(owed(1), owed(2, created=MONDAY + HOUR), now=MONDAY + DAY)

    (start,) = decision.starts
    assert start.people == 2
    assert start.because.startswith("2 people wait, the earliest due Thursday 2026-01-15 00:00: ")


def test_a_run_starts_when_its_latest_safe_moment_has_come():
    patient = Rules(tick=RULES.tick, coalesce=365 * DAY)
    due = MONDAY + 10 * DAY
    latest = latest_safe_start(
        window=due - MONDAY, due_at=due, estimate=target().estimate, rules=patient
    )

    assert latest == due - DAY  # a tenth of the window, which is more than the estimate
    assert started(ask(owed(due=due), now=latest - HOUR, rules=patient)) == []
    (start,) = ask(owed(due=due), now=latest, rules=patient).starts
    assert start.reason is Reason.LATEST_SAFE_START


def test_a_lead_is_never_more_than_six_tenths_of_the_window():
    slow = Estimate(mean=DAY, safe=30 * DAY)

    latest = latest_safe_start(
        window=10 * DAY, due_at=MONDAY + 10 * DAY, estimate=slow, rules=RULES
    )

    assert latest == MONDAY + 4 * DAY


def test_a_model_waits_until_the_stores_that_feed_it_are_clean():
    erase, retrain = owed(1), owed(2, "model/c", after=[1])

    decision = ask(erase, retrain, now=MONDAY + 9 * DAY)

    assert started(decision) == ["store/a"]
    assert decision.forecasts["model/c"].because.endswith(": waits for store/a")
    assert started(ask(retrain, now=MONDAY + 9 * DAY)) == ["model/c"]


def test_what_feeds_a_model_goes_early_enough_for_the_model():
    patient = Rules(tick=RULES.tick, coalesce=365 * DAY)
    slow = [target(), target("model/c", mean=DAY, safe=6 * DAY)]
    erase = owed(1, due=MONDAY + 10 * DAY)
    retrain = owed(2, "model/c", due=MONDAY + 11 * DAY, after=[1])

    alone = ask(erase, now=MONDAY + 5 * DAY, targets=slow, rules=patient)
    both = ask(erase, retrain, now=MONDAY + 5 * DAY, targets=slow, rules=patient)

    assert started(alone) == []
    assert started(both) == ["store/a"]


def test_a_stop_keeps_everything_of_its_target_from_starting_and_raises_an_alarm_in_time():
    stopped = [target(stopped=True)]

    decision = ask(owed(), now=MONDAY + 10 * DAY - timedelta(minutes=30), targets=stopped)

    assert started(decision) == []
    assert decision.forecasts["store/a"].because == "a stop is down"
    (alarm,) = decision.alarms
    assert (alarm.danger, alarm.expected_at) == (Danger.WILL_BE_LATE, None)


def test_a_target_at_work_gets_no_second_run():
    running = [Running(target="store/a", started_at=MONDAY, due_at=MONDAY + DAY)]

    decision = ask(owed(2), now=MONDAY + 2 * DAY, running=running)

    assert started(decision) == []
    assert [alarm.danger for alarm in decision.alarms] == [Danger.RUNNING_LATE]


def test_a_stuck_run_holds_its_target_but_no_slot():
    running = [Running(target="store/a", started_at=MONDAY, due_at=MONDAY + 9 * DAY, stuck=True)]

    decision = ask(owed(1), owed(2, "store/b"), now=MONDAY + 2 * DAY, running=running, slots=1)

    assert started(decision) == ["store/b"]
    assert decision.forecasts["store/a"].because == "stuck: a person must look"


def test_what_nobody_can_start_is_said_when_its_latest_safe_start_goes_by():
    stopped, stuck = [target(stopped=True)], [target()]
    running = [Running(target="store/a", started_at=MONDAY, due_at=MONDAY + 10 * DAY, stuck=True)]
    soon, later = MONDAY + 8 * DAY, MONDAY + 9 * DAY + HOUR

    assert ask(owed(), now=soon, targets=stopped).alarms == ()
    assert ask(owed(), now=soon, targets=stuck, running=running).alarms == ()
    assert [alarm.target for alarm in ask(owed(), now=later, targets=stopped).alarms] == ["store/a"]
    assert [
        (alarm.target, alarm.expected_at)
        for alarm in ask(owed(), now=later, targets=stuck, running=running).alarms
    ] == [("store/a", None)]


def test_what_waits_behind_a_stop_or_a_stuck_run_raises_an_alarm_of_its_own():
    erase, other = owed(1, due=MONDAY + 90 * DAY), owed(2, "store/b", due=MONDAY + 90 * DAY)
    first = owed(3, "model/c", after=[1, 2])
    second = owed(4, "model/d", after=[3], due=MONDAY + 12 * DAY)
    known = [target(), target("store/b"), target("model/c"), target("model/d")]
    stopped = [target(stopped=True), *known[1:]]
    stuck = [Running(target="store/a", started_at=MONDAY, due_at=MONDAY + 90 * DAY, stuck=True)]
    state = {"now": MONDAY + 11 * DAY + 12 * HOUR}

    def alarmed(*obligations, **changes) -> set[str]:
        return {
            alarm.target
            for alarm in ask(*obligations, **{"targets": known, **state, **changes}).alarms
            if alarm.target.startswith("model/") and alarm.expected_at is None
        }

    assert alarmed(erase, other, first, second) == set()  # somebody can say when those end
    assert alarmed(erase, other, first, second, targets=stopped) == {"model/c", "model/d"}
    assert alarmed(erase, other, first, second, running=stuck) == {"model/c", "model/d"}


def test_a_stuck_run_is_measured_by_everybody_who_waits_for_its_target():
    running = [Running(target="store/a", started_at=MONDAY, due_at=MONDAY + 90 * DAY, stuck=True)]

    decision = ask(owed(1, due=MONDAY + 90 * DAY), owed(2), now=MONDAY + 10 * DAY, running=running)

    assert [alarm.due_at for alarm in decision.alarms] == [MONDAY + 10 * DAY]


def test_when_slots_are_scarce_the_earliest_due_date_goes_first_however_uncertain():
    unsure = target("store/b", mean=HOUR, safe=5 * DAY)
    decision = ask(
        owed(1, due=MONDAY + 3 * DAY),
        owed(2, "store/b", due=MONDAY + 4 * DAY),
        now=MONDAY + 2 * DAY,
        targets=[target(), unsure],
        slots=1,
    )

    assert started(decision) == ["store/a"]
    assert decision.forecasts["store/b"].because.endswith("for a free slot")


def test_a_crowded_pool_starts_early():
    patient = Rules(tick=RULES.tick, coalesce=365 * DAY)
    many = [target(f"store/{n}", mean=DAY, safe=DAY) for n in range(8)]
    obligations = [owed(n, f"store/{n}", due=MONDAY + 8 * DAY) for n in range(8)]

    decision = ask(*obligations, targets=many, slots=1, rules=patient)

    assert [start.reason for start in decision.starts] == [Reason.POOL_CROWDED]


def test_what_will_be_late_is_said_at_once_with_the_slots_that_save_it():
    many = [target(f"store/{n}", mean=3 * DAY, safe=4 * DAY) for n in range(4)]
    obligations = [owed(n, f"store/{n}", due=MONDAY + 6 * DAY) for n in range(4)]

    alarms = ask(*obligations, targets=many, slots=1).alarms

    assert [alarm.danger for alarm in alarms] == [Danger.WILL_BE_LATE] * 2
    assert [alarm.extra_slots for alarm in alarms] == [1, 1]


def test_what_no_slot_can_save_is_said_to_be_hopeless():
    (alarm,) = ask(owed(due=MONDAY + HOUR / 2)).alarms

    assert (alarm.danger, alarm.extra_slots) == (Danger.CANNOT_BE_MET, None)


def test_a_pool_without_slots_says_so():
    decision = ask(owed(), now=MONDAY + 2 * DAY, slots=0)

    assert started(decision) == []
    assert decision.forecasts["store/a"].because.endswith(": the pool has no slot")
    assert decision.alarms


# Any state -------------------------------------------------------------------------------------

hours = st.integers(-400, 400).map(lambda h: MONDAY + h * HOUR)
spans = st.integers(1, 300).map(lambda h: h * HOUR)


@st.composite
def states(draw, *, slots=None, rules=RULES):
    targets = [
        target(
            name,
            mean=(mean := draw(spans)),
            safe=mean * draw(st.integers(1, 5)),
            stopped=draw(st.booleans()) and draw(st.booleans()),
        )
        for name in NAMES
    ]
    obligations = [
        owed(
            number,
            draw(st.sampled_from(NAMES)),
            created=(created := draw(hours)),
            due=created + draw(spans),
            people=draw(st.integers(1, 9)),
            after=draw(st.sets(st.integers(0, max(number - 1, 0)), max_size=2)) if number else (),
        )
        for number in range(draw(st.integers(0, 8)))
    ]
    busy = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3))
    return {
        "obligations": tuple(obligations),
        "targets": targets,
        "slots": draw(st.integers(0, 5)) if slots is None else slots,
        "running": tuple(
            Running(
                target=name,
                started_at=draw(hours),
                due_at=draw(hours),
                stuck=draw(st.booleans()),
            )
            for name in busy
        ),
        "now": draw(hours),
        "rules": rules,
    }


def answer(state) -> Decision:
    said = dict(state)
    return ask(*said.pop("obligations"), **said)


@given(states())
def test_no_target_ever_gets_two_runs(state):
    names = [run.target for run in state["running"]] + started(answer(state))

    assert len(names) == len(set(names))


@given(states())
def test_no_pool_ever_gets_more_runs_than_slots(state):
    at_work = sum(not run.stuck for run in state["running"])

    assert len(answer(state).starts) <= max(state["slots"] - at_work, 0)


@given(states())
def test_a_run_serves_exactly_the_ready_obligations_of_its_target(state):
    open_ids = {o.id for o in state["obligations"]}
    ready: defaultdict[str, int] = defaultdict(int)
    for o in state["obligations"]:
        if o.after.isdisjoint(open_ids):
            ready[o.target] += o.people

    for start in answer(state).starts:
        assert start.people == ready[start.target] > 0


@given(states())
def test_what_the_database_sums_up_is_decided_as_if_each_were_looked_at(state):
    assert answer(state) == answer({**state, "rows": one_by_one})


@given(states())
def test_what_feeds_a_target_is_started_before_it(state):
    open_ids = {o.id: o for o in state["obligations"]}
    begun = set(started(answer(state)))

    for o in state["obligations"]:
        if o.target in begun and not o.after.isdisjoint(open_ids):
            # It goes for the others of its target, of which nothing is blocked.
            assert any(
                other.after.isdisjoint(open_ids)
                for other in state["obligations"]
                if other.target == o.target
            )


@given(states())
def test_nothing_stopped_starts(state):
    stopped = {one.name for one in state["targets"] if one.stopped}

    assert stopped.isdisjoint(started(answer(state)))


@given(states(slots=AMPLE))
def test_with_ample_slots_everybody_is_started_by_their_latest_moment(state):
    decision = answer(state)
    names = {one.name: one for one in state["targets"]}
    open_ids = {o.id for o in state["obligations"]}
    held = {run.target for run in state["running"]}

    for o in state["obligations"]:
        safe = latest_safe_start(
            window=o.window,
            due_at=o.due_at,
            estimate=names[o.target].estimate,
            rules=RULES,
        )
        must = min(safe, o.created_at + RULES.coalesce) <= state["now"]
        can = o.target not in held and not names[o.target].stopped and o.after.isdisjoint(open_ids)
        if must and can:
            assert o.target in started(decision)


@given(states())
def test_the_same_state_gives_the_same_decision_in_any_order(state):
    shuffled = {**state, "obligations": state["obligations"][::-1]}

    assert answer(state) == answer(state) == answer(shuffled)


@given(states())
def test_every_target_with_open_work_has_a_forecast(state):
    assert {o.target for o in state["obligations"]} <= set(answer(state).forecasts)


@given(states())
def test_what_must_start_is_only_kept_waiting_by_what_is_due_earlier(state):
    state["obligations"] = tuple(replace(o, after=frozenset()) for o in state["obligations"])
    due = {
        name: min(o.due_at for o in state["obligations"] if o.target == name)
        for name in {o.target for o in state["obligations"]}
    }
    now, if_ample = started(answer(state)), started(answer({**state, "slots": AMPLE}))

    for kept_waiting in set(if_ample) - set(now):
        assert all(due[name] <= due[kept_waiting] for name in now)


# A month, simulated ----------------------------------------------------------------------------


def simulate(rules: Rules, *, days=30, every=HOUR) -> tuple[int, int]:
    """Return the runs of a month of requests, and how many obligations ended late."""
    targets = [target(name, mean=2 * HOUR, safe=6 * HOUR) for name in NAMES]
    open_ones: dict[int, Owed] = {}
    running: dict[str, tuple[datetime, tuple[int, ...]]] = {}
    runs = late = count = 0
    now = MONDAY
    while now < MONDAY + (days + 12) * DAY:
        for name, (ends_at, ids) in list(running.items()):
            if ends_at <= now:
                late += sum(open_ones.pop(id_).due_at < ends_at for id_ in ids)
                del running[name]
        if now < MONDAY + days * DAY:
            for name in NAMES:
                count += 1
                open_ones[count] = owed(count, name, created=now, due=now + 10 * DAY)
        served = {id_ for _, ids in running.values() for id_ in ids}
        decision = ask(
            *(one for id_, one in open_ones.items() if id_ not in served),
            now=now,
            targets=targets,
            slots=2,
            running=[
                Running(
                    target=name,
                    started_at=ends_at - 2 * HOUR,
                    due_at=min(open_ones[id_].due_at for id_ in ids),
                )
                for name, (ends_at, ids) in running.items()
            ],
            rules=rules,
        )
        for start in decision.starts:
            mine = tuple(id_ for id_, one in open_ones.items() if one.target == start.target)
            running[start.target] = (now + 2 * HOUR, mine)
            runs += 1
        now += every
    assert not open_ones
    return runs, late


def test_coalescing_saves_runs_and_makes_nobody_late():
    at_once, _ = simulate(Rules(tick=HOUR, coalesce=timedelta(0)))
    daily, late_daily = simulate(Rules(tick=HOUR, coalesce=DAY))
    lazy, late_lazy = simulate(Rules(tick=HOUR, coalesce=365 * DAY))

    assert late_daily == late_lazy == 0
    assert at_once > 5 * daily > 5 * lazy
