import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.pages.charts import bars_of

COUNTS = st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=60)


@given(COUNTS)
def test_every_bar_stands_between_the_axis_and_the_top_line(counts):
    chart = bars_of(title="t", labels=[str(n) for n in range(len(counts))], series={"a": counts})

    top = min(line.y for line in chart.lines)
    floor = max(line.y for line in chart.lines)
    for bar in chart.bars:
        assert top - 0.11 <= bar.y <= floor
        assert bar.y + bar.height == pytest.approx(floor, abs=0.21)
        assert chart.left <= bar.x
        assert bar.x + bar.width <= chart.width


@pytest.mark.parametrize(
    ("highest", "labels"),
    [
        (0, ["0", "1", "2", "3", "4"]),
        (3, ["0", "1", "2", "3", "4"]),
        (5, ["0", "2", "4", "6", "8"]),
        (37, ["0", "10", "20", "30", "40"]),
        (4100, ["0", "2,000", "4,000", "6,000", "8,000"]),
    ],
)
def test_the_axis_has_round_numbers(highest, labels):
    chart = bars_of(title="t", labels=["a"], series={"one": [highest]})

    assert [line.label for line in chart.lines] == labels


def test_a_chart_can_be_read_as_a_table():
    chart = bars_of(title="t", labels=["Mon", "Tue"], series={"in": [1, 0], "out": [0, 2]})

    assert chart.table == [("Mon", [1, 0]), ("Tue", [0, 2])]
    assert [bar.said for bar in chart.bars] == ["Mon: 1 in", "Tue: 2 out"]


def test_a_chart_without_anything_to_show_is_empty():
    assert bars_of(title="t", labels=["Mon"], series={"in": [0]}).is_empty
