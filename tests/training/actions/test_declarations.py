import pytest

from audits.models import OutboxEntry
from lineage.errors import NodeUnknown
from tests.cast import MONDAY, OFFICER
from tests.lineage.builders import make_family, make_store, recorded
from tests.training.builders import make_model, make_patients
from training import actions
from training.errors import ModelConflict, ParametersInvalid, TrainerUnknown
from training.models import Model

pytestmark = pytest.mark.django_db


@pytest.fixture
def family(tmp_path):
    return make_patients(tmp_path / "patients").family


def test_a_model_is_declared_and_recorded(family):
    model = make_model(family, features=["size"], parameters={"C": 0.5})

    assert (model.name, model.trainer, model.family) == ("triage", "sharded-sklearn", family)
    (entry,) = recorded("ModelRegistered")
    assert entry["about"] == "model/triage"
    assert entry["facts"]["features"] == ["size"]
    assert entry["facts"]["family"] == "patients"
    assert "bed" not in str(entry)  # the purpose stays in the row


def test_the_same_declaration_changes_and_records_nothing(family):
    first = make_model(family)
    before = OutboxEntry.objects.count()

    again = make_model(family)

    assert again == first
    assert OutboxEntry.objects.count() == before


def test_another_declaration_of_the_same_name_is_refused(family):
    make_model(family)

    with pytest.raises(ModelConflict, match="another fallback, margin_permille"):
        make_model(family, margin_permille=10, fallback={"label": "ill"})


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"name": "a/b"}, "name:"),
        ({"name": "a\n"}, "name:"),
        ({"purpose": "  "}, "purpose:"),
        ({"margin_permille": 0}, "margin_permille:"),
        ({"margin_permille": 1001}, "margin_permille:"),
        ({"features": ["size", "size"]}, "stands twice"),
        ({"features": ["label"]}, "label is what the model shall say"),
        ({"features": ["patient_id"]}, "patient_id names people"),
        ({"fallback": {"label": 1}}, "fallback:"),
        ({"parameters": {"C": 0}}, "C:"),
    ],
)
def test_an_incomplete_declaration_is_refused(family, said, reason):
    usual = {
        "name": "triage",
        "purpose": "to see who needs a bed",
        "trainer": "sharded-sklearn",
        "parameters": {},
        "features": [],
        "family_id": family.pk,
        "margin_permille": 50,
        "fallback": {},
    }

    with pytest.raises(ParametersInvalid, match=reason):
        actions.register_model(**usual | said, actor=OFFICER, now=MONDAY)

    assert not Model.objects.exists()
    assert recorded("ModelRegistered") == []


def test_a_family_without_a_label_cannot_be_learned(tmp_path):
    family = make_family(make_store(tmp_path), label="")

    with pytest.raises(ParametersInvalid, match="declares no label"):
        make_model(family)


def test_a_trainer_or_family_that_is_not_there_is_refused(family):
    with pytest.raises(TrainerUnknown):
        make_model(family, trainer="crystal-ball")
    family.pk = 0
    with pytest.raises(NodeUnknown):
        make_model(family)
