from datetime import timedelta

import pytest

from audits.pages.cells import Tone, badge, bar, code, moment, number, span_words
from tests.cast import MONDAY


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=-5), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=12), "12 min"),
        (timedelta(hours=5), "5 h"),
        (timedelta(hours=5, minutes=7), "5 h 7 min"),
        (timedelta(days=3, hours=4, minutes=59), "3 d 4 h"),
        (timedelta(days=3), "3 d"),
        (timedelta(days=40, hours=4), "40 d"),
    ],
)
def test_a_span_is_told_in_at_most_two_units(span, words):
    assert span_words(span) == words


def test_text_in_a_badge_cannot_become_html():
    assert "<b>" not in badge("<b>", Tone.BAD, title='"><b>')


def test_a_moment_is_told_in_utc():
    assert "2026-01-05 00:00" in moment(MONDAY)
    assert "nothing" in moment(None)


def test_a_long_digest_is_shortened_and_told_whole_when_hovered():
    shown = code("ab" * 32)

    assert ">abababababab…<" in shown
    assert f'title="{"ab" * 32}"' in shown


def test_thousands_stand_apart():
    assert number(1234567) == "1\u202f234\u202f567"


def test_a_bar_says_its_numbers_in_words():
    assert "3 of 8" in bar(3, 8)
    assert 'max="1"' in bar(0, 0)  # a bar of nothing divides by nothing
