"""How the page of a run shows its parts."""

import pytest
from django.urls import reverse

from deletion import tasks
from deletion.models import Run, RunPart
from deletion.queries import work
from deletion.rounds import GONE, SET_ASIDE
from tests.browser.story import ask, no_waiting
from tests.cast import ALICE, MONDAY
from tests.deletion.builders import right_now
from tests.lineage.builders import make_dataset

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("step", "tone"), [("proven", "good"), (GONE, "warn"), (SET_ASIDE, "warn"), ("staged", "busy")]
)
def test_only_a_proof_is_shown_as_good(officer, tmp_path, step, tone):
    make_dataset(tmp_path)
    ask(ALICE, days_ago=1)
    with no_waiting():
        tasks.sweep()
        for run in work.waiting_runs(now=right_now(), limit=9):
            tasks.close_run(str(run))
    RunPart.objects.update(step=step, finished_at=None if step == "staged" else MONDAY)

    page = officer.get(reverse("admin:deletion_run_change", args=[Run.objects.get().pk]))

    assert f'<span class="lt-badge lt-{tone}">{step}</span>' in page.content.decode()
