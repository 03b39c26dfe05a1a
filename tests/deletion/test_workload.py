"""What the scheduler is told."""

import pytest

from deletion import tasks
from deletion.models import Obligation, Run
from tests.deletion.builders import make_request, right_now, work_off
from tests.lineage.builders import make_dataset

pytestmark = pytest.mark.django_db


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
