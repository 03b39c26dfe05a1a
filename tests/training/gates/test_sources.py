import pytest

from tests.training.gates.builders import rules_of, told
from training.gates.sources import sources
from training.profiles import profile_of

USUAL = ["north"] * 40 + ["south"] * 40 + ["west"] * 20


def judged(clinics, *, before=None, emptied=False, **said):
    earlier = None if before is None else profile_of(told(clinics=before), source="clinic")
    return sources(
        told(clinics=clinics),
        rules=rules_of(source={"column": "clinic", **said}),
        emptied=emptied,
        before=earlier,
    )


def test_sources_are_not_looked_at_unless_they_are_declared():
    assert sources(told(clinics=USUAL), rules=rules_of(), emptied=False, before=None) is None


def test_the_expected_sources_pass():
    verdict = judged(USUAL, expected=["north", "south", "west"], most_permille=400)

    assert verdict.passed
    assert verdict.measured["largest share, permille"] == 400.0


@pytest.mark.parametrize(
    ("clinics", "said", "reason"),
    [
        (USUAL[:80], {"expected": ["north", "south", "west"]}, "west is missing"),
        (["east"] * 90, {"expected": ["north", "south", "west"]}, "north is missing, and 2 more"),
        (USUAL, {"expected": ["north", "south"]}, "20 rows name a source that is not among the 2"),
        (USUAL, {"most_permille": 399}, "one source has 40.0 % of the rows, at most 39.9 % are"),
        (USUAL[:50] + [None] * 50, {}, "50 rows name no source in column clinic"),
        ([1.5] * 20, {}, "column clinic names no sources"),
    ],
)
def test_what_is_not_as_declared_is_refused(clinics, said, reason):
    verdict = judged(clinics, **said)

    assert not verdict.passed
    assert reason in verdict.reason


def test_a_source_of_the_last_good_version_is_expected_if_none_is_declared():
    assert judged(USUAL[:80]).passed
    assert judged(USUAL[:80], before=USUAL).reason == "west is missing"


def test_a_source_that_few_people_had_is_not_remembered():
    assert judged(["north"] * 50, before=["north"] * 50 + ["rare"] * 9).passed


def test_a_share_may_change_as_far_as_is_declared():
    now = ["north"] * 60 + ["south"] * 20 + ["west"] * 20

    assert judged(now, before=USUAL, change_permille=200).passed
    verdict = judged(now, before=USUAL, change_permille=190)
    assert verdict.reason == (
        "north has 60.0 % of the rows and had 40.0 %, a change of 19.0 % is borne"
    )


def test_a_source_that_a_deletion_may_have_emptied_is_borne_and_a_full_one_is_not():
    said = {"expected": ["north", "rare"]}
    before = ["north"] * 50 + ["rare"] * 9

    assert not judged(["north"] * 50, before=before, **said).passed
    assert judged(["north"] * 50, before=before, emptied=True, **said).passed
    full = ["north"] * 50 + ["rare"] * 10
    assert not judged(["north"] * 50, before=full, emptied=True, **said).passed
