from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.errors import TrailDamaged
from audits.reports import Clock, Report, Standing, days, report_of, rows_of
from tests.audits.builders import completed, fact, received
from tests.cast import MONDAY

LATER = MONDAY + timedelta(days=10)
AFTER_ALL_DATES = MONDAY + timedelta(days=90)


def report(*entries, now=LATER, since=None, until=None) -> Report:
    return report_of(
        entries,
        origin="lethe.example/trail/1",
        checkpoint=None,
        unsealed=0,
        since=since,
        until=until,
        now=now,
    )


def test_a_new_request_is_open_with_both_clocks_running():
    (row,) = rows_of([received("1")])

    assert (row.request_id, row.regime, row.standing) == ("1", "gdpr", Standing.OPEN)
    assert (row.data_clock(LATER), row.models_clock(LATER)) == (Clock.RUNNING, Clock.RUNNING)
    assert row.verification == "delegated to the caller"
    assert row.taken is None


def test_a_request_past_its_dates_is_overdue():
    (row,) = rows_of([received("1")])

    assert row.data_clock(row.erase_by) is Clock.RUNNING
    assert row.data_clock(AFTER_ALL_DATES) is Clock.OVERDUE
    assert row.missed(AFTER_ALL_DATES)


def test_erased_data_stops_the_first_clock_only():
    erased = fact("DataErased", request_id="1", erased_at="2026-01-06T00:00:00Z")

    (row,) = rows_of([received("1"), erased])

    assert row.standing is Standing.OPEN
    assert row.data_clock(AFTER_ALL_DATES) is Clock.IN_TIME
    assert row.models_clock(AFTER_ALL_DATES) is Clock.OVERDUE


def test_a_reopened_request_starts_the_first_clock_again():
    erased = fact("DataErased", request_id="1", erased_at="2026-01-06T00:00:00Z")
    reopened = fact("RequestReopened", request_id="1", still_in=["beta v2"])

    (row,) = rows_of([received("1"), erased, reopened])

    assert row.data_clock(AFTER_ALL_DATES) is Clock.OVERDUE


def test_a_completed_request_tells_both_clocks_and_its_outcomes():
    (row,) = rows_of([received("1"), completed("1")])

    assert row.standing is Standing.COMPLETE
    assert (row.data_clock(LATER), row.models_clock(LATER)) == (Clock.IN_TIME, Clock.IN_TIME)
    assert row.outcomes == {"erased": 2, "retrained": 1}
    assert row.taken == timedelta(days=2, hours=12)
    assert row.certificate_digest == "cd" * 32


@pytest.mark.parametrize("clock", ["erase_by", "models_by"])
def test_one_missed_date_makes_a_completed_request_late(clock):
    (row,) = rows_of([received("1"), completed("1", **{clock: "2026-01-05T06:00:00Z"})])

    assert {row.data_clock(LATER), row.models_clock(LATER)} == {Clock.IN_TIME, Clock.LATE}
    assert row.missed(LATER)


def test_the_dates_at_completion_count_since_a_pause_moves_them():
    later_dates = {"erase_by": "2026-03-05T00:00:00Z", "models_by": "2026-03-05T00:00:00Z"}

    (row,) = rows_of([received("1"), completed("1", **later_dates)])

    assert (row.erase_by.month, row.models_by.month) == (3, 3)


def test_a_held_request_is_past_its_date_and_not_late_under_its_article_until_released():
    held = fact("RequestHeld", request_id="1", article="GDPR 17(3)(e)", reason="claim")
    released = fact("HoldReleased", request_id="1")

    (during,) = rows_of([received("1"), held])
    (after,) = rows_of([received("1"), held, released])

    assert (during.standing, during.held_under) == (Standing.HELD, "GDPR 17(3)(e)")
    assert during.models_clock(LATER) is Clock.RUNNING
    assert during.models_clock(AFTER_ALL_DATES) is Clock.HELD_PAST
    assert (during.held_past(AFTER_ALL_DATES), during.missed(AFTER_ALL_DATES)) == (True, False)
    assert after.models_clock(AFTER_ALL_DATES) is Clock.OVERDUE
    assert (after.standing, after.held_under) == (Standing.OPEN, "")


def test_a_paused_request_stands_where_it_stood_when_the_person_was_asked():
    asked = fact("RequestPaused", request_id="1", article="12A", asked_at=LATER.isoformat())
    answered_at = (LATER + timedelta(days=3)).isoformat()
    answer = fact(
        "PauseEnded",
        request_id="1",
        asked_at=LATER.isoformat(),
        answered_at=answered_at,
        erase_by="2026-01-18T00:00:00Z",
        models_by="2026-01-28T00:00:00Z",
    )

    (during,) = rows_of([received("1"), asked])
    (missed,) = rows_of([received("1", erase_by="2026-01-06T00:00:00Z"), asked])
    (after,) = rows_of([received("1"), asked, answer])

    assert (during.standing, during.paused_under) == (Standing.PAUSED, "12A")
    assert during.models_clock(AFTER_ALL_DATES) is Clock.PAUSED
    assert missed.data_clock(AFTER_ALL_DATES) is Clock.OVERDUE
    assert (after.standing, after.paused_for) == (Standing.OPEN, timedelta(days=3))
    assert (after.erase_by.day, after.models_by.day) == (18, 28)
    assert after.models_clock(AFTER_ALL_DATES) is Clock.OVERDUE
    (_, together) = report(received("1"), asked, now=AFTER_ALL_DATES).totals
    assert (together.paused, together.open, together.overdue) == (1, 0, 0)


def test_a_withdrawn_request_stops_its_clocks():
    (row,) = rows_of([received("1"), fact("RequestCancelled", request_id="1", at=LATER)])

    assert (row.standing, row.cancelled_at) == (Standing.CANCELLED, LATER)
    assert row.data_clock(AFTER_ALL_DATES) is Clock.STOPPED


def test_a_denied_request_counts_as_late_when_its_person_was_told_late():
    def denied(number, *, in_time):
        return fact(
            "RequestDenied",
            request_id=number,
            article="GDPR Art. 12(6)",
            reason="not confirmed",
            told_at=LATER.isoformat(),
            in_time=in_time,
            at=LATER,
        )

    entries = [
        received("1"),
        denied("1", in_time=True),
        received("2"),
        denied("2", in_time=False),
        received("3"),
        completed("3"),
    ]

    one, two, _ = rows_of(entries)
    (_, together) = report(*entries, now=AFTER_ALL_DATES).totals

    assert (one.standing, one.denied_at, one.denied_under) == (
        Standing.DENIED,
        LATER,
        "GDPR Art. 12(6)",
    )
    assert one.models_clock(AFTER_ALL_DATES) is Clock.STOPPED
    assert two.models_clock(AFTER_ALL_DATES) is Clock.LATE
    assert (together.denied, together.denied_late, together.complete) == (2, 1, 1)
    assert together.attainment == Decimal(50)


def test_facts_of_other_names_change_nothing():
    assert rows_of([received("1"), fact("RequestPlanned", request_id="1")]) == rows_of(
        [received("1")]
    )


def test_a_fact_about_a_request_never_received_is_damage():
    with pytest.raises(TrailDamaged, match="leaf 7 is about a request that was never received"):
        rows_of([fact("DataErased", index=7, request_id="1", erased_at="2026-01-06T00:00:00Z")])


def test_requests_are_counted_by_regime_and_together():
    told = report(
        received("1"),
        completed("1"),
        received("2", regime="ccpa", acknowledge_by="2026-01-19T00:00:00Z"),
        completed("2", models_by="2026-01-06T00:00:00Z"),
        received("3", regime="ccpa", erase_by="2026-01-06T00:00:00Z"),
        received("4"),
        fact("RequestHeld", request_id="4", article="GDPR 17(3)(b)", reason="tax"),
        received("7", erase_by="2026-01-06T00:00:00Z"),
        fact("RequestHeld", request_id="7", article="GDPR 17(3)(b)", reason="tax"),
        received("5"),
        fact("RequestCancelled", request_id="5"),
        received("6"),
    )

    ccpa, gdpr, together = told.totals
    assert (ccpa.regime, gdpr.regime, together.regime) == ("ccpa", "gdpr", "all")
    assert (ccpa.received, ccpa.complete, ccpa.in_time, ccpa.late) == (2, 1, 0, 1)
    assert (ccpa.open, ccpa.overdue, ccpa.attainment) == (1, 1, Decimal(0))
    assert (gdpr.received, gdpr.complete, gdpr.in_time, gdpr.open) == (5, 1, 1, 1)
    assert (gdpr.held, gdpr.held_past_date, gdpr.overdue) == (2, 1, 0)
    assert (gdpr.cancelled, gdpr.attainment) == (1, Decimal(100))
    assert (together.received, together.overdue, together.attainment) == (
        7,
        1,
        Decimal("33.3"),
    )
    assert told.rows[1].acknowledge_by


def test_nothing_finished_attains_nothing_and_claims_nothing():
    (together,) = report().totals
    assert (together.received, together.attainment, together.median_days) == (0, None, None)

    (_, together) = report(received("1")).totals
    assert (together.attainment, together.p95_days) == (None, None)


def test_attainment_is_rounded_against_us():
    entries = [
        entry
        for number in range(3)
        for entry in (
            received(str(number)),
            completed(str(number), **({"models_by": "2026-01-06T00:00:00Z"} if not number else {})),
        )
    ]

    assert report(*entries).totals[-1].attainment == Decimal("66.6")


def test_days_are_rounded_up_and_ranked():
    ended = ["2026-01-05T00:00:01Z", "2026-01-07T00:00:00Z", "2026-01-15T00:00:00Z"]
    entries = [
        entry
        for number, at in enumerate(ended)
        for entry in (received(str(number)), completed(str(number), completed_at=at))
    ]

    totals = report(*entries).totals[-1]

    assert (totals.median_days, totals.p95_days) == (Decimal("2.00"), Decimal("10.00"))
    assert days(timedelta(seconds=1)) == Decimal("0.01")
    assert days(timedelta(0)) == Decimal("0.00")


@given(st.integers(1, 60))
def test_p95_is_the_nearest_rank(count):
    entries = [
        entry
        for number in range(1, count + 1)
        for entry in (
            received(str(number)),
            completed(str(number), completed_at=(MONDAY + timedelta(days=number)).isoformat()),
        )
    ]

    p95 = report(*entries).totals[-1].p95_days

    assert p95
    assert sum(1 for number in range(1, count + 1) if number <= p95) >= 0.95 * count
    assert sum(1 for number in range(1, count + 1) if number <= p95 - 1) < 0.95 * count


@pytest.mark.parametrize(
    ("since", "until", "told"),
    [
        (None, None, ["1", "2", "3"]),
        (date(2026, 1, 5), date(2026, 1, 5), ["1"]),
        (date(2026, 1, 6), None, ["2", "3"]),
        (None, date(2026, 1, 31), ["1", "2"]),
        (date(2027, 1, 1), None, []),
    ],
)
def test_a_period_holds_both_of_its_days(since, until, told):
    entries = [
        received("1", received_at="2026-01-05T23:59:59Z"),
        received("2", received_at="2026-01-31T00:00:00Z"),
        received("3", received_at="2026-02-01T00:00:00Z"),
    ]

    shown = report(*entries, since=since, until=until)

    assert [row.request_id for row in shown.rows] == told
    assert shown.totals[-1].received == len(told)
