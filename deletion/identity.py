"""How Lethe itself finds out that a person is who they say: a code sent to their address. Pure.

Any other word for a verification is the caller's own, and Lethe takes it as their statement.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final

from deletion.errors import VerificationNotPossible
from deletion.intake import RawIdentifier, SaidIdentifier
from lineage.identifiers import IdentifierKind, standardise

EMAIL_CODE: Final = "email-code"
"""The verification by which a caller leaves it to Lethe."""

DIGITS: Final = 8
CODE_LASTS: Final = timedelta(minutes=10)
TRIES: Final = 5  # of one code
MOST_CODES: Final = 5  # of one request: so that 25 guesses of 10^8 are made at the most
BETWEEN_CODES: Final = timedelta(minutes=1)

SUBJECT: Final = "Your code"


def address_in(
    identifiers: Sequence[SaidIdentifier], *, kinds: Mapping[str, IdentifierKind]
) -> str:
    """Return the one address that a request is about, as it is standardised.

    A code proves an address and nothing else, so the request names nothing else; and it is sent to
    the spelling by which the person is looked for. Raise `VerificationNotPossible` otherwise.
    """
    match list(identifiers):
        case [RawIdentifier(namespace=namespace, value=value)] if (
            kinds[namespace] is IdentifierKind.EMAIL
        ):
            return standardise(value, kind=IdentifierKind.EMAIL)
        case _:
            raise VerificationNotPossible("a code proves one e-mail address, written out")


def new_code(*, below: Callable[[int], int]) -> str:
    """Return a code; `below` is `secrets.randbelow` outside of tests."""
    return f"{below(10**DIGITS):0{DIGITS}d}"


def letter(code: str) -> str:
    """Return what the person reads."""
    minutes = CODE_LASTS // timedelta(minutes=1)
    return (
        f"Your code is {code}. It is valid for {minutes} minutes.\n\n"
        "Somebody asked to have the data about this address deleted. If it was you, enter the\n"
        "code where you asked. If it was not, do nothing: without it nothing is deleted.\n"
    )


def content_of(code: str, *, number: int) -> bytes:
    """Return what is kept of the so-many-th code of a request, as a keyed digest only."""
    return f"email code {number}: {code}".encode()
