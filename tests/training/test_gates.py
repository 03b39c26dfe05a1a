from datetime import date

import pyarrow as pa
import pytest

from tests.training.memory import mark, patients, shard_of, source
from training.gates import Gate, Rules, Thresholds, judge_people, parse, refused
from training.gates.days import days
from training.gates.form import features, source_missing, unexpected
from training.gates.form import source as source_gate
from training.gates.repeats import duplicates
from training.gates.values import missing_values
from training.profiles import profile_of
from training.reading import Beside, read_people


def people(*tables, members=None):
    return read_people(source(*tables, members=members), [])


def asked(table, *, before=None):
    found = people(table)
    then = None if before is None else profile_of(people(before))
    return unexpected(found, before=then, now=profile_of(found))


def test_what_nobody_declared_is_looked_at_by_the_usual_gates():
    found = people(patients(30), patients(30, first=30))

    verdicts = judge_people(
        found,
        digests={"part-0": "a", "part-1": "b"},
        expected_parts=2,
        emptied=False,
        before=None,
        now=profile_of(found),
    )

    assert [verdict.gate for verdict in verdicts] == list(Gate)[:6]
    assert all(verdict.passed and verdict.reason and verdict.measured for verdict in verdicts)


def test_a_gate_that_could_not_measure_refuses():
    verdict = refused(Gate.SOURCE, "unread")

    assert (verdict.gate, verdict.passed, verdict.reason) == (Gate.SOURCE, False, "unread")


def test_unregistered_people_are_refused_without_being_named():
    verdict = source_gate(people(patients(3), members={mark("person-1"): shard_of("person-1")}))

    assert not verdict.passed
    assert verdict.measured["not in the index"] == 2
    assert "2 people" in verdict.reason
    assert "person-" not in verdict.reason


@pytest.mark.parametrize(
    ("part_rows", "expected", "emptied", "reason"),
    [
        ({"a": 5, "b": 5}, 2, False, ""),
        ({"a": 5}, 2, False, "1 parts are there, but 2 were there before"),
        ({"a": 5}, 2, True, "1 parts are there, but 2 were there before"),
        ({"a": 5, "b": 0}, 2, False, "1 of 2 parts have no rows"),
        ({"a": 5, "b": 0}, 2, True, ""),
        ({"a": 0}, 1, True, "there is no row at all"),
    ],
)
def test_a_missing_source_is_refused(part_rows, expected, emptied, reason):
    verdict = source_missing(part_rows, expected_parts=expected, emptied=emptied)

    assert verdict.passed == (reason == "")
    assert verdict.reason == (reason or f"all {len(part_rows)} parts are there")


def test_a_part_that_is_there_twice_is_refused():
    verdict = duplicates(people(patients()), digests={"a": "same", "b": "same"})

    assert not verdict.passed
    assert "1 parts are copies" in verdict.reason


@pytest.mark.parametrize(("copies", "passed"), [(0, True), (1, False)])
def test_repeated_rows_of_a_person_are_refused_beyond_the_limit(copies, passed):
    table = patients()
    found = people(pa.concat_tables([table, table.slice(0, copies)]))

    verdict = duplicates(found, digests={"a": "1"})

    assert verdict.passed == passed
    assert verdict.measured["repeated rows"] == copies


def test_the_same_values_of_two_people_are_no_repetition():
    verdict = duplicates(people(patients(size=[1.0] * 60)), digests={"a": "1"})

    assert verdict.passed


def test_a_few_repeated_rows_are_borne():
    table = patients(300)
    found = people(pa.concat_tables([table, table.slice(0, 3)]))

    assert duplicates(found, digests={"a": "1"}).passed
    assert not duplicates(
        found, digests={"a": "1"}, rules=Rules(limits=Thresholds(duplicates_permille=9))
    ).passed


def test_nobody_has_no_repetition():
    assert duplicates(people(patients(0)), digests={}).passed


def test_a_row_without_a_label_is_refused():
    verdict = missing_values(
        people(patients(label=[None, *["ill", "well", "ill"] * 19, "ill", "well"]))
    )

    assert not verdict.passed
    assert verdict.reason == "1 rows have no label, which is the label"


@pytest.mark.parametrize(("gaps", "passed"), [(0, True), (12, True), (13, False)])
def test_a_feature_may_have_gaps_up_to_the_limit(gaps, passed):
    verdict = missing_values(people(patients(size=[None] * gaps + [1.0] * (60 - gaps))))

    assert verdict.passed == passed
    if not passed:
        assert (
            verdict.reason == "column size is empty in 21.7 % of the rows, at most 20.0 % are borne"
        )


def test_a_first_version_is_compared_with_nothing():
    verdict = asked(patients())

    assert verdict.passed
    assert verdict.reason == "columns can be learned from"
    assert verdict.measured["compared"] is False


def test_the_same_form_as_before_is_expected():
    verdict = asked(patients(50), before=patients())

    assert verdict.passed
    assert verdict.reason == "columns say what they said before"


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (patients(label=["ill"] * 60), "the same in every row"),
        (patients(120, label=[f"class {n}" for n in range(120)]), "120 values, at most 100"),
        (patients(ward=[f"note of {n}" for n in range(60)]), "almost every row"),
    ],
)
def test_what_nothing_should_be_learned_from_is_refused(table, reason):
    verdict = asked(table)

    assert not verdict.passed
    assert reason in verdict.reason


def test_a_few_different_texts_are_no_names():
    assert asked(patients(20, ward=[f"ward {n}" for n in range(20)])).passed


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (patients(ward=["east"] * 60), "100.0 % of the rows have a ward that was not usual before"),
        (patients(label=["dead", "alive"] * 30), "have a label that was not usual before"),
        (patients(size=[1000.0 * n for n in range(1, 61)]), "times larger than before"),
        (patients(size=[0.01] * 60), "times smaller than before: another unit?"),
    ],
)
def test_another_form_than_before_is_refused(table, reason):
    verdict = asked(table, before=patients())

    assert not verdict.passed
    assert reason in verdict.reason


def test_a_rare_category_more_is_expected():
    some = ["east"] * 5 + ["north"] * 30 + ["south"] * 25

    assert asked(patients(ward=some), before=patients()).passed


def test_too_few_people_are_not_compared():
    before = patients(8)

    assert asked(patients(8, ward=["east"] * 8), before=before).passed


def test_a_column_that_lost_its_size_is_not_compared_by_it():
    assert asked(patients(size=[0.0] * 60), before=patients()).passed


def compared(table, *, before, rules=None):
    return features(
        people(table), before=profile_of(people(before)), rules=parse({"columns": rules or {}})
    )


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (patients().drop(["ward"]), "column ward is gone, and is not declared to go"),
        (patients().append_column("age", [[1.0] * 60]), "column age is new: a new feature needs"),
        (patients(size=["a", "b"] * 30), "column size was a number and is a text now"),
    ],
)
def test_other_features_than_before_are_refused(table, reason):
    verdict = compared(table, before=patients())

    assert not verdict.passed
    assert reason in verdict.reason


@pytest.mark.parametrize(("gaps", "passed"), [(6, True), (7, False)])
def test_a_new_feature_has_to_be_filled_in_for_older_rows(gaps, passed):
    table = patients().append_column("age", [[None] * gaps + [1.0] * (60 - gaps)])

    verdict = compared(table, before=patients(), rules={"age": {"back_filled_permille": 900}})

    assert verdict.passed is passed
    assert verdict.measured["schema"] != verdict.measured["schema before"]
    if passed:
        assert "everybody is fitted anew" in verdict.reason
    else:
        assert "filled in for 88.3 % of the rows, and 90.0 % are declared" in verdict.reason


def test_a_feature_may_go_if_that_is_declared():
    assert compared(
        patients().drop(["ward"]), before=patients(), rules={"ward": {"may_go": True}}
    ).passed


def test_the_same_features_as_before_pass():
    verdict = compared(patients(50), before=patients())

    assert verdict.reason == "the features are those of the last good version"
    assert verdict.measured["schema"] == verdict.measured["schema before"]


@pytest.mark.parametrize(
    ("registered", "shared", "alone"),
    [
        (date(2026, 2, 20), "is 10 days old, at most 5 are borne", "is more than 5 days old"),
        (date(2026, 2, 1), "lies 9 days ahead of the registration", "lies ahead of the registra"),
    ],
)
def test_how_old_the_newest_day_is_stays_untold_while_it_is_one_persons(registered, shared, alone):
    usual = [date(2026, 2, 1 + number % 5) for number in range(50)]
    rules = parse({"day": {"column": "day", "missing": 9, "days_old": 5, "deviations": 100}})

    def asked(newest):
        table = patients(50 + len(newest), day=pa.array([*usual, *newest]))
        found = read_people(source(table), ["size"], beside=Beside(day="day"))
        return days(found, rules=rules, emptied=False, registered=registered)

    assert asked([date(2026, 2, 10)] * 10).reason == f"the newest day {shared}"
    assert asked([date(2026, 2, 10)]).reason.startswith(f"the newest day {alone}")
