from datetime import UTC, date, datetime, timedelta

import pytest

from tests.training.gates.builders import FIRST, each_day, rules_of, told
from training.gates.days import days

MONTH = [12, 11, 13, 12, 12, 14, 10, 12, 13, 11, 12, 12, 13, 12]
LAST = FIRST + timedelta(days=len(MONTH) - 1)


def judged(found, *, emptied=False, registered=None, **said):
    return days(
        found,
        rules=rules_of(day={"column": "seen_on", **said}),
        emptied=emptied,
        registered=registered,
    )


def changed(place, rows):
    return told(each_day([rows if day == place else count for day, count in enumerate(MONTH)]))


def test_days_are_not_looked_at_unless_they_are_declared():
    assert days(told(each_day(MONTH)), rules=rules_of(), emptied=False, registered=None) is None


def test_usual_days_pass():
    verdict = judged(told(each_day(MONTH)))

    assert verdict.passed
    assert verdict.measured["rows of a usual day"] == 12


def test_a_day_without_rows_is_missing_and_named():
    verdict = judged(changed(5, 0))

    assert verdict.reason == "1 day (2026-01-06) has no row, and 0 may have none"
    assert judged(changed(5, 0), missing=1).passed


@pytest.mark.parametrize("rows", [0, 40])
def test_a_day_is_never_named_that_could_be_somebodys(rows):
    few = [2] * 14
    few[5] = rows

    verdict = judged(told(each_day(few)))

    assert not verdict.passed
    assert "2026" not in verdict.reason


def test_a_date_far_off_is_not_named_either():
    verdict = judged(told([*each_day(MONTH), date(1999, 5, 3)]))

    assert not verdict.passed
    assert "1999" not in verdict.reason


def test_a_day_long_before_all_others_ends_the_question():
    verdict = judged(told([*each_day(MONTH), date(1, 1, 1)]))

    assert verdict.reason == "the days of column seen_on span more than a century"


def test_a_day_on_which_nothing_is_expected_is_not_missing():
    weekdays = [(FIRST + timedelta(days=day)).isoweekday() for day in range(14)]
    working = told(each_day([0 if day > 5 else 12 for day in weekdays]))

    assert not judged(working).passed
    assert judged(working, weekdays=[1, 2, 3, 4, 5]).passed


@pytest.mark.parametrize(("rows", "passed"), [(1, True), (30, False), (29, True)])
def test_a_day_may_differ_by_five_roots_of_the_usual_number_at_least(rows, passed):
    # The median is 12 and the median deviation 0.5: less than chance gives, so its root holds.
    verdict = judged(changed(5, rows))

    assert verdict.passed is passed


def test_mondays_are_compared_with_mondays_if_that_is_declared():
    weekdays = [(FIRST + timedelta(days=day)).isoweekday() for day in range(70)]
    found = told(each_day([40 if day == 1 else 5 for day in weekdays]))

    assert not judged(found).passed
    assert judged(found, by_weekday=True).passed


@pytest.mark.parametrize(
    ("registered", "reason"),
    [
        (LAST, ""),
        (LAST + timedelta(days=2), ""),
        (LAST + timedelta(days=3), "the newest day is 3 days old, at most 2 are borne"),
        (LAST - timedelta(days=1), "the newest day lies 1 days ahead of the registration"),
    ],
)
def test_the_newest_day_must_not_be_old_when_the_version_is_registered(registered, reason):
    verdict = judged(told(each_day(MONTH)), registered=registered, days_old=2)

    assert verdict.passed == (reason == "")
    assert reason in verdict.reason


def test_a_day_that_a_deletion_may_have_emptied_is_borne_and_a_full_one_is_not():
    few, many = told(each_day([8, 8, 0, 8, 8, 8, 8])), told(each_day([30, 30, 0, 30, 30, 30, 30]))

    assert not judged(few).passed
    assert judged(few, emptied=True).passed
    assert not judged(many, emptied=True).passed


@pytest.mark.parametrize(
    "said",
    [
        [f"{day.isoformat()}T09:30:00" for day in each_day(MONTH)],
        [day.isoformat() for day in each_day(MONTH)],
        [datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC) for day in each_day(MONTH)],
        [datetime(day.year, day.month, day.day, 1) for day in each_day(MONTH)],  # noqa: DTZ001  # files hold such
    ],
)
def test_texts_and_moments_say_days(said):
    assert judged(told(said)).measured["days"] == 14


def test_a_column_of_numbers_says_no_day():
    assert judged(told([1.5] * 30)).reason == "column seen_on holds no days"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([*each_day(MONTH), *["yesterday"] * 100], "100 rows have no day in column seen_on"),
        ([None] * 20, "20 rows have no day in column seen_on"),
    ],
)
def test_rows_without_a_day_are_refused_beyond_the_limit(said, reason):
    texts = [one.isoformat() if isinstance(one, date) else one for one in said]

    assert judged(told(texts)).reason == reason


def test_a_few_rows_without_a_day_are_borne():
    verdict = judged(told([*each_day(MONTH), *[None] * 9]))

    assert verdict.passed
    assert verdict.measured["without a day"] == 9
