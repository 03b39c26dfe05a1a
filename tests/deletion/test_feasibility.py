"""Targets whose shortest window no way to start runs could keep."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.actions import resolve_alert
from audits.models import Alert
from deletion import actions
from deletion.feasibility import shortest_window, shortfall_of
from deletion.models import Run
from deletion.queries.feasibility import regimes_in_use
from deletion.regimes import REGIMES, Span
from deletion.states import ObligationKind
from deletion.tasks.steps import SWEEP, SWEEPER, follow_windows
from deletion.workload import Estimate
from lineage.models import DatasetFamily, Store
from tests.cast import BOB, MONDAY, OFFICER
from tests.deletion.builders import events, make_request, raw
from tests.lineage.builders import make_namespace
from training.models import Model

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ERASE = ObligationKind.ERASE


def short(*, window, safe):
    return shortfall_of(
        target="store/notes",
        window=(window, "gdpr"),
        estimate=Estimate(mean=safe / 3, safe=safe),
        margin=5 * HOUR,
        runs_seen=7,
    )


@given(
    window=st.timedeltas(min_value=DAY, max_value=60 * DAY),
    safe=st.timedeltas(min_value=timedelta(0), max_value=60 * DAY),
)
def test_a_window_is_long_enough_from_two_leads_on_and_the_numbers_told_would_do(window, safe):
    found = short(window=window, safe=safe)

    assert (found is not None) == (window < 2 * (safe + 5 * HOUR))
    if found is not None:
        told = found.detail
        would_do = timedelta(hours=told["window_that_would_do_hours"])
        assert short(window=would_do, safe=safe) is None
        lead = timedelta(hours=told["lead_that_would_do_hours"])
        if lead >= 5 * HOUR:
            assert short(window=window, safe=lead - 5 * HOUR) is None


def test_the_shortest_window_is_that_of_the_strictest_regime_in_use():
    laws = [REGIMES["gdpr"], REGIMES["korea"], REGIMES["ccpa"]]

    assert shortest_window(laws, kind=ERASE) == (5 * DAY, "korea")
    assert shortest_window(laws[:1], kind=ObligationKind.RETRAIN) == (20 * DAY, "gdpr")
    assert shortest_window([], kind=ERASE) is None


@pytest.mark.parametrize("law", REGIMES.values(), ids=lambda law: law.name)
def test_no_request_ever_has_less_than_the_shortest_window(law):
    for day in range(730):
        received_at = MONDAY + day * DAY
        clocks = law.clocks(received_at)

        assert clocks.erase_by - received_at >= law.shortest_erase
        assert clocks.models_by - received_at >= law.shortest_models


@given(months=st.integers(1, 14), day=st.integers(0, 800))
def test_a_month_counts_as_its_shortest(months, day):
    span, moment = Span(months=months), MONDAY + day * DAY

    assert span.after(moment) - moment >= span.at_least


def make_store(name="notes"):
    return Store.objects.create(name=name, kind="parquet", uri=name, registered_at=MONDAY)


def make_model(name="triage"):
    files = make_store(f"files-of-{name}")
    return Model.objects.create(
        name=name,
        purpose="",
        trainer="",
        registered_at=MONDAY,
        family=DatasetFamily.objects.create(name=name, store=files, shards=1, hold_out_permille=0),
    )


def ran(target, took, *, times=1):
    """Let a target have run, so many times."""
    is_store = isinstance(target, Store)
    Run.objects.bulk_create(
        Run(
            kind="erase" if is_store else "retrain",
            store=target if is_store else None,
            model=None if is_store else target,
            state="succeeded",
            started_at=MONDAY,
            finished_at=MONDAY + took,
        )
        for _ in range(times)
    )


def alerted():
    found = Alert.objects.filter(kind="window-too-short").order_by("pk")
    return [(alert.about, alert.resolved_at is None) for alert in found]


@pytest.fixture
def asked(db):
    """Somebody asked under the GDPR: ten days for the data, twenty for the models."""
    make_namespace()
    make_request()


def test_only_regimes_under_which_somebody_asked_count(asked):
    assert [law.name for law in regimes_in_use()] == ["gdpr"]

    make_request(raw(BOB), key="key-2", regime="korea")

    assert [law.name for law in regimes_in_use()] == ["gdpr", "korea"]


def test_a_target_that_takes_too_long_is_alerted_once_with_what_would_do(asked):
    slow, quick = make_store("archive"), make_store("notes")
    ran(slow, 6 * DAY, times=30)
    ran(quick, HOUR, times=30)

    for _ in range(3):
        follow_windows()

    assert alerted() == [("store/archive", True)]
    detail = Alert.objects.get().detail
    assert detail["window_hours"] == 240
    assert detail["lead_hours"] > 6 * 24
    assert detail["window_that_would_do_hours"] == 2 * detail["lead_hours"]
    assert detail["lead_that_would_do_hours"] == 120
    assert detail["runs_seen"] == 30
    assert events("store/archive") == ["AlertRaised"]


def test_a_model_that_was_just_registered_is_measured_by_its_kind(asked):
    ran(make_model("beds"), 4 * DAY, times=9)
    make_store()
    follow_windows()
    before = alerted()

    make_model("triage")
    follow_windows()

    assert "model/triage" not in dict(before)
    assert dict(alerted())["model/triage"]
    assert Alert.objects.get(about="model/triage").detail["runs_seen"] == 0
    assert "store/notes" not in dict(alerted()), "nothing of its kind has ever run"


def test_the_alert_closes_by_itself_once_the_runs_are_short(asked):
    store = make_store()
    ran(store, 6 * DAY, times=20)
    follow_windows()
    assert alerted() == [("store/notes", True)]

    Run.objects.all().delete()
    ran(store, HOUR, times=20)
    follow_windows()

    assert alerted() == [("store/notes", False)]
    assert events("store/notes") == ["AlertRaised", "AlertResolved"]


def test_what_is_given_up_needs_no_window(asked):
    store, model = make_store(), make_model()
    ran(store, 9 * DAY, times=20)
    ran(model, 19 * DAY, times=20)
    follow_windows()
    both = {("model/triage", True), ("store/notes", True)}
    assert both <= set(alerted())

    Store.objects.update(seen_gone_at=MONDAY)
    DatasetFamily.objects.update(retired_at=MONDAY)
    follow_windows()

    assert {is_open for _, is_open in alerted()} == {False}


def test_an_alert_that_a_person_has_answered_comes_back_only_when_things_are_worse(asked):
    store = make_store()
    ran(store, 6 * DAY, times=20)
    follow_windows()
    resolve_alert(alert_id=Alert.objects.get().pk, resolution="we know", actor=OFFICER, now=MONDAY)

    follow_windows()
    assert alerted() == [("store/notes", False)]

    make_request(raw(BOB), key="key-2", regime="korea")
    follow_windows()
    assert alerted() == [("store/notes", False), ("store/notes", True)]


def test_what_was_over_and_begins_anew_is_alerted_anew(asked):
    store = make_store()
    ran(store, 6 * DAY, times=20)
    follow_windows()
    Store.objects.update(seen_gone_at=MONDAY)
    follow_windows()

    Store.objects.update(seen_gone_at=None)
    follow_windows()

    assert alerted() == [("store/notes", False), ("store/notes", True)]
    assert {alert.resolved_by for alert in Alert.objects.all()} == {SWEEPER, ""}


def test_nobody_is_alerted_before_anybody_has_asked(db):
    ran(make_store(), 300 * DAY, times=20)

    actions.follow_windows(actor=OFFICER, now=MONDAY)

    assert alerted() == []


def test_a_sweep_looks_at_the_windows():
    assert follow_windows in SWEEP
