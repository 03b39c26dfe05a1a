"""Facts about identifiers that are one person's. They say how many, and nothing of anybody."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LinksDeclared:
    """Somebody said of pairs of identifiers that each is one person's."""

    added: int
    known: int  # said before
    forgotten: int  # not kept: one of the two is on the suppression list


@dataclass(frozen=True, slots=True, kw_only=True)
class LinksTakenBack:
    """Somebody said that pairs of identifiers are not one person's after all."""

    removed: int
    unknown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifiersLinked:
    """Links added identifiers to a request: they are looked for like those that were named."""

    request_id: str
    added: int
    namespaces: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUndone:
    """An officer took back what a link had added to a request, before it was planned."""

    request_id: str
    removed: int  # with those to which only the undone one led
    left: int  # that links still add
