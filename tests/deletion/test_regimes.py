from calendar import monthrange
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deletion.errors import ExtensionNotAllowed, HoldGroundUnknown, RegimeUnknown
from deletion.regimes import (
    REGIMES,
    Span,
    months_after,
    read_regimes,
    regime_named,
)
from tests.cast import MONDAY

moments = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001  # hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001  # as above
    timezones=st.just(UTC),
)


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (datetime(2026, 1, 31, 9, tzinfo=UTC), datetime(2026, 2, 28, 9, tzinfo=UTC)),
        (datetime(2028, 1, 31, 9, tzinfo=UTC), datetime(2028, 2, 29, 9, tzinfo=UTC)),
        (datetime(2026, 12, 31, 9, tzinfo=UTC), datetime(2027, 1, 31, 9, tzinfo=UTC)),
        (datetime(2026, 1, 5, 9, tzinfo=UTC), datetime(2026, 2, 5, 9, tzinfo=UTC)),
        (datetime(2026, 11, 30, 9, tzinfo=UTC), datetime(2026, 12, 30, 9, tzinfo=UTC)),
    ],
)
def test_a_calendar_month_ends_on_the_same_day_or_on_the_last_one(received, due):
    assert months_after(received, 1) == due


@given(moment=moments, months=st.integers(1, 40))
def test_months_land_in_the_month_they_name_as_late_as_it_allows(moment, months):
    later = months_after(moment, months)

    assert (later.year * 12 + later.month) - (moment.year * 12 + moment.month) == months
    assert later.day == min(moment.day, monthrange(later.year, later.month)[1])
    assert later.timetz() == moment.timetz()


@given(first=moments, second=moments, months=st.integers(1, 40))
def test_who_asks_earlier_is_never_due_later(first, second, months):
    earlier, later = sorted((first, second))

    assert months_after(earlier, months) <= months_after(later, months)


@pytest.mark.parametrize("said", [{}, {"days": 0}, {"days": 3, "months": 1}, {"days": -1}])
def test_a_span_says_exactly_one_length(said):
    with pytest.raises(ValueError, match="a span is"):
        Span(**said)


@given(received=moments, name=st.sampled_from(sorted(REGIMES)))
def test_no_clock_runs_longer_than_the_law_and_data_go_before_models(received, name):
    clocks = regime_named(name).clocks(received)

    assert received < clocks.erase_by <= clocks.models_by <= clocks.lawful_until


def test_the_gdpr_counts_a_calendar_month_and_asks_for_no_acknowledgement():
    clocks = regime_named("gdpr").clocks(datetime(2026, 1, 31, tzinfo=UTC))

    assert clocks.lawful_until == datetime(2026, 2, 28, tzinfo=UTC)
    assert clocks.erase_by == datetime(2026, 2, 10, tzinfo=UTC)
    assert clocks.models_by == datetime(2026, 2, 20, tzinfo=UTC)
    assert clocks.acknowledge_by is None


def test_the_ccpa_counts_days_and_acknowledges_in_business_days():
    clocks = regime_named("ccpa").clocks(MONDAY)

    assert clocks.lawful_until == MONDAY + timedelta(days=45)
    # Midnight of Monday the 5th in London is Sunday in California, so that the 5th counts.
    assert clocks.acknowledge_by == datetime(2026, 1, 17, tzinfo=UTC)


def test_every_regime_says_where_it_stands_and_when_it_was_reviewed():
    for regime in REGIMES.values():
        assert regime.erase_article
        assert regime.erase_source
        assert isinstance(regime.reviewed, date)
        assert regime.keep
        assert len(set(regime.articles)) == len(regime.articles)


def test_business_days_need_a_calendar():
    with pytest.raises(ValueError, match="lax counts business days"):
        read_regimes(
            """
            [lax]
            title = "A law that does not say where it is"
            reviewed = 2026-01-01
            erase = { article = "1", source = "here" }
            keep = []
            denial = { article = "3", tells = "why" }
            clock = { article = "2", act = { business_days = 30 } }
            slo = { erase = { days = 90 }, models = { days = 90 } }
            """
        )
    with pytest.raises(ValueError, match="name one"):
        Span(business_days=3).after(MONDAY)


def test_a_regime_that_nobody_declared_is_refused_with_those_that_are():
    with pytest.raises(RegimeUnknown, match="ccpa, delete-act, gdpr, internal"):
        regime_named("atlantis")


def test_a_hold_needs_a_ground_that_the_law_knows():
    law = regime_named("gdpr")

    assert law.ground("GDPR Art. 17(3)(e)").reason == "legal claims"
    with pytest.raises(HoldGroundUnknown, match="17\\(3\\)\\(b\\)"):
        law.ground("because we like to keep it")


def test_an_own_window_longer_than_the_law_does_not_lengthen_the_clock():
    lax = read_regimes(
        """
        [lax]
        title = "A promise that its own window breaks"
        reviewed = 2026-01-01
        erase = { article = "1", source = "here" }
        keep = []
        denial = { article = "3", tells = "why" }
        clock = { article = "2", act = { days = 30 } }
        slo = { erase = { days = 90 }, models = { days = 90 } }
        """
    )["lax"]

    clocks = lax.clocks(MONDAY)

    assert clocks.erase_by == clocks.models_by == MONDAY + timedelta(days=30)


@given(
    received=moments, name=st.sampled_from(sorted(n for n, law in REGIMES.items() if law.extend))
)
def test_an_extension_moves_no_clock_earlier_and_keeps_their_order(received, name):
    law = regime_named(name)
    before, after = law.clocks(received), law.clocks(received, extended=True)

    assert after.acknowledge_by == before.acknowledge_by
    assert after.erase_by > before.erase_by
    assert after.models_by > before.models_by
    assert after.erase_by <= after.models_by <= after.lawful_until


def test_ninety_days_in_all_under_californias_law():
    assert regime_named("ccpa").clocks(MONDAY, extended=True).lawful_until == MONDAY + timedelta(90)


def test_a_law_without_an_extension_gives_none():
    assert REGIMES["lgpd"].extend is None

    with pytest.raises(ExtensionNotAllowed, match=r"Art\. 19"):
        REGIMES["lgpd"].clocks(MONDAY, extended=True)


def test_who_extends_names_a_reason_and_has_told_the_person_in_time():
    law = regime_named("gdpr")

    def require(reason="the request is complex", told=MONDAY, now=MONDAY):
        law.require_extension(reason=reason, received_at=MONDAY, told_at=told, now=now)

    require()
    with pytest.raises(ExtensionNotAllowed, match=r"complex; .*much"):
        require("we forgot")
    with pytest.raises(ExtensionNotAllowed, match="before the first"):
        require(told=MONDAY + timedelta(days=1))  # not yet
    late = law.clocks(MONDAY).lawful_until + timedelta(days=1)
    with pytest.raises(ExtensionNotAllowed, match="before the first"):
        require(told=late, now=late)
    with pytest.raises(ExtensionNotAllowed, match="late"):
        require(now=late)  # told in time, but nobody moved the dates
    with pytest.raises(ExtensionNotAllowed, match="after receipt"):
        require(told=MONDAY - timedelta(days=1))


def test_a_law_that_extends_says_for_which_reasons():
    assert all((law.extend is None) == (not law.extend_for) for law in REGIMES.values())
