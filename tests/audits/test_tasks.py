import pytest

from audits.errors import TrailDamaged
from audits.models import Alert, Leaf, OutboxEntry
from audits.tasks import seal
from tests.audits.builders import record_many
from tests.audits.test_actions import damage_tile

pytestmark = pytest.mark.django_db


def test_the_task_seals_what_waits():
    record_many(2)

    seal()
    seal()

    assert Leaf.objects.count() == 2


def test_damage_fails_loudly_and_asks_people_once():
    record_many(2)
    seal()
    damage_tile()
    record_many(1)

    for _ in range(2):
        with pytest.raises(TrailDamaged):
            seal()

    (alert,) = Alert.objects.all()
    assert (alert.kind, alert.about) == ("trail-damaged", "trail")
    assert alert.detail == {"why": "the tiles do not have the root that was signed"}
    assert OutboxEntry.objects.filter(event="AlertRaised").count() == 1
