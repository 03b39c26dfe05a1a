"""The sweep: what fails for one holds up no other."""

import pytest

from audits.models import Alert
from deletion import tasks
from deletion.models import Run, RunPart
from deletion.queries import work
from deletion.tasks.steps import each
from tests.cast import ALICE, BOB, OFFICER
from tests.deletion.builders import (
    DORA,
    events,
    make_request,
    outcomes,
    raw,
    right_now,
    state,
    train_off,
    walk,
    work_off,
)
from tests.lineage.builders import make_dataset, write_people
from tests.training.builders import make_model, make_trained_model, train
from training.actions import lift, propose_lift, stop

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


def test_a_row_that_fails_holds_up_no_other_and_is_raised_at_the_end():
    done = []

    def do(row):
        if row == 2:
            raise LookupError
        done.append(row)

    with pytest.raises(ExceptionGroup) as failed:
        each([1, 2, 3], do)

    assert done == [1, 3]
    assert failed.group_contains(LookupError)


def test_a_stopped_model_waits_and_holds_up_no_other(tmp_path):
    first = make_trained_model(tmp_path)
    assert first.family is not None
    other = make_model(first.family, name="other")
    train(other)
    opened = make_request(raw(ALICE), now=right_now())
    for _ in range(3):
        tasks.sweep()
        work_off()
    train_off()
    run = Run.objects.get(model=first)
    Run.objects.filter(pk=run.pk).update(training_run=None)  # as after an attempt that failed
    stop(scope="model/triage", reason="a doubt", actor=OFFICER, now=right_now())

    tasks.sweep()

    assert outcomes(opened) == {"patients": "erased", "triage": "", "other": "retrained"}
    run.refresh_from_db()
    assert run.attempts == 1
    propose_lift(scope="model/triage", actor=OFFICER, now=right_now())
    lift(scope="model/triage", actor=DORA, now=right_now())
    walk()
    assert state(opened) == "complete"


def test_an_alarm_is_raised_even_if_nothing_can_be_started(tmp_path, monkeypatch):
    make_trained_model(tmp_path)
    make_request(raw(ALICE), now=right_now().replace(year=2020))

    def refuse(**_):
        raise LookupError

    monkeypatch.setattr("deletion.actions.start_erasure", refuse)
    with pytest.raises(ExceptionGroup):
        tasks.sweep()

    assert Alert.objects.filter(kind="deadline-cannot-be-met", about="store/patients").exists()


def test_a_broker_that_is_away_makes_no_failed_attempt(tmp_path, monkeypatch):
    make_dataset(tmp_path)
    make_request(raw(ALICE), now=right_now())
    tasks.sweep()
    (run,) = work.waiting_runs(now=right_now(), limit=9)
    tasks.close_run(str(run))
    (part,) = work.waiting_parts(now=right_now(), limit=9)

    def away(*_, **__):
        raise ConnectionError

    monkeypatch.setattr(tasks.close_run, "apply_async", away)
    with pytest.raises(ConnectionError):
        tasks.erase_part(part)

    row = RunPart.objects.get(pk=part)
    assert row.finished_at is not None
    assert row.last_error == ""
    assert "AttemptFailed" not in events()


def test_a_finished_part_wakes_few_workers(tmp_path, monkeypatch):
    for number in range(5):
        write_people(tmp_path / f"more-{number}.parquet", (BOB,))
    make_dataset(tmp_path)
    make_request(raw(ALICE), now=right_now())
    tasks.sweep()
    (run,) = work.waiting_runs(now=right_now(), limit=9)
    sent = []
    monkeypatch.setattr(tasks.erase_part, "apply_async", lambda args, **_: sent.append(args))

    tasks.close_run(str(run))

    assert len(work.waiting_parts(now=right_now(), limit=9)) == 6
    assert len(sent) == 2
