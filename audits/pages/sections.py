"""The blocks of a page. Each names the template that shows it."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from django.contrib.admin import site
from django.contrib.auth import get_user_model
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from audits.entries import TrailEntry
from audits.pages.cells import NOTHING, code, link, moment

Cell = str | SafeString
_LONGEST_FACT: Final = 160
_PARTS: Final = 8  # of a document that is shown in a line
_LISTED: Final = 2  # longer lists are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Labels with values."""

    template: ClassVar[str] = "officers/sections/facts.html"
    title: str
    rows: Sequence[tuple[str, Cell]]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under headers; `empty` is said instead of a table without rows."""

    template: ClassVar[str] = "officers/sections/table.html"
    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    empty: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A paragraph, as loud as its tone."""

    template: ClassVar[str] = "officers/sections/words.html"
    title: str
    text: str
    tone: str = "calm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """A document as it is stored, folded away until somebody wants it."""

    template: ClassVar[str] = "officers/sections/raw.html"
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One recorded fact, ready to be shown."""

    at: SafeString
    what: str
    who: str
    about: str
    facts: Sequence[tuple[str, Cell]]
    seal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What happened, as the trail has it."""

    template: ClassVar[str] = "officers/sections/timeline.html"
    title: str
    moments: Sequence[Moment]
    empty: str


Section = Facts | Table | Words | Raw | Timeline


def raw(title: str, document: object) -> Raw:
    """Return a stored document, indented."""
    return Raw(title=title, text=json.dumps(document, indent=2, sort_keys=True, default=str))


def timeline_of(
    entries: Iterable[TrailEntry],
    *,
    title: str = "Timeline",
    about: bool = False,
    hidden: Collection[str] = (),
) -> Timeline:
    """Return recorded facts, newest first; `hidden` names facts that are said elsewhere."""
    newest_first = sorted(entries, key=_place)[::-1]
    people = names_of(
        {entry.actor for entry in newest_first}
        | {str(value) for entry in newest_first for value in entry.facts.values()}
    )
    return Timeline(
        title=title,
        moments=[
            Moment(
                at=moment(entry.at),
                what=in_words(entry.event),
                who=people.get(entry.actor, entry.actor),
                about=entry.about if about else "",
                facts=[
                    (in_words(name), people.get(str(value)) or shown(value))
                    for name, value in entry.facts.items()
                    if name not in hidden and value not in ("", None, [], {})
                ],
                seal="not sealed yet" if entry.index is None else f"leaf {entry.index}",
            )
            for entry in newest_first
        ],
        empty="The trail says nothing about this yet.",
    )


def _place(entry: TrailEntry) -> tuple[datetime, bool, int]:
    """Return where an entry stands: by time, then by leaf; what is not sealed comes last."""
    return entry.at, entry.index is None, entry.index or 0


def shown(value: object) -> Cell:
    """Return a recorded value in a form that people read."""
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return _shown_parts(value)
    if isinstance(value, list | tuple):
        return f"{len(value)} of them" if len(value) > _LISTED else ", ".join(map(str, value))
    return _shown_text(str(value))


def _shown_text(text: str) -> Cell:
    if (at := _as_moment(text)) is not None:
        return moment(at)
    if len(text) in {40, 64, 128} and all(letter in "0123456789abcdef" for letter in text):
        return code(text)
    return text if len(text) <= _LONGEST_FACT else f"{text[:_LONGEST_FACT]}…"


def _shown_parts(parts: Mapping[str, object]) -> SafeString:
    named = [(in_words(name).lower(), shown(part)) for name, part in parts.items()]
    more = [(f"and {len(named) - _PARTS} more", "")] if len(named) > _PARTS else []
    return format_html_join(", ", "{} {}", [*named[:_PARTS], *more])


def _as_moment(text: str) -> datetime | None:
    if len(text) < len("2026-01-05T00:00") or text[10:11] != "T":
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


def in_words(name: str) -> str:
    """Return `PlanApproved` or `plan_digest` as words."""
    apart = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
    words = apart.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def names_of(actors: Collection[str]) -> dict[str, str]:
    """Return what accounts call themselves, by actor; other actors say what they are already.

    The trail never holds these names: whoever leaves takes theirs along.
    """
    numbers = {actor.removeprefix("user:"): actor for actor in actors if actor.startswith("user:")}
    known = get_user_model().objects.filter(pk__in=[key for key in numbers if key.isdecimal()])
    return {
        numbers[str(pk)]: f"{name} (user:{pk})" for pk, name in known.values_list("pk", "username")
    }


def name_of(actor: str) -> Cell:
    """Return what one account calls itself."""
    return names_of({actor}).get(actor, actor) if actor else NOTHING


def about_link(about: str) -> Cell:
    """Return a link to the page of what a fact is about, where an admin says that it has one."""
    kind, _, key = about.partition("/")
    for registered in site._registry.values():  # noqa: SLF001  # Django's only list of admins
        found = getattr(registered, "address_about", lambda *_: None)(kind, key)
        if found is not None:
            return link(about, found)
    return about
