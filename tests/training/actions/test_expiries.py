from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from audits.models import Alert
from tests.cast import OFFICER
from tests.lineage.builders import recorded
from tests.training.builders import make_trained_model, right_now, train, version_of
from training import actions, tasks
from training.models import ModelRelease, ModelVersion

pytestmark = pytest.mark.django_db

NOTICE = timedelta(days=14)


def watch(now):
    return actions.watch_expiries(notice=NOTICE, actor=OFFICER, now=now)


def open_alerts():
    return [alert.kind for alert in Alert.objects.filter(resolved_at=None).order_by("pk")]


def test_people_are_told_before_a_release_ends_and_when_it_has(tmp_path):
    model = make_trained_model(tmp_path)
    until = version_of(model, 1).release.qualified_until

    assert watch(until - NOTICE - timedelta(seconds=1)) == 0
    assert open_alerts() == []
    for _ in range(2):
        assert watch(until - NOTICE) == 1
    assert open_alerts() == ["release-ends-soon"]
    for _ in range(2):
        watch(until)
    assert open_alerts() == ["release-ended"]
    assert len(recorded("AlertRaised")) == 2
    assert Alert.objects.get(kind="release-ended").detail["fallback"] == {"label": "well"}

    train(model)
    assert open_alerts() == []


def test_the_sweep_looks_whose_release_ends(tmp_path):
    make_trained_model(tmp_path)
    ModelRelease.objects.update(qualified_until=right_now())

    tasks.sweep.run()

    assert open_alerts() == ["release-ended"]


@pytest.mark.parametrize("change", [{"artefact_digest": "0" * 64}, {"manifest": {}}])
def test_the_database_lets_nobody_sign_for_another_artefact(tmp_path, change):
    make_trained_model(tmp_path)

    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        ModelVersion.objects.update(**change)
