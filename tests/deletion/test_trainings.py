"""A training that has not ended holds its people as a version does."""

import pytest

from deletion import tasks
from deletion.models import DeletionRequest
from deletion.queries import plans
from lineage.models import DatasetFamily
from tests.cast import ALICE
from tests.deletion.builders import make_request, outcomes, raw, right_now, state, walk, work_off
from tests.training.builders import make_model, make_patients, start, train, version_of
from training import tasks as training
from training.models import ShardFit, Snapshot, TrainingRun

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


def fit(run_id):
    """Take a run as far as it can go without making a version."""
    training.check(str(run_id))
    for one in ShardFit.objects.filter(run=run_id, snapshot=None):
        training.fit(one.pk)


@pytest.fixture
def fitted(tmp_path):
    """A first, unforced run of a model whose shards are fitted with ALICE in one of them."""
    model = make_model(make_patients(tmp_path).family)
    run_id = start(model)
    fit(run_id)
    assert Snapshot.objects.filter(model=model, destroyed_at=None).count() == 4
    assert not model.versions.exists()
    return model


def test_a_model_in_training_is_planned_like_a_version_and_awaited(fitted):
    opened = make_request(raw(ALICE), now=right_now())

    tasks.sweep()
    work_off()
    tasks.sweep()

    assert state(opened) == "in progress"
    assert outcomes(opened) == {"patients": "erased", "triage": ""}

    walk()

    assert state(opened) == "complete"
    assert outcomes(opened) == {"patients": "erased", "triage": "retrained"}
    assert version_of(fitted, 1).state == "released"
    assert Snapshot.objects.filter(destroyed_at__isnull=False).count() == 1  # her shard's
    assert TrainingRun.objects.get().forced


def test_no_certificate_is_issued_while_a_training_that_saw_the_person_is_open(tmp_path):
    model = make_model(make_patients(tmp_path).family)
    opened = make_request(raw(ALICE), now=right_now())
    tasks.sweep()
    run_id = start(model)  # after the plan
    fit(run_id)
    work_off()

    tasks.sweep()
    assert outcomes(opened) == {"patients": "erased"}
    assert state(opened) == "in progress"

    walk()
    assert state(opened) == "complete"
    assert Snapshot.objects.filter(destroyed_at__isnull=False).count() == 1


def test_no_certificate_is_issued_while_a_snapshot_of_a_run_that_began_again_lies_about(tmp_path):
    model = make_model(make_patients(tmp_path).family)
    opened = make_request(raw(ALICE), now=right_now())
    tasks.sweep()
    run_id = start(model)
    fit(run_id)
    work_off()
    start(model, forced=True)  # it follows the version without her

    left = plans.remains(opened.request.pk, now=right_now())
    tasks.sweep()

    assert left.in_training == ("model/triage snapshots",)
    assert state(opened) == "in progress"

    training.drive(run_id)
    tasks.sweep()
    assert state(opened) == "complete"


def test_a_training_on_a_version_that_the_person_has_left_is_not_waited_for(tmp_path):
    model = make_model(make_patients(tmp_path).family)
    opened = make_request(raw(ALICE), now=right_now())
    tasks.sweep()
    work_off()
    assert DatasetFamily.objects.get().versions.count() == 2
    start(model)

    tasks.sweep()

    assert state(opened) == "complete"
    assert train(model).state == "succeeded"


def test_a_version_made_after_the_plan_reopens_the_request_but_not_its_first_clock(tmp_path):
    model = make_model(make_patients(tmp_path).family)
    opened = make_request(raw(ALICE), now=right_now())
    tasks.sweep()
    train(model)
    work_off()
    erased_at = DeletionRequest.objects.get().erased_at
    assert erased_at is not None

    tasks.sweep()

    assert state(opened) == "received"
    assert DeletionRequest.objects.get().erased_at == erased_at

    walk()
    assert state(opened) == "complete"
    assert version_of(model, 1).state == "destroyed"
