import pytest

from audits.models import OutboxEntry
from lineage.errors import FamilyRetired, NodeUnknown
from tests.cast import MONDAY, OFFICER
from tests.lineage.builders import recorded
from tests.training.builders import (
    MANY,
    make_model,
    make_patients,
    start,
    train,
    version_of,
)
from training import actions, queries
from training.errors import GatesInvalid
from training.gates import Gate
from training.models import GateDeclaration, TrainingRun
from training.states import RunState
from training.tasks import steps
from training.trainers import trainer_named

pytestmark = pytest.mark.django_db

AGES = {"columns": {"age": {"least": 0, "most": 120}}}


@pytest.fixture
def family(tmp_path):
    return make_patients(tmp_path / "patients").family


def declare(family, rules):
    return actions.declare_gates(family_id=family.pk, rules=rules, actor=OFFICER, now=MONDAY)


def test_gates_are_declared_and_recorded(family):
    first = declare(family, AGES)
    second = declare(family, {})

    assert (first.number, second.number) == (1, 2)
    assert queries.gates_of(family.pk) == second
    facts = [entry["facts"] for entry in recorded("GatesDeclared")]
    assert [fact["before"] for fact in facts] == ["", first.digest]
    assert facts[0]["columns"] == ["age"]
    assert recorded("GatesDeclared")[0]["about"] == "dataset/patients"


def test_the_same_declaration_changes_and_records_nothing(family):
    first = declare(family, AGES)
    before = OutboxEntry.objects.count()

    again = declare(family, {"columns": {"age": {"most": 120.0, "least": 0.0}}, "limits": {}})

    assert again == first
    assert OutboxEntry.objects.count() == before


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ({"day": {"column": "patient_id"}}, r"day\.column: names people, or is the label"),
        ({"source": {"column": "label"}}, r"source\.column: names people, or is the label"),
        ({"columns": {"patient_id": {}}}, "columns: one of them names people"),
        ({"columns": {"label": {"fill": "mode"}}}, "the label is never imputed"),
        ({"columns": {"label": {"may_go": True}}}, "the label is never imputed"),
        ({"day": {"column": "d"}, "columns": {"d": {}}}, "the column of day has its rule there"),
        ({"day": {"column": "d"}, "source": {"column": "d"}}, "is the column of day already"),
        ({"drift": {"most": 0}}, r"drift\.most: a number from"),
    ],
)
def test_what_cannot_be_declared_is_refused(family, rules, reason):
    with pytest.raises(GatesInvalid, match=reason):
        declare(family, rules)

    assert not GateDeclaration.objects.exists()
    assert recorded("GatesDeclared") == []


def test_a_family_that_is_not_there_or_was_given_up_is_refused(family):
    family.retired_at = MONDAY
    family.save()

    with pytest.raises(FamilyRetired):
        declare(family, {})
    family.pk = 0
    with pytest.raises(NodeUnknown):
        declare(family, {})


def test_a_run_keeps_what_it_was_checked_by(family):
    model = make_model(family)
    train(model)
    declared = declare(family, AGES)

    train(model)

    first, second = (version_of(model, number).run for number in (1, 2))
    assert (first.gates, second.gates) == (None, declared)
    assert version_of(model, 1).manifest["gates"]["declaration"] is None
    assert version_of(model, 2).manifest["gates"]["declaration"]["digest"] == declared.digest


def test_what_is_declared_while_a_run_fits_does_not_change_what_it_fits(family):
    model = make_model(family)
    declare(family, {"columns": {"age": {"fill": "median"}}})
    run_id = start(model)
    steps.check(run_id)
    declare(family, {"columns": {"age": {"fill": {"constant": 1}}}})

    from_plan = queries.recipe_of(TrainingRun.objects.select_related("model").get(pk=run_id))

    assert [fill.rule.value for fill in from_plan.fills] == ["median"]


def test_a_trainer_that_cannot_close_gaps_so_does_not_begin(family, monkeypatch):
    declare(family, {"columns": {"age": {"fill": "median"}}})
    trainer = type(trainer_named("sharded-sklearn"))
    monkeypatch.setattr(trainer, "imputes", frozenset())

    summary = train(make_model(family))

    assert summary.state is RunState.REFUSED
    assert summary.reason == (
        "missing values: the model's trainer cannot close gaps by median, as is declared"
    )
    assert [said.gate for said in summary.gates if not said.passed] == [Gate.MISSING_VALUES]


def test_the_last_good_version_is_the_last_that_qualified(tmp_path):
    family = make_patients(tmp_path / "some").family
    model = make_model(family)
    train(model)
    version = version_of(model, 1)
    assert queries.profile_before(model.pk) is not None
    version.qualification.passed = False
    version.qualification.save()

    assert queries.profile_before(model.pk) is None


def test_repetitions_are_left_out_of_what_is_fitted_if_that_is_declared(tmp_path):
    people = [*MANY, MANY[1]]  # the second row of theirs differs by half a unit of size
    ages = {"age": [30] * len(people)}
    family = make_patients(tmp_path / "some", people, changes=ages).family
    model = make_model(family)
    declare(family, {"near_duplicates": {"digits": 1, "other_people_permille": 1000, "drop": True}})

    summary = train(model)

    assert summary.state is RunState.SUCCEEDED, summary.reason
    (near,) = [said for said in summary.gates if said.gate == Gate.NEAR_DUPLICATES]
    assert near.reason.endswith("a person's repetitions are left out")
    manifest = version_of(model, 1).manifest
    assert manifest["repetitions left out"] == {"digits": 1}
    rows = sum(shard["rows"] for shard in manifest["shards"]) + manifest["hold_out"]["rows"]
    assert rows == len(MANY)
