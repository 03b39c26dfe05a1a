from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deletion.calendars import Calendar
from deletion.regimes import REGIMES

CALIFORNIA = Calendar(place="US-CA", zone="America/Los_Angeles")
CALENDARS = sorted({law.calendar for law in REGIMES.values() if law.calendar}, key=str)

# The weekdays of 2026 on which nobody is at work, as each government has published them:
# https://www.gov.uk/bank-holidays, https://www.mom.gov.sg/employment-practices/public-holidays,
# California's state holidays with Juneteenth and Independence Day as the federation observes them,
# what every province of Canada keeps, and Korea's public holidays with their substitute days.
PUBLISHED = {
    "GB-ENG": "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28",
    "SG": "01-01 02-17 02-18 04-03 05-01 05-27 06-01 08-10 11-09 12-25",
    "US-CA": "01-01 01-19 02-16 03-31 05-25 06-19 07-03 09-07 11-11 11-26 11-27 12-25",
    "CA": "01-01 04-03 07-01 09-07 12-25",
    "KR": (
        "01-01 02-16 02-17 02-18 03-02 05-01 05-05 05-25 06-03 07-17 08-17 09-24 09-25 10-05 10-09"
        " 12-25"
    ),
}


def calendar_of(place):
    return next(one for one in CALENDARS if one.place == place)


@pytest.mark.parametrize("place", PUBLISHED)
def test_a_year_of_weekdays_off_is_what_was_published(place):
    calendar = calendar_of(place)
    year = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]

    off = [day for day in year if day.weekday() < 5 and not calendar.is_business_day(day)]

    assert " ".join(f"{day:%m-%d}" for day in off) == PUBLISHED[place]
    assert not any(calendar.is_business_day(day) for day in year if day.weekday() >= 5)


@given(
    calendar=st.sampled_from(CALENDARS),
    moment=st.datetimes(
        min_value=datetime(2020, 1, 1),  # noqa: DTZ001  # hypothesis adds the zone
        max_value=datetime(2032, 1, 1),  # noqa: DTZ001  # as above
        timezones=st.just(UTC),
    ),
    days=st.integers(1, 45),
)
def test_just_so_many_business_days_lie_after_the_day_itself(calendar, moment, days):
    end = calendar.after(moment, days)

    first, last = (
        calendar.after(at, 0).astimezone(ZoneInfo(calendar.zone)) for at in (moment, end)
    )
    between = [
        first.date() + timedelta(days=n) for n in range(1, (last.date() - first.date()).days + 1)
    ]
    assert sum(calendar.is_business_day(day) for day in between) == days
    assert calendar.is_business_day(last.date())
    assert last.time() == first.time() or last.utcoffset() != first.utcoffset()


def test_ten_business_days_over_thanksgiving_are_sixteen_days():
    asked = datetime(2026, 11, 23, 20, tzinfo=UTC)  # a Monday at noon in California

    assert CALIFORNIA.after(asked, 10) == datetime(2026, 12, 9, 20, tzinfo=UTC)


def test_a_day_begins_where_the_law_is():
    # Saturday in Greenwich, but still Friday evening in California.
    assert CALIFORNIA.after(datetime(2026, 10, 3, 3, tzinfo=UTC), 1) == datetime(
        2026, 10, 6, 3, tzinfo=UTC
    )


def test_the_same_time_of_day_is_kept_over_the_change_of_the_clocks():
    # Daylight saving ends on 1 November 2026: noon is an hour later in Greenwich.
    assert CALIFORNIA.after(datetime(2026, 10, 30, 19, tzinfo=UTC), 1) == datetime(
        2026, 11, 2, 20, tzinfo=UTC
    )


def test_a_place_that_nobody_knows_stops_the_service_from_starting():
    with pytest.raises(NotImplementedError):
        Calendar(place="XX", zone="UTC")
    with pytest.raises(KeyError):
        Calendar(place="KR", zone="Asia/Nowhere")
