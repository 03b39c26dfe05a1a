import pytest

from lineage.stores.errors import ChangedMeanwhile
from tests.training.memory import patients, source
from training.checking import check_people, check_release, refusal
from training.columns import Feature, Kind
from training.gates import Gate
from training.plans import Recipe
from training.trainers.protocol import ReleaseData

RECIPE = Recipe(model="triage", revision="1", parameters={})


def check(wanted, names=(), *, forced=False):
    return check_people(wanted, names, recipe=RECIPE, expected_parts=1, before=None, forced=forced)


def test_good_data_passes_every_gate_and_is_planned():
    checked = check(source(patients()))

    assert {verdict.gate for verdict in checked.verdicts} == set(list(Gate)[:6])
    assert all(verdict.passed for verdict in checked.verdicts)
    assert checked.plan is not None
    assert checked.plan.profile is not None


def test_files_that_changed_are_a_refusal_that_a_person_answers():
    checked = check(source(patients(), replaced={"part-0": patients(59)}))

    (verdict,) = checked.verdicts
    assert (verdict.gate, verdict.passed) == (Gate.SOURCE, False)
    assert "register the data set again" in verdict.reason
    assert checked.plan is None


def test_a_forced_run_waits_for_the_erasure_that_changed_them():
    with pytest.raises(ChangedMeanwhile):
        check(source(patients(), replaced={"part-0": patients(59)}), forced=True)


@pytest.mark.parametrize(
    ("table", "names", "reason"),
    [
        (patients().drop(["label"]), (), "a part: no column named label"),
        (patients(ward=[[1]] * 60), (), "column ward is list"),
    ],
)
def test_columns_that_cannot_be_read_are_unexpected_input(table, names, reason):
    (verdict,) = check(source(table), names).verdicts

    assert verdict.gate is Gate.UNEXPECTED
    assert reason in verdict.reason
    assert "part-0" not in verdict.reason  # a file may be named after a person


def test_a_forced_run_accepts_a_part_that_lost_everybody():
    wanted = source(patients(), patients(0))

    assert not all(verdict.passed for verdict in check(wanted).verdicts)
    assert all(verdict.passed for verdict in check(wanted, forced=True).verdicts)


def test_a_release_that_could_be_read_is_accepted():
    data = ReleaseData(
        features=(Feature(name="size", kind=Kind.NUMBER),),
        counts={"ill": 1, "well": 2},
        means={"size": {"ill": 1.0, "well": 2.0}},
        bounds={"size": (0.0, 3.0)},
    )

    checked = check_release(data, recipe=RECIPE)

    assert [verdict.passed for verdict in checked.verdicts] == [True, True]
    assert checked.plan is not None


def test_a_refusal_has_no_plan():
    assert refusal(Gate.SOURCE, "no").plan is None
