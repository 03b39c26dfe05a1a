"""Reads a declaration strictly: known fields only, exact types, and a refusal that names the place.

Kept apart from `recipes`, which says what a recipe means; this says only how one is read.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from privacy.errors import RecipeInvalid

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_FARTHEST: Final = 10**12  # no bound, step or count of this service is larger
_PLACES: Final = 12  # decimal places of a number


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One object of a declaration and the path that leads to it."""

    at: str
    held: Mapping[str, object]

    def path(self, field: str) -> str:
        """Return the path of a field, as refusals name it."""
        return f"{self.at}.{field}" if self.at else field

    def refuse(self, field: str, reason: str) -> RecipeInvalid:
        """Return the refusal of a field."""
        return RecipeInvalid(f"{self.path(field)}: {reason}")

    def fields(self, *, required: Sequence[str], optional: Sequence[str] = ()) -> None:
        """Refuse a field that is missing or that nobody knows."""
        for name in required:
            if name not in self.held:
                raise self.refuse(name, "missing")
        # `seed` is such a stranger: it would make the noise repeatable, and so removable.
        for name in self.held:
            if name not in required and name not in optional:
                raise RecipeInvalid(f"{self.at or 'the recipe'}: unknown field {name[:64]!a}")

    def has(self, field: str) -> bool:
        """Say whether an optional field is there."""
        return field in self.held

    def get(self, field: str) -> object:
        """Return a field unchecked."""
        return self.held.get(field)

    def text(self, field: str, *, longest: int = 200) -> str:
        """Return a name: printable, not empty, not too long."""
        value = self.held.get(field)
        if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= longest:
            raise self.refuse(field, f"not a printable text of 1 to {longest} characters")
        return value

    def prose(self, field: str) -> str:
        """Return an optional remark."""
        return self.text(field, longest=300) if self.has(field) else ""

    def slug(self, field: str) -> str:
        """Return a name made of small letters, digits and hyphens."""
        value = self.text(field, longest=64)
        if not _SLUG.fullmatch(value):
            raise self.refuse(field, "not made of small letters, digits and hyphens")
        return value

    def one_of(self, field: str, allowed: Sequence[str]) -> str:
        """Return a word of a closed list."""
        value = self.held.get(field)
        if not isinstance(value, str) or value not in allowed:
            raise self.refuse(field, f"not one of {listed(allowed)}")
        return value

    def integer(self, field: str, *, least: int, most: int) -> int:
        """Return a whole number within limits; JSON's 1.0 is the whole number 1."""
        value = self.held.get(field)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.refuse(field, f"not a whole number from {least} to {most}")
        return value

    def number(self, field: str) -> Decimal:
        """Return a number as it was written."""
        return _number(self.held.get(field), at=self.path(field))

    def pair(self, field: str) -> tuple[Decimal, Decimal]:
        """Return two numbers."""
        value = self.held.get(field)
        if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004  # a pair is two
            raise self.refuse(field, "not a list of two numbers")
        first, second = (_number(item, at=self.path(field)) for item in value)
        return first, second

    def alike(self, field: str, *, most: int) -> tuple[str, ...] | tuple[int, ...]:
        """Return different values of one kind: texts, whole numbers or truth values."""
        value = self.held.get(field)
        if not isinstance(value, list) or not 0 < len(value) <= most:
            raise self.refuse(field, f"not a list of 1 to {most} values")
        kinds = {type(item) for item in value}
        if kinds not in ({str}, {int}, {bool}):
            raise self.refuse(field, "not all texts, all whole numbers or all truth values")
        if len(set(value)) < len(value):
            raise self.refuse(field, "a value stands twice")
        for item in value:
            if isinstance(item, str) and not (item.isprintable() and 0 < len(item) <= 200):  # noqa: PLR2004  # as long as `text` allows
                raise self.refuse(field, "not printable texts of 1 to 200 characters")
            if isinstance(item, int) and abs(item) > _FARTHEST:
                raise self.refuse(field, f"beyond {_FARTHEST}")
        return tuple(value)

    def mapping(
        self, field: str, *, required: Sequence[str], optional: Sequence[str] = ()
    ) -> "Place":
        """Return an object within this one."""
        return mapping_of(
            self.held.get(field), at=self.path(field), required=required, optional=optional
        )

    def mappings(self, field: str, *, least: int, most: int) -> "Iterator[Place]":
        """Yield the objects of a list; their fields are not checked yet."""
        value = self.held.get(field)
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise self.refuse(field, f"not a list of {least} to {most} objects")
        for index, item in enumerate(value):
            yield _place(item, at=f"{self.path(field)}[{index}]")


def mapping_of(
    value: object, *, at: str, required: Sequence[str], optional: Sequence[str] = ()
) -> Place:
    """Return an object whose fields are all known."""
    place = _place(value, at=at)
    place.fields(required=required, optional=optional)
    return place


def listed(names: Iterable[str]) -> str:
    """Return names in order, once each, as a refusal shows them."""
    return ", ".join(sorted(set(names)))


def _place(value: object, *, at: str) -> Place:
    if not isinstance(value, Mapping):
        raise RecipeInvalid(f"{at or 'the recipe'}: not an object")
    return Place(at=at, held=value)


def _number(value: object, *, at: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _FARTHEST:
        raise RecipeInvalid(f"{at}: not a number within ±{_FARTHEST}")
    number = Decimal(str(value))  # the shortest text of the float: 0.1 means one tenth
    if number != round(number, _PLACES):
        raise RecipeInvalid(f"{at}: more than {_PLACES} decimal places")
    return number
