"""The people and moments that every test talks about."""

from datetime import UTC, datetime
from typing import Final

from audits.trail import Actor

ALICE: Final = "alice-canary-7d1f"  # asks to be erased; a text that occurs nowhere by accident
BOB: Final = "bob-canary-52ce"  # a bystander: nothing of his may change
OFFICER: Final = Actor("user:clara")

MONDAY: Final = datetime(2026, 1, 5, tzinfo=UTC)
