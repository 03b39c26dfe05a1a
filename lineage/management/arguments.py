"""What the arguments of this app's commands may be."""

from argparse import ArgumentTypeError
from collections.abc import Callable

from lineage.places import NAME


def name(text: str) -> str:
    """Return a name that may stand in addresses and in the trail."""
    if not NAME.fullmatch(text):
        raise ArgumentTypeError("a name has up to 64 letters, digits, dots, dashes or underscores")
    return text


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Return a parser of whole numbers between two bounds, both included."""

    def parse(text: str) -> int:
        number = int(text) if text.isdecimal() and len(text) <= len(str(high)) else None
        if number is None or not low <= number <= high:
            raise ArgumentTypeError(f"must be a whole number from {low} to {high}")
        return number

    return parse
