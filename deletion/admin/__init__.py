"""Requests, plans and runs as officers see them, and the buttons they may press."""

from deletion.admin import (
    agents,
    batches,
    disgorgements,
    imports,
    recipients,
    requests,
    runs,
    tellings,
)

__all__ = [
    "agents",
    "batches",
    "disgorgements",
    "imports",
    "recipients",
    "requests",
    "runs",
    "tellings",
]
