"""Decides, where a model serves, whether an artefact may be loaded: it allows, or refuses by name.

It needs Python, `cryptography` and the packages `training` and `audits` of this project: no Django,
no database and no network. `python -m training.verifier` is the same as a command.

What a serving system does when it cannot reach Lethe: it keeps the newest statement for as long as
that allows (`keep_seconds` after it was last confirmed, and never beyond `qualified_until`), and
then lets the fallback answer. `admit` holds it to this.
"""

from training.verifier.checking import (
    Memory,
    Statement,
    admit,
    read_statement,
    read_withdrawals,
    remember,
)
from training.verifier.refusals import Refused

__all__ = [
    "Memory",
    "Refused",
    "Statement",
    "admit",
    "read_statement",
    "read_withdrawals",
    "remember",
]
