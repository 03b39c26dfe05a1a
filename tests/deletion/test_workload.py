"""What the scheduler is told."""

from collections import Counter
from datetime import timedelta
from random import Random
from uuid import uuid4

import pytest

from deletion import tasks
from deletion.estimates import history_of
from deletion.models import Batch, DeletionRequest, Obligation, Run, Share
from deletion.queries.targets import target_of
from deletion.queries.workload import histories, ready_obligations, workload
from lineage.models import Store
from tests.cast import MONDAY, OFFICER
from tests.deletion.backlog import Owed, summed_up
from tests.deletion.builders import DORA, make_request, right_now, work_off
from tests.lineage.builders import make_dataset
from training import actions as training
from training.models import Model

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def test_no_more_runs_of_a_pool_are_at_work_than_it_has_slots(tmp_path, settings):
    settings.COALESCE = settings.COALESCE * 0
    settings.POOL_SLOTS = 1
    make_dataset(tmp_path / "one", name="one")
    make_dataset(tmp_path / "two", name="two")
    make_request(now=right_now())

    tasks.sweep()
    assert (Obligation.objects.count(), Run.objects.count()) == (2, 1)

    work_off()
    tasks.sweep()
    assert Run.objects.count() == 2


def write_backlog(rng) -> dict[int, Owed]:
    """Write obligations in every standing; return those that are open for somebody."""
    stores = [
        Store.objects.create(name=f"s{n}", kind="parquet", uri=f"s{n}", registered_at=MONDAY)
        for n in range(3)
    ]
    models = [
        Model.objects.create(name=f"m{n}", purpose="", trainer="", registered_at=MONDAY)
        for n in range(3)
    ]
    busy = Run.objects.create(kind="erase", store=stores[0], state="running", started_at=MONDAY)
    expected: dict[int, Owed] = {}
    searches: list[Obligation] = []
    for number in range(60):
        batch = Batch.objects.create(plan={}, digest="", planned_at=MONDAY)
        created = MONDAY + rng.randrange(200) * HOUR
        is_search = number < 30
        row = Obligation.objects.create(
            batch=batch,
            kind="erase" if is_search else "retrain",
            store=rng.choice(stores) if is_search else None,
            model=None if is_search else rng.choice(models),
            because="",
            created_at=created,
            due_at=created + rng.choice([-1, 0.5, 1.7, 30, 49, 700]) * HOUR,
            discharged_at=rng.choice([None, None, MONDAY]),
        )
        if is_search:
            row.run = busy if row.store == stores[0] and rng.random() < 0.5 else None
            row.save()
            searches.append(row)
        else:
            row.after.set(rng.sample(searches, 2))
        open_people = 0
        for _ in range(rng.randrange(4)):
            outcome = rng.choice(["", "unreachable", "held", "erased"])
            state = rng.choice(["in progress", "in progress", "held"])
            request = DeletionRequest.objects.create(
                regime="gdpr",
                state=state,
                received_at=MONDAY,
                erase_by=MONDAY,
                models_by=MONDAY,
                caller="user:7",
                idempotency_tag=str(uuid4()),
                verification="",
            )
            Share.objects.create(obligation=row, request=request, outcome=outcome)
            open_people += outcome in {"", "unreachable"} and state == "in progress"
        if open_people and row.discharged_at is None:
            expected[row.pk] = Owed(
                id=row.pk,
                target=target_of(row),
                created_at=row.created_at,
                due_at=row.due_at,
                people=open_people,
                after=frozenset(row.after.values_list("pk", flat=True)),
                at_work=row.run is not None,
            )
    return expected


@pytest.mark.parametrize("seed", range(5))
def test_the_database_sums_up_what_is_open_as_the_scheduler_understands_it(seed):
    expected = write_backlog(Random(seed))  # noqa: S311  # no secret

    seen = workload()

    pending, feeds = summed_up(list(expected.values()))
    assert len(pending) > 4
    assert Counter(seen.pending) == Counter(pending)
    assert Counter(seen.feeds) == Counter(feeds)


@pytest.mark.parametrize("seed", range(3))
def test_a_run_takes_exactly_what_is_ready(seed):
    expected = write_backlog(Random(seed))  # noqa: S311  # no secret

    for name in ["store/s0", "store/s1", "model/m0", "model/m1", "store/nowhere"]:
        assert ready_obligations(name) == sorted(
            o.id
            for o in expected.values()
            if o.target == name and not o.at_work and o.after.isdisjoint(expected)
        )


def test_the_database_sums_up_what_past_runs_took_as_the_core_would():
    store = Store.objects.create(name="s", kind="parquet", uri="s", registered_at=MONDAY)
    took = [timedelta(seconds=n * n) for n in range(60)]
    for number, length in enumerate(took):
        Run.objects.create(
            kind="erase",
            store=store,
            state="succeeded",
            started_at=MONDAY + number * HOUR,
            finished_at=MONDAY + number * HOUR + length,
        )

    (found,) = histories().values()

    latest = history_of(took[-50:])
    assert found.runs == latest.runs == 50
    assert found.mean_log == pytest.approx(latest.mean_log)
    assert found.variance_log == pytest.approx(latest.variance_log)
    assert found.median_log == pytest.approx(latest.median_log)
    assert found.longest_log == pytest.approx(latest.longest_log)
    assert found.smear == pytest.approx(latest.smear)


def test_a_stop_of_the_erasing_pool_lets_nothing_begin_and_says_why(tmp_path, settings):
    settings.COALESCE = settings.COALESCE * 0
    make_dataset(tmp_path)
    make_request(now=right_now())
    training.stop(scope="pool/erasure", reason="moving", actor=OFFICER, now=right_now())

    tasks.sweep()

    assert (Obligation.objects.count(), Run.objects.count()) == (1, 0)
    (forecast,) = workload().decide(now=right_now()).forecasts.values()
    assert forecast.starts_at is None
    assert "a stop is down" in forecast.in_words

    training.propose_lift(scope="pool/erasure", actor=OFFICER, now=right_now())
    training.lift(scope="pool/erasure", actor=DORA, now=right_now())
    tasks.sweep()
    assert Run.objects.count() == 1


def test_a_stop_of_one_pool_holds_no_other():
    write_backlog(Random(1))  # noqa: S311  # no secret
    Model.objects.filter(name="m1").update(pool="gpu")

    training.stop(scope="pool/training/gpu", reason="hot", actor=OFFICER, now=MONDAY)

    stopped = {target.name: target.stopped for target in workload().targets.values()}
    assert stopped.pop("model/m1")
    assert len(stopped) > 3
    assert not any(stopped.values())


def test_a_pool_has_the_slots_that_its_name_is_given(settings):
    write_backlog(Random(1))  # noqa: S311  # no secret
    settings.POOL_SLOTS_OF = {"training/default": 3}

    slots = {name: pool.slots for name, pool in workload().pools.items()}

    assert slots == {"erasure": settings.POOL_SLOTS, "training/default": 3}
