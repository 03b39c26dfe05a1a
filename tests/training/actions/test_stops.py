import threading

import pytest
from django.db import connection

from audits.trail import Actor
from tests.cast import MONDAY, OFFICER
from tests.lineage.builders import recorded
from tests.training.builders import (
    make_model,
    make_patients,
    make_trained_model,
    right_now,
    start,
)
from training import actions, queries, tasks
from training.errors import ModelUnknown, Stopped, StopUnknown, TwoPeopleNeeded
from training.models import Model, Stop
from training.states import RunState

pytestmark = pytest.mark.django_db
ADMINISTRATOR = Actor("user:dora")


def stop(scope="everything", actor=OFFICER):
    return actions.stop(scope=scope, reason="a wrong dose was given", actor=actor, now=MONDAY)


def test_a_stop_is_recorded_without_its_reason():
    stop()

    assert queries.stopped("everything")
    (entry,) = recorded("StopRaised")
    assert entry["about"] == "stop/everything"
    assert "dose" not in str(entry)


def test_a_second_stop_of_the_same_scope_is_the_first():
    assert stop(actor=ADMINISTRATOR) == stop()
    assert len(recorded("StopRaised")) == 1


def test_a_stop_of_one_model_leaves_others_alone(tmp_path):
    family = make_patients(tmp_path).family
    triage, beds = make_model(family), make_model(family, name="beds")

    stop("model/triage")

    assert queries.is_stopped("triage")
    assert not queries.is_stopped("beds")
    with pytest.raises(Stopped):
        start(triage)
    assert queries.run_summary(start(beds)).model == "beds"


def test_a_stop_of_a_pool_of_models_leaves_other_pools_alone(tmp_path):
    family = make_patients(tmp_path).family
    triage, beds = make_model(family), make_model(family, name="beds")
    Model.objects.filter(name="triage").update(pool="gpu")

    stop("pool/training/gpu")

    assert queries.is_stopped("triage")
    assert not queries.is_stopped("beds")
    with pytest.raises(Stopped):
        start(triage)
    assert queries.run_summary(start(beds)).model == "beds"


def test_a_training_that_is_open_waits_while_its_pool_is_stopped(tmp_path):
    family = make_patients(tmp_path).family
    run_id, other = start(make_model(family)), start(make_model(family, name="beds"))
    Model.objects.filter(name="beds").update(pool="gpu")

    stop("pool/training/default")

    assert queries.steps_due(most_attempts=5, now=MONDAY, run_ids=[run_id]) == []
    assert queries.steps_due(most_attempts=5, now=MONDAY, run_ids=[other]) != []
    assert tasks.drive(run_id) is RunState.WAITING


def test_what_is_released_answers_under_a_stop_of_its_pool(tmp_path):
    model = make_trained_model(tmp_path)
    before = queries.serving(model.name, now=right_now())

    stop("pool/training/default")
    assert queries.serving(model.name, now=right_now()) == before

    stop(f"model/{model.name}")
    assert queries.serving(model.name, now=right_now()) != before


@pytest.mark.parametrize("scope", ["pool/erasure", "pool/training/default"])
def test_two_people_lift_a_stop_of_a_pool(scope):
    stop(scope)

    actions.propose_lift(scope=scope, actor=OFFICER, now=MONDAY)
    with pytest.raises(TwoPeopleNeeded):
        actions.lift(scope=scope, actor=OFFICER, now=MONDAY)
    assert queries.stopped(scope)
    actions.lift(scope=scope, actor=ADMINISTRATOR, now=MONDAY)

    assert not queries.stopped(scope)


@pytest.mark.parametrize("scope", ["pool/gpu", "pool/", "pool/training/gpu", "pool/training"])
def test_a_stop_of_an_unknown_pool_is_refused_with_those_that_are_known(scope):
    with pytest.raises(StopUnknown, match="pool/erasure or pool/training/default"):
        stop(scope)

    assert not Stop.objects.exists()


@pytest.mark.parametrize("scope", ["model/none", "model/a\x00", "all", "", "model/", "\x00"])
def test_a_scope_of_nothing_is_refused(scope):
    with pytest.raises((ModelUnknown, StopUnknown)):
        stop(scope)
    with pytest.raises(StopUnknown):
        actions.propose_lift(scope=scope, actor=OFFICER, now=MONDAY)


def test_two_people_lift_a_stop():
    stop()

    actions.propose_lift(scope="everything", actor=OFFICER, now=MONDAY)
    lifted = actions.lift(scope="everything", actor=ADMINISTRATOR, now=MONDAY)

    assert not queries.stopped("everything")
    assert (lifted.lift_proposed_by, lifted.lifted_by) == (OFFICER, ADMINISTRATOR)
    assert len(recorded("StopLiftProposed")) == 1
    (entry,) = recorded("StopLifted")
    assert entry["facts"]["proposed_by"] == OFFICER
    with pytest.raises(StopUnknown):
        actions.lift(scope="everything", actor=ADMINISTRATOR, now=MONDAY)


@pytest.mark.parametrize("proposes", [True, False])
def test_one_person_alone_lifts_nothing(proposes):
    stop()
    if proposes:
        actions.propose_lift(scope="everything", actor=OFFICER, now=MONDAY)

    with pytest.raises(TwoPeopleNeeded):
        actions.lift(scope="everything", actor=OFFICER, now=MONDAY)

    assert queries.stopped("everything")
    assert recorded("StopLifted") == []


def test_a_lifted_scope_can_be_stopped_again():
    first = stop()
    actions.propose_lift(scope="everything", actor=OFFICER, now=MONDAY)
    actions.lift(scope="everything", actor=ADMINISTRATOR, now=MONDAY)

    assert stop() != first
    assert [one.pk for one in queries.stops(newest=9)] == sorted(
        Stop.objects.values_list("pk", flat=True), reverse=True
    )


@pytest.mark.django_db(transaction=True)
def test_eight_people_who_pull_it_at_once_pull_one_switch():
    start_together = threading.Barrier(8)
    pulled = []

    def pull(number: int) -> None:
        try:
            start_together.wait(timeout=10)
            pulled.append(stop(actor=f"user:{number}").pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=pull, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(pulled) == 8
    assert len(set(pulled)) == 1
    assert len(recorded("StopRaised")) == 1
