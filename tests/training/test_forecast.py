import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.forecast import Choice, Measured, Part, Unit, choose, forecast

EQUAL = [Part(shard=shard, rows=100, kept=shard != 3) for shard in range(16)]


def test_without_any_measurement_rows_are_counted():
    found = forecast(EQUAL, [])

    assert (found.unit, found.parts, found.full) == (Unit.ROWS, 100.0, 1600.0)
    assert (found.choice, found.speed_up) == (Choice.PARTS, 16.0)


def test_a_part_costs_what_it_took_itself_by_the_row():
    measured = [Measured(shard=shard, rows=200, seconds=2.0) for shard in range(16)]
    measured[3] = Measured(shard=3, rows=200, seconds=8.0)

    found = forecast(EQUAL, measured)

    assert found.unit is Unit.SECONDS
    assert found.parts == pytest.approx(4.0)
    assert found.full == pytest.approx(15 * 1.0 + 4.0)


def test_a_part_that_was_never_fitted_costs_what_all_took_by_the_row():
    measured = [Measured(shard=0, rows=100, seconds=1.0), Measured(shard=1, rows=300, seconds=5.0)]

    found = forecast([Part(shard=9, rows=200, kept=False)], measured)

    assert found.parts == pytest.approx(200 * 6.0 / 400)


def test_slices_are_measured_apart():
    parts = [Part(shard=0, slice=number, rows=10, kept=number == 0) for number in range(3)]
    measured = [
        Measured(shard=0, slice=number, rows=10, seconds=1.0 + number) for number in range(3)
    ]

    found = forecast(parts, measured)

    assert (found.parts, found.full) == pytest.approx((5.0, 6.0))


def test_when_everything_is_hit_everything_is_made_anew():
    found = forecast([Part(shard=0, rows=10, kept=False)], [])

    assert (found.choice, found.speed_up) == (Choice.FULL, 1.0)


def test_nothing_to_fit_is_the_cheapest_of_all():
    found = forecast([Part(shard=0, rows=10, kept=True)], [])

    assert (found.choice, found.parts, found.speed_up) == (Choice.PARTS, 0, None)


def test_a_clock_that_stood_still_does_not_make_parts_free():
    found = forecast(EQUAL, [Measured(shard=3, rows=100, seconds=0.0)])

    assert 0 < found.parts < found.full


def test_rows_of_nobody_measure_nothing():
    assert forecast(EQUAL, [Measured(shard=0, rows=0, seconds=3.0)]).unit is Unit.ROWS


def test_it_is_kept_as_json():
    assert json.loads(json.dumps(forecast(EQUAL, []).as_json())) == {
        "unit": "rows",
        "parts": 100.0,
        "full": 1600.0,
        "choice": "the parts hit",
        "speed_up": 16.0,
    }


PARTS = st.lists(
    st.builds(
        Part,
        shard=st.integers(0, 9),
        slice=st.integers(0, 3),
        rows=st.integers(1, 10_000),
        kept=st.booleans(),
    ),
    max_size=20,
)
MEASURED = st.lists(
    st.builds(
        Measured,
        shard=st.integers(0, 9),
        slice=st.integers(0, 3),
        rows=st.integers(0, 10_000),
        seconds=st.floats(0.0, 1e5),
    ),
    max_size=20,
)


@given(PARTS, MEASURED)
def test_the_choice_is_never_expected_to_be_the_slower_one(parts, measured):
    found = forecast(parts, measured)

    chosen = found.parts if found.choice is Choice.PARTS else found.full
    assert chosen <= min(found.parts, found.full) or found.parts == pytest.approx(found.full)
    assert found.parts <= found.full * (1 + 1e-9)


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_the_slower_way_is_never_chosen(parts, full):
    chosen = parts if choose(parts=parts, full=full) is Choice.PARTS else full

    assert chosen == min(parts, full)


def test_with_a_margin_parts_must_win_by_more_than_it():
    assert choose(parts=9.0, full=10.0) is Choice.PARTS
    assert choose(parts=9.0, full=10.0, margin=0.2) is Choice.FULL
    assert choose(parts=8.0, full=10.0, margin=0.2) is Choice.PARTS
