"""The business days of a place: neither at its weekend nor on its public holidays. Pure.

The holidays are those of the `holidays` library, which follows what each government publishes.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import holidays
from typing_extensions import override

_ONE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Where business days are counted."""

    place: str  # ISO 3166: "GB-ENG", "US-CA", "KR"
    zone: str  # of the IANA database: which day it is depends on where one stands

    def __post_init__(self) -> None:
        """Refuse a place or a zone that nobody knows."""
        _days_off(self.place)
        ZoneInfo(self.zone)

    @override
    def __str__(self) -> str:
        """Return both in words."""
        return f"{self.place}, days of {self.zone}"

    def is_business_day(self, day: date) -> bool:
        """Say whether people are at work on a day."""
        return _days_off(self.place).is_working_day(day)

    def after(self, moment: datetime, days: int) -> datetime:
        """Return the moment that many business days later, not counting its own day."""
        zone, left = ZoneInfo(self.zone), days
        there = moment.astimezone(zone)
        while left:
            there += _ONE
            left -= self.is_business_day(there.date())
        return there.astimezone(moment.tzinfo)


@cache
def _days_off(place: str) -> holidays.HolidayBase:
    country, _, part = place.partition("-")
    return holidays.country_holidays(country, subdiv=part or None)
