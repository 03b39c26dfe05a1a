"""A backlog is drained by deadline, some people at a time, and poison holds up nobody."""

import pytest

from audits.models import Alert
from deletion import actions, tasks
from deletion.models import Certificate, DeletionRequest, Obligation, Run, RunPart, Share
from deletion.queries import plans, work
from tests.cast import ALICE, BOB, OFFICER
from tests.deletion.builders import (
    events,
    make_due,
    make_request,
    outcomes,
    raw,
    right_now,
    state,
    walk,
    work_off,
)
from tests.lineage.builders import PEOPLE, make_dataset, make_namespace, make_store, write_people

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


@pytest.fixture
def two_at_a_time(monkeypatch):
    monkeypatch.setattr("deletion.slices.FEWEST", 2)


def ask_all(people=PEOPLE):
    return [make_request(raw(one), key=f"k-{one}", now=right_now()) for one in people]


def test_the_most_urgent_is_certified_before_the_others_are_erased(tmp_path, two_at_a_time):
    make_dataset(tmp_path)
    opened = ask_all(PEOPLE[:4])
    urgent = make_request(raw(PEOPLE[4]), key="urgent", regime="korea", now=right_now())

    tasks.sweep()
    work_off()
    tasks.sweep()

    assert state(urgent) == "complete"
    assert sorted(state(one) for one in opened) == ["complete"] + ["in progress"] * 3
    walk()
    assert {state(one) for one in opened} == {"complete"}
    assert Run.objects.count() == 3
    assert Obligation.objects.get().discharged_at is not None


def test_who_is_left_by_a_pass_is_searched_for_by_the_next_one(tmp_path, two_at_a_time):
    make_dataset(tmp_path)
    ask_all(PEOPLE[:3])
    tasks.sweep()

    run = Run.objects.get(store__isnull=False)

    assert run.store_id is not None
    assert Share.objects.filter(run=run).count() == 2
    (wanted,) = work.wanted_in(run.pk, run.store_id).values()
    assert len(wanted.marks) == 2
    work_off()
    assert Share.objects.filter(outcome="erased").count() == 2
    assert Obligation.objects.get().run is None


def test_a_store_that_always_fails_holds_up_nobody_who_is_not_in_it(tmp_path, settings):
    settings.ATTEMPTS = 1
    make_namespace("badge")
    make_dataset(tmp_path / "good")
    write_people(tmp_path / "bad" / "x.parquet", (ALICE,))
    make_store(tmp_path / "bad", name="bad", columns={"patient_id": "badge"})
    (tmp_path / "bad" / "x.parquet").write_bytes(b"PAR1 no Parquet file PAR1")
    both = make_request(raw(ALICE), raw(ALICE, "badge"), key="k1", regime="korea", now=right_now())
    other = make_request(raw(BOB), key="k2", now=right_now())

    for _ in range(5):
        tasks.sweep()
        work_off()
        make_due()

    assert (state(both), state(other)) == ("in progress", "complete")
    assert outcomes(both) == {"patients": "erased", "bad": "unreachable"}
    later = make_request(raw(PEOPLE[2]), key="k3", now=right_now())
    walk()
    assert state(later) == "complete"


def test_who_can_never_be_completed_comes_after_who_can(tmp_path, monkeypatch):
    make_dataset(tmp_path)
    alice, bob = ask_all((ALICE, BOB))
    tasks.sweep()
    work_off()
    DeletionRequest.objects.filter(pk=alice.request.pk).update(
        wrapped_key=b"damaged", models_by=right_now()
    )
    monkeypatch.setattr("deletion.tasks.steps._SETTLED", 1)
    assert work.ready_to_complete(limit=1) == [alice.request.pk]

    with pytest.raises(ExceptionGroup):
        tasks.sweep()

    assert work.ready_to_complete(limit=2) == [bob.request.pk, alice.request.pk]
    tasks.sweep()
    assert (state(alice), state(bob)) == ("in progress", "complete")


def test_who_has_nowhere_to_be_looked_for_keeps_nobody_from_being_planned(tmp_path, settings):
    settings.PLAN_UP_TO = 1
    make_dataset(tmp_path)
    make_namespace("shoe_size")
    lost = make_request(raw("44", "shoe_size"), key="k1", regime="korea", now=right_now())
    alice = make_request(raw(ALICE), key="k2", now=right_now())

    assert plans.awaiting_plan(limit=9, now=right_now()) == [alice.request.pk]
    assert plans.nowhere_to_look(limit=9) == [lost.request.pk]
    walk()

    assert (state(lost), state(alice)) == ("received", "complete")
    assert Alert.objects.get(kind="nowhere-to-look").about == f"request/{lost.request.pk}"
    assert plans.nowhere_to_look(limit=9) == []


def test_a_sweep_plans_a_bounded_number_of_people_the_most_urgent_first(tmp_path, settings):
    settings.PLAN_UP_TO = 1
    make_dataset(tmp_path)
    opened = ask_all(PEOPLE[:3])
    urgent = make_request(raw(PEOPLE[3]), key="urgent", regime="korea", now=right_now())

    tasks.steps.plan()

    assert state(urgent) == "planned"
    assert sorted(state(one) for one in opened) == ["planned", "received", "received"]
    assert tasks.steps.plan() is True
    assert tasks.steps.plan() is False
    assert {state(one) for one in opened} == {"planned"}


def test_a_share_that_vanished_does_not_make_a_request_complete(tmp_path):
    make_dataset(tmp_path / "one")
    make_store(write_people(tmp_path / "two" / "x.parquet"), name="two")
    opened = make_request(raw(ALICE), now=right_now())
    tasks.sweep()
    assert Share.objects.count() == 2
    Share.objects.filter(obligation__store__name="two").delete()

    walk()

    assert state(opened) == "in progress"
    assert not Certificate.objects.exists()
    alert = Alert.objects.get(kind="planned-work-missing")
    assert alert.about == f"request/{opened.request.pk}"
    assert alert.detail["targets"] == ["store/two"]


def test_a_part_that_vanished_does_not_let_its_run_finish(tmp_path, settings):
    settings.ATTEMPTS = 1
    make_dataset(tmp_path)
    write_people(tmp_path / "gone.parquet", (ALICE, BOB))
    opened = make_request(raw(ALICE), now=right_now())
    tasks.sweep()
    (run,) = work.waiting_runs(now=right_now(), limit=9)
    tasks.close_run(str(run))
    for part in work.waiting_parts(now=right_now(), limit=9):
        tasks.erase_part(part)
    assert RunPart.objects.count() == 2
    (tmp_path / "gone.parquet").unlink()
    RunPart.objects.filter(name="gone.parquet").delete()

    walk()

    assert state(opened) == "in progress"
    assert Run.objects.get().state == "stuck"
    assert "WorkMissing" in Run.objects.get().last_error
    assert outcomes(opened) == {"patients": "unreachable"}
    actions.retry_run(run_id=run, actor=OFFICER, now=right_now())
    walk()
    assert state(opened) == "complete"


def test_many_requests_are_certified_in_one_transaction_each_with_its_own_facts(tmp_path):
    make_dataset(tmp_path)
    opened = ask_all(PEOPLE[:3])
    tasks.sweep()
    work_off()

    settled = actions.complete_requests(
        request_ids=[one.request.pk for one in opened], actor=OFFICER, now=right_now()
    )

    assert settled.certified.keys() == {one.request.pk for one in opened}
    assert events().count("RequestCompleted") == 3
    assert events().count("SubjectsForgotten") == 1
    assert len({one.digest for one in Certificate.objects.all()}) == 3
