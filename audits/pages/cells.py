"""Small pieces of HTML that stand in lists and tables: badges, moments, links, bars."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_SHOWN_OF_A_DIGEST: Final = 12
_MANY: Final = 14  # days, from which on hours say nothing
_THOUSAND: Final = 1000


class Tone(StrEnum):
    """How loud a badge is; it never says alone what its text does not say as well."""

    CALM = "calm"
    GOOD = "good"
    BUSY = "busy"
    WARN = "warn"
    BAD = "bad"


NOTHING: Final = SafeString('<span class="lt-nothing" aria-label="nothing">—</span>')


def badge(text: str, tone: Tone = Tone.CALM, *, title: str = "") -> SafeString:
    """Return a short coloured word."""
    return format_html(
        '<span class="lt-badge lt-{}"{}>{}</span>',
        tone,
        format_html(' title="{}"', title) if title else "",
        text,
    )


def state_badge(state: str, tones: Mapping[Any, Tone]) -> SafeString:
    """Return the badge of a state; a state without a tone is calm."""
    return badge(state, tones.get(state, Tone.CALM))


def moment(at: datetime | None) -> SafeString:
    """Return a moment in UTC, to the minute; hovering tells the second."""
    if at is None:
        return NOTHING
    utc = at.astimezone(UTC)
    return format_html(
        '<time class="lt-moment" datetime="{}" title="{} UTC">{} <small>UTC</small></time>',
        utc.isoformat(),
        utc.strftime("%Y-%m-%d %H:%M:%S"),
        utc.strftime("%Y-%m-%d %H:%M"),
    )


def span_words(span: timedelta) -> str:
    """Return a length of time in at most two units: `3 d 4 h`, `12 min`, `8 s`."""
    if span < _MINUTE:
        return f"{max(int(span.total_seconds()), 0)} s"
    if span < _HOUR:
        return f"{span // _MINUTE} min"
    if span < _DAY:
        hours, rest = divmod(span, _HOUR)
        return f"{hours} h {rest // _MINUTE} min" if rest >= _MINUTE else f"{hours} h"
    days, rest = divmod(span, _DAY)
    return f"{days} d {rest // _HOUR} h" if rest >= _HOUR and days < _MANY else f"{days} d"


def ago(at: datetime, now: datetime) -> str:
    """Return how long ago something was."""
    return f"{span_words(now - at)} ago"


def row_link(text: str, view: str, key: int | str | UUID) -> SafeString:
    """Return a link to the page of a row; `view` is `<app>_<model>`."""
    return link(text, reverse(f"admin:{view}_change", args=[quote(key)]))


def link(text: str, url: str) -> SafeString:
    """Return a link."""
    return format_html('<a class="lt-link" href="{}">{}</a>', url, text)


def code(text: str, *, shown: int = _SHOWN_OF_A_DIGEST) -> SafeString:
    """Return a digest or number, shortened; hovering tells all of it."""
    short = text if len(text) <= shown else f"{text[:shown]}…"
    return format_html('<code class="lt-code" title="{}">{}</code>', text, short)


def prose(text: str) -> SafeString:
    """Return a sentence that gets room in a table, and that breaks where it must."""
    return format_html('<span class="lt-prose">{}</span>', text) if text else NOTHING


def number(value: int) -> str:
    """Return a whole number with thin spaces between thousands."""
    return f"{value:,}".replace(",", "\u202f")


def bar(done: int, total: int, *, words: str = "", tone: Tone = Tone.BUSY) -> SafeString:
    """Return a bar with its numbers in words beside it."""
    said = words or f"{number(done)} of {number(total)}"
    return format_html(
        '<span class="lt-meter"><progress class="lt-bar lt-bar-{}" max="{}" value="{}"'
        ' aria-label="{}"></progress><span>{}</span></span>',
        tone,
        max(total, 1),
        done,
        said,
        said,
    )


def size_words(size: int) -> str:
    """Return a number of bytes in words."""
    if size < _THOUSAND:
        return f"{size} B"
    return f"{size / _THOUSAND:.1f} kB"
