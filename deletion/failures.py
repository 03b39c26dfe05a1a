"""What is kept of a failed attempt. Pure."""

from typing import Final

_SHOWN: Final = 500  # characters of a failure that a row keeps


def said_of(kind: str, message: str) -> str:
    """Return what a row keeps of a failure; the messages of stores never hold a value."""
    return f"{kind}: {message}"[:_SHOWN] if message else kind
