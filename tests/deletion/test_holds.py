"""A hold that is placed and released while a run works: nobody may end as absent by it."""

import pyarrow.parquet as pq
import pytest

from audits.models import Alert
from audits.trail import Actor
from deletion import actions, tasks
from deletion.models import Run, Share
from deletion.queries import work
from tests.cast import ALICE, BOB, OFFICER
from tests.deletion.builders import (
    events,
    make_request,
    outcomes,
    raw,
    right_now,
    state,
    walk,
)
from tests.lineage.builders import PATIENT_ID, make_store, write_people

DORA = Actor("user:dora")

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


def hold(opened):
    actions.place_hold(
        request_id=opened.request.pk,
        article="GDPR Art. 17(3)(e)",
        reason="",
        actor=OFFICER,
        now=right_now(),
    )


def release(opened):
    actions.release_hold(request_id=opened.request.pk, actor=DORA, now=right_now())


def begin(folder):
    """Begin a run for ALICE and BOB, who is no bystander here: he keeps the run going."""
    write_people(folder / "a.parquet", (ALICE, "x1"))
    write_people(folder / "b.parquet", (BOB, "x2"))
    make_store(folder, name="crm")
    alice = make_request(raw(ALICE), key="k1", now=right_now())
    bob = make_request(raw(BOB), key="k2", now=right_now())
    tasks.sweep()
    (run,) = work.waiting_runs(now=right_now(), limit=9)
    tasks.close_run(str(run))
    return alice, bob


def people_in(folder):
    return [
        person
        for file in sorted(folder.glob("*.parquet"))
        for person in pq.read_table(file)[PATIENT_ID].to_pylist()
    ]


def test_who_was_passed_over_while_held_is_looked_for_again_after_the_release(tmp_path):
    alice, bob = begin(tmp_path)
    first, second = sorted(work.waiting_parts(now=right_now(), limit=9))
    hold(alice)
    tasks.erase_part(first)
    assert ALICE in people_in(tmp_path)

    release(alice)
    tasks.erase_part(second)
    tasks.close_run(str(Run.objects.get().pk))

    assert Run.objects.get().state == "succeeded"
    assert outcomes(bob) == {"crm": "erased"}
    assert outcomes(alice) == {"crm": ""}
    assert Share.objects.get(request=alice.request).obligation.run is None
    assert "DataErased" not in events(f"request/{alice.request.pk}")

    walk()

    assert (state(alice), state(bob)) == ("complete", "complete")
    assert outcomes(alice) == {"crm": "erased"}
    assert people_in(tmp_path) == ["x1", "x2"]


def test_who_was_erased_before_the_hold_ends_as_erased_and_not_as_absent(tmp_path):
    alice, bob = begin(tmp_path)
    for part in work.waiting_parts(now=right_now(), limit=9):
        tasks.erase_part(part)
    assert people_in(tmp_path) == ["x1", "x2"]
    hold(alice)
    walk()
    assert (outcomes(alice), outcomes(bob)) == ({"crm": "held"}, {"crm": "erased"})

    release(alice)
    walk()

    assert state(alice) == "complete"
    assert outcomes(alice) == {"crm": "erased"}
    assert Run.objects.count() == 2
    assert not Alert.objects.exists()
