"""A request from its intake to its certificate, through real files, as the workers walk it."""

import pyarrow.parquet as pq
import pytest

from audits.models import Alert
from config.traces import files_naming, tables_naming
from deletion.models import DeletionRequest, Found, RequestIdentifier, RunPart
from lineage.models import Membership, Suppression
from tests.cast import ALICE, BOB
from tests.deletion.builders import events, make_request, outcomes, raw, right_now, state, walk
from tests.lineage.builders import PATIENT_ID, make_dataset, pseudonym
from tests.training.builders import make_trained_model, version_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


def people_in(folder):
    return [
        person
        for file in sorted(folder.rglob("*.parquet"))
        for person in pq.read_table(file)[PATIENT_ID].to_pylist()
    ]


def test_a_person_is_erased_everywhere_and_a_bystander_nowhere(tmp_path):
    make_dataset(tmp_path)
    before = people_in(tmp_path)
    assert ALICE in before
    assert BOB in before
    assert tables_naming(pseudonym(ALICE).hex) == set()
    assert tables_naming(str(pseudonym(ALICE))) == {"lineage_pseudonym"}
    opened = make_request(raw(ALICE), now=right_now())

    walk()

    assert state(opened) == "complete"
    assert outcomes(opened) == {"patients": "erased"}
    assert people_in(tmp_path) == [person for person in before if person != ALICE]
    assert files_naming(tmp_path, ALICE) == set()
    assert tables_naming(ALICE) == set()
    assert tables_naming(str(pseudonym(ALICE))) == set()
    assert tables_naming(str(pseudonym(BOB))) == {"lineage_pseudonym"}
    assert Membership.objects.filter(subject__pseudonyms=pseudonym(BOB), to_seq=None).exists()
    assert Suppression.objects.count() == 1
    request = DeletionRequest.objects.get()
    assert request.wrapped_key is None
    assert request.body_tag == ""
    assert not RequestIdentifier.objects.exists()
    assert not Found.objects.exists()
    assert RunPart.objects.filter(step="proven").exists()
    assert not Alert.objects.exists()
    assert events(f"request/{request.pk}") == [
        "DeletionRequested",
        "RequestPlanned",
        "OutcomeDecided",
        "DataErased",
        "RequestCompleted",
    ]


def test_a_model_forgets_the_person_whom_its_training_set_lost(tmp_path):
    model = make_trained_model(tmp_path)
    first = version_of(model, 1)
    opened = make_request(raw(ALICE), now=right_now())

    walk()

    assert state(opened) == "complete"
    assert outcomes(opened) == {"patients": "erased", "triage": "retrained"}
    first.refresh_from_db()
    assert first.state == "destroyed"
    assert version_of(model, 2).state == "released"
    assert tables_naming(str(pseudonym(ALICE))) == set()
