"""The laws and their clocks, read from `regimes.toml`. Pure: a moment of receipt in, due dates out.

A regime is a duty to erase, the duties to keep, and a clock rule; a number of days would not do.
"""

import tomllib
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from deletion.calendars import Calendar
from deletion.errors import (
    DenialNotAllowed,
    ExtensionNotAllowed,
    HoldGroundUnknown,
    PauseNotAllowed,
    RegimeUnknown,
)

_MONTHS: Final = 12
_SHORTEST_MONTH: Final = 28  # days
_NONE: Final = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A length of time as a law counts it; exactly one of the three is set."""

    months: int = 0
    days: int = 0
    business_days: int = 0

    def __post_init__(self) -> None:
        """Refuse a span that says nothing, or two things."""
        said = (self.months, self.days, self.business_days)
        if min(said) < 0 or sum(length > 0 for length in said) != 1:
            raise ValueError("a span is a positive number of months, days or business days")

    @override
    def __str__(self) -> str:
        """Return the length in words."""
        length, unit = next(
            (length, unit)
            for length, unit in (
                (self.months, "calendar month"),
                (self.days, "day"),
                (self.business_days, "business day"),
            )
            if length
        )
        return f"{length} {unit}{'' if length == 1 else 's'}"

    @property
    def at_least(self) -> timedelta:
        """Return a length that it always has: months as February, business days in a row."""
        return timedelta(days=_SHORTEST_MONTH * self.months + self.days + self.business_days)

    def after(self, moment: datetime, *, calendar: Calendar | None = None) -> datetime:
        """Return the same time of day this long after a moment; business days need a calendar."""
        if self.months:
            return months_after(moment, self.months)
        if self.business_days:
            if calendar is None:
                raise ValueError("business days are counted in a calendar: name one")
            return calendar.after(moment, self.business_days)
        return moment + timedelta(days=self.days)


def months_after(moment: datetime, months: int) -> datetime:
    """Return the same day of a later month, or that month's last day if it is shorter."""
    count = moment.month - 1 + months
    year, month = moment.year + count // _MONTHS, count % _MONTHS + 1
    day = min(moment.day, monthrange(year, month)[1])
    return moment.replace(year=year, month=month, day=day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A reason that a law accepts: to keep, to deny, or to stop the clock."""

    article: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """When a request must be acknowledged, the data be erased, and the models be clean."""

    acknowledge_by: datetime | None
    erase_by: datetime
    models_by: datetime
    lawful_until: datetime  # the law's own date; the two clocks never run longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """A law, or a promise, under which people demand to be deleted."""

    name: str
    title: str
    reviewed: date
    erase_article: str
    erase_source: str
    clock_article: str
    acknowledge: Span | None
    act: Span
    extend: Span | None
    extend_for: tuple[str, ...]  # the reasons that allow to extend; told to the person
    calendar: Calendar | None  # of business days; None where the law counts none
    slo_erase: Span
    slo_models: Span
    keep: tuple[Ground, ...]
    deny: tuple[Ground, ...]  # beside those to keep, on which a request may be denied as well
    denial_article: str
    denial_tells: str  # what the person must be told who is denied
    pause_for: tuple[Ground, ...]  # empty: this law stops no clock
    pause_alert: Span | None  # how long a person may be silent before somebody is to decide

    def __post_init__(self) -> None:
        """Refuse business days that nobody could count."""
        spans = (self.acknowledge, self.act, self.extend, self.slo_erase, self.slo_models)
        if self.calendar is None and any(
            span is not None and span.business_days for span in (*spans, self.pause_alert)
        ):
            raise ValueError(f"{self.name} counts business days: name their calendar")

    @property
    def articles(self) -> tuple[str, ...]:
        """Return what a certificate cites."""
        return tuple(dict.fromkeys((self.erase_article, self.clock_article)))

    @property
    def shortest_models(self) -> timedelta:
        """Return the time from receipt until the models must be clean, at its shortest."""
        return min(self.slo_models.at_least, self.act.at_least)

    @property
    def shortest_erase(self) -> timedelta:
        """Return the time from receipt until the data must be erased, at its shortest."""
        return min(self.slo_erase.at_least, self.shortest_models)

    def clocks(
        self, received_at: datetime, *, extended: bool = False, paused: timedelta = _NONE
    ) -> Clocks:
        """Start the clocks: at receipt, whatever verification takes.

        An extension moves every date but that of the acknowledgement by the law's own length, and
        pauses by as long as they lasted together.
        """
        lawful_until = self.act.after(received_at, calendar=self.calendar)
        models_by = min(self.slo_models.after(received_at, calendar=self.calendar), lawful_until)
        erase_by = min(self.slo_erase.after(received_at, calendar=self.calendar), models_by)
        more = paused + (self.more_time(received_at) if extended else _NONE)
        return Clocks(
            acknowledge_by=self.acknowledge.after(received_at, calendar=self.calendar)
            if self.acknowledge
            else None,
            erase_by=erase_by + more,
            models_by=models_by + more,
            lawful_until=lawful_until + more,
        )

    def more_time(self, received_at: datetime) -> timedelta:
        """Return by how much an extension moves the dates; pauses make it no longer."""
        if self.extend is None:
            raise ExtensionNotAllowed(f"{self.clock_article} knows no extension")
        lawful_until = self.act.after(received_at, calendar=self.calendar)
        return self.extend.after(lawful_until, calendar=self.calendar) - lawful_until

    def may_extend(
        self, received_at: datetime, *, paused: timedelta = _NONE, now: datetime
    ) -> bool:
        """Say whether the law still gives more time."""
        return (
            self.extend is not None
            and now <= self.act.after(received_at, calendar=self.calendar) + paused
        )

    def require_extension(
        self,
        *,
        reason: str,
        received_at: datetime,
        told_at: datetime,
        paused: timedelta = _NONE,
        now: datetime,
    ) -> None:
        """Raise `ExtensionNotAllowed` unless the law lets the clocks be extended so.

        The person must be told, with a reason that the law knows, before its first date has passed.
        """
        if self.extend is None:
            raise ExtensionNotAllowed(f"{self.clock_article} knows no extension")
        if reason not in self.extend_for:
            raise ExtensionNotAllowed(f"{self.clock_article} knows: {'; '.join(self.extend_for)}")
        may_extend = self.may_extend(received_at, paused=paused, now=now)
        if not (received_at <= told_at <= now and may_extend):
            raise ExtensionNotAllowed(
                "the person is told, and the dates are moved, after receipt and before the first"
                " date: afterwards the request is late"
            )

    @property
    def deny_for(self) -> tuple[Ground, ...]:
        """Return on which grounds a request may be denied; one to keep, if nothing is left."""
        return (*self.deny, *self.keep)

    def require_denial(
        self, *, article: str, received_at: datetime, told_at: datetime, now: datetime
    ) -> Ground:
        """Return the ground of a denial of which the person was told; else `DenialNotAllowed`."""
        ground = next((one for one in self.deny_for if one.article == article), None)
        if ground is None:
            known = "; ".join(one.article for one in self.deny_for)
            raise DenialNotAllowed(f"{self.name} knows: {known}")
        if not received_at <= told_at <= now:
            raise DenialNotAllowed("the person is told first, and after their request came in")
        return ground

    def require_pause(
        self,
        *,
        article: str,
        asked_at: datetime,
        since: datetime,
        lawful_until: datetime,
        now: datetime,
    ) -> Ground:
        """Return the ground on which the clock stops, or raise `PauseNotAllowed`.

        The clock stops when the person was asked: after receipt and every earlier pause (`since`),
        and before the law's own date.
        """
        if not self.pause_for:
            raise PauseNotAllowed(f"{self.clock_article} stops no clock")
        ground = next((one for one in self.pause_for if one.article == article), None)
        if ground is None:
            known = "; ".join(one.article for one in self.pause_for)
            raise PauseNotAllowed(f"{self.name} knows: {known}")
        if not since <= asked_at <= now:
            raise PauseNotAllowed("the person is asked after receipt, and after an earlier pause")
        if asked_at > lawful_until:
            raise PauseNotAllowed("the law's own date had passed before: the request is late")
        return ground

    def silence_ends(self, asked_at: datetime) -> datetime:
        """Return from when a person who was asked, and does not answer, is somebody's to decide."""
        if self.pause_alert is None:
            raise PauseNotAllowed(f"{self.clock_article} stops no clock")
        return self.pause_alert.after(asked_at, calendar=self.calendar)

    def ground(self, article: str) -> Ground:
        """Return the ground for keeping that an article gives, or raise `HoldGroundUnknown`."""
        for ground in self.keep:
            if ground.article == article:
                return ground
        raise HoldGroundUnknown(f"{self.name} knows: {'; '.join(g.article for g in self.keep)}")


def read_regimes(text: str) -> Mapping[str, Regime]:
    """Read the file; a mistake in it stops the service from starting."""
    return {name: _regime(name, said) for name, said in tomllib.loads(text).items()}


def regime_named(name: str) -> Regime:
    """Return a declared regime, or raise `RegimeUnknown`."""
    if name not in REGIMES:
        raise RegimeUnknown(f"declared are: {', '.join(sorted(REGIMES))}")
    return REGIMES[name]


def _regime(name: str, said: Mapping[str, Any]) -> Regime:
    clock, slo, pause = said["clock"], said["slo"], said.get("pause", {})
    return Regime(
        name=name,
        title=said["title"],
        reviewed=said["reviewed"],
        erase_article=said["erase"]["article"],
        erase_source=said["erase"]["source"],
        clock_article=clock["article"],
        acknowledge=_span(clock.get("acknowledge")),
        act=Span(**clock["act"]),
        extend=_span(clock.get("extend")),
        extend_for=tuple(clock.get("extend_for", ())),
        calendar=Calendar(**said["calendar"]) if "calendar" in said else None,
        slo_erase=Span(**slo["erase"]),
        slo_models=Span(**slo["models"]),
        keep=_grounds(said["keep"]),
        deny=_grounds(said.get("deny", ())),
        denial_article=said["denial"]["article"],
        denial_tells=said["denial"]["tells"],
        pause_for=_grounds(pause.get("for", ())),
        pause_alert=Span(**pause["alert_after"]) if pause else None,
    )


def _grounds(said: Sequence[Mapping[str, str]]) -> tuple[Ground, ...]:
    return tuple(Ground(**ground) for ground in said)


def _span(said: Mapping[str, int] | None) -> Span | None:
    return None if said is None else Span(**said)


REGIMES: Final = read_regimes(Path(__file__).with_name("regimes.toml").read_text(encoding="utf-8"))
